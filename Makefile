# Needs Go and make. `make help` lists the targets.

# One static binary. Without cgo it starts faster, and the build needs no C compiler.
GO_BUILD = CGO_ENABLED=0 go build -trimpath -ldflags="-s -w"

# The race detector needs cgo, which needs a C compiler.
RACE = $(shell command -v $$(go env CC) >/dev/null && echo -race)

PREFIX ?= /usr/local

.PHONY: help build test test-windows e2e conformance fuzz verify bench demo install uninstall clean

build: ## build bin/doks-auth (the default)
	$(GO_BUILD) -o bin/doks-auth ./cmd/doks-auth

test: ## run all tests, with the race detector if there is a C compiler
	@test -n "$(RACE)" || echo "no C compiler: testing without the race detector"
	@test -n "$$DOKS_AUTH_TEST_OPENAPI" || \
		echo "DOKS_AUTH_TEST_OPENAPI isn't set: not checking against DigitalOcean's OpenAPI document"
	CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) ./...

# Builds real kubectls and a real kube-apiserver from their modules the first time.
e2e: build ## run the plugin between real kubectls and a real kube-apiserver (Linux)
	hack/e2e/run

# Installs Wine into a directory of its own the first time.
test-windows: ## run the tests, and the built doks-auth.exe with kubectl.exe, in Wine (Linux, root)
	hack/windows/run

# Installs the clients from their package registries the first time.
conformance: ## run the plugin with clients in many languages (Linux, root)
	hack/conformance/run

fuzz: ## run each fuzz target for a minute
	go test -run='^$$' -fuzz=FuzzReadRequest -fuzztime=1m ./pkg/execcredential
	go test -run='^$$' -fuzz=FuzzOpenEntry -fuzztime=1m ./pkg/internal/cachedir
	go test -run='^$$' -fuzz=FuzzPutGet -fuzztime=1m ./pkg/internal/cachedir
	go test -run='^$$' -fuzz=FuzzCutDoctlConfig -fuzztime=1m ./pkg/digitalocean/accounts
	go test -run='^$$' -fuzz=FuzzProblems -fuzztime=1m ./pkg/internal/kubeconfig
	go test -run='^$$' -fuzz=FuzzSaveRemove -fuzztime=1m ./pkg/internal/kubeconfig
	go test -run='^$$' -fuzz=FuzzApply -fuzztime=1m ./pkg/internal/yamledit

verify: ## check formatting, go.mod, vet, staticcheck, actionlint, govulncheck, import rules, and builds
	hack/verify

bench: build ## measure what a cache hit costs
	go run ./hack/bench bin/doks-auth

demo: build ## show what doks-auth does, against a stand-in for the API
	go run ./hack/sandbox bin/doks-auth

install: build ## install into PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 bin/doks-auth $(DESTDIR)$(PREFIX)/bin/doks-auth

uninstall: ## remove what install installed
	rm -f $(DESTDIR)$(PREFIX)/bin/doks-auth

clean: ## remove bin
	rm -rf bin

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
