// Command provider-go is an OpenID provider for the tests: zitadel/oidc, with users who need no password. Anybody is a
// user whose login is an email address.
//
// GET /counts?user=LOGIN says in JSON what happened for a user. PUT /lifetime?client=ID&lifetime=SECONDS changes how
// long a client's ID tokens are valid. PUT /devices?offered=false makes it a provider without device codes.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

func main() {
	issuer := flag.String("issuer", "", "the issuer, https://HOST:PORT, where it listens")
	cert := flag.String("cert", "", "the file of its certificate")
	key := flag.String("key", "", "the file of the certificate's key")
	flag.Parse()
	address, err := url.Parse(*issuer)
	if err != nil {
		log.Fatal(err)
	}
	handler, err := newHandler(*issuer, newStorage())
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServeTLS(address.Host, *cert, *key, handler))
}

// newHandler returns the provider with its pages.
func newHandler(issuer string, s *storage) (http.Handler, error) {
	config := &op.Config{
		CryptoKey:             [32]byte{1},
		CodeMethodS256:        true,
		GrantTypeRefreshToken: true,
		SupportedScopes:       []string{"openid", "email", "team_role", "offline_access"},
		DeviceAuthorization: op.DeviceAuthorizationConfig{
			Lifetime: 5 * time.Minute, PollInterval: time.Second, UserFormPath: "/device", UserCode: op.UserCodeBase20,
		},
		DefaultLogoutRedirectURI: "/logged-out",
	}
	provider, err := op.NewProvider(config, s, op.StaticIssuer(issuer))
	if err != nil {
		return nil, err
	}
	p := &pages{issuer: issuer, provider: provider, storage: s}
	mux := http.NewServeMux()
	var noDevices atomic.Bool
	mux.Handle("/", provider)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		ctx := op.ContextWithIssuer(r.Context(), issuer)
		metadata := op.CreateDiscoveryConfig(ctx, provider, s)
		if noDevices.Load() {
			metadata.DeviceAuthorizationEndpoint = ""
		}
		op.Discover(w, metadata)
	})
	mux.HandleFunc("PUT /devices", func(_ http.ResponseWriter, r *http.Request) {
		noDevices.Store(r.FormValue("offered") == "false")
	})
	mux.HandleFunc("GET /login", p.login)
	mux.HandleFunc("POST /login", p.signIn)
	mux.HandleFunc("GET /device", p.device)
	mux.HandleFunc("POST /device", p.approve)
	mux.HandleFunc("GET /logged-out", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("signed out")) })
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(s.countsOf(r.FormValue("user")))
	})
	mux.HandleFunc("PUT /lifetime", func(w http.ResponseWriter, r *http.Request) {
		seconds, err := strconv.Atoi(r.FormValue("lifetime"))
		if err != nil || !s.setLifetime(r.FormValue("client"), time.Duration(seconds)*time.Second) {
			http.Error(w, "no such client or lifetime", http.StatusBadRequest)
		}
	})
	return mux, nil
}
