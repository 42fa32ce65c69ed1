# Needs Go and make. `make help` lists the targets.

# One static binary. Without cgo it starts faster, and the build needs no C compiler.
GO_BUILD = CGO_ENABLED=0 go build -trimpath -ldflags="-s -w"

# The race detector needs cgo, which needs a C compiler.
RACE = $(shell command -v $$(go env CC) >/dev/null && echo -race)

PREFIX ?= /usr/local

.PHONY: help build share test test-windows e2e conformance fuzz verify bench demo install uninstall clean \
	release snapshot verify-release test-release

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

share: ## write completions and man pages to bin/share
	rm -rf bin/share
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null) go run ./hack/share bin/share

SHARE = $(DESTDIR)$(PREFIX)/share
BASH = $(SHARE)/bash-completion/completions
ZSH = $(SHARE)/zsh/site-functions
FISH = $(SHARE)/fish/vendor_completions.d
MAN = $(SHARE)/man/man1

install: build share ## install the program, completions and man pages into PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(BASH) $(ZSH) $(FISH) $(MAN)
	install -m 755 bin/doks-auth $(DESTDIR)$(PREFIX)/bin/doks-auth
	install -m 644 bin/share/completions/doks-auth.bash $(BASH)/doks-auth
	install -m 644 bin/share/completions/_doks-auth $(ZSH)/_doks-auth
	install -m 644 bin/share/completions/doks-auth.fish $(FISH)/doks-auth.fish
	install -m 644 bin/share/man/*.1 $(MAN)

uninstall: ## remove what install installed
	rm -f $(DESTDIR)$(PREFIX)/bin/doks-auth $(BASH)/doks-auth $(ZSH)/_doks-auth $(FISH)/doks-auth.fish
	rm -f $(MAN)/doks-auth.1 $(MAN)/doks-auth-*.1

# Builds GoReleaser from its module the first time.
release: ## build the release VERSION, a tag, into dist; SIGNING_KEY is an SSH key to sign it with (Linux)
	hack/release/build dist "$(or $(VERSION),$(error set VERSION to a tag))"

snapshot: ## build what a release of the last commit would be into dist (Linux)
	hack/release/build dist

verify-release: ## build it again, elsewhere and from scratch, and compare it with dist (Linux)
	hack/release/verify dist "$(VERSION)"

# Installs what reads packages from Debian the first time.
test-release: ## build a release, and install and use everything in it (Linux, root)
	hack/release/test

clean: ## remove bin and dist
	rm -rf bin dist

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
