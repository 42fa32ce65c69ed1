module github.com/doks-auth/doks-auth/hack/conformance/opentofu

go 1.26.0

require github.com/opentofu/opentofu v1.12.6
