# On a machine with Go and make: `make demo` shows what doks-auth does, `make test` tests it.

# One static binary. Without cgo it starts faster, and needs no C compiler.
GO_BUILD = CGO_ENABLED=0 go build -trimpath -ldflags="-s -w"

# The race detector needs cgo, and that a C compiler.
RACE = $(shell command -v $$(go env CC) >/dev/null && echo -race)

PREFIX ?= /usr/local

.PHONY: build test e2e fuzz verify bench demo install clean

build:
	$(GO_BUILD) -o bin/doks-auth ./cmd/doks-auth

test:
	@test -n "$(RACE)" || echo "no C compiler: testing without the race detector"
	CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) ./...

# Real kubectls and a real kube-apiserver, built from their modules at the first time.
e2e: build
	hack/e2e/run

fuzz:
	go test -run='^$$' -fuzz=FuzzReadRequest -fuzztime=1m ./pkg/execcredential
	go test -run='^$$' -fuzz=FuzzOpenEntry -fuzztime=1m ./pkg/internal/cachedir
	go test -run='^$$' -fuzz=FuzzCutDoctlConfig -fuzztime=1m ./pkg/digitalocean
	go test -run='^$$' -fuzz=FuzzSaveRemove -fuzztime=1m ./pkg/kubeconfig

verify:
	hack/verify

bench: build
	go run ./hack/bench bin/doks-auth

demo: build
	go run ./hack/sandbox bin/doks-auth

install: build
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 bin/doks-auth $(DESTDIR)$(PREFIX)/bin/doks-auth

clean:
	rm -rf bin
