// Package oidctest is a stand-in for an OpenID provider, for tests and for the demo. It isn't linked into the plugin.
//
// It shares no code with what it tests: what it requires, signs and refuses, it takes from the specifications.
package oidctest

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// DefaultLifetime is the lifetime of ID tokens, unless it is set.
	DefaultLifetime = time.Hour

	// DefaultAccessLifetime is the lifetime of access tokens, unless it is set. It isn't that of ID tokens, so that
	// tests catch a client that confuses them.
	DefaultAccessLifetime = 24 * time.Hour

	// DefaultRedirect is the redirect URI that the client has registered, unless others are set.
	DefaultRedirect = "http://localhost:8080/callback"
)

// Issuer is a stand-in for an OpenID provider with one client, an http.Handler. Its methods are safe for concurrent
// use.
//
// The client is public: it has no secret, and proves with PKCE that an authorization code is its own (RFC 7636). The
// provider is strict: what OpenID Connect Core 1.0 and OAuth 2.0 require of a client is required, and so is what they
// recommend for public clients, such as state, nonce and PKCE with S256. Each refresh token can be used once. If one is
// used again, the provider can't tell its owner from a thief, and the whole session ends (RFC 9700, section 4.14.2).
//
// It has discovery, keys (RS256), the authorization code flow, refreshes, the device flow (RFC 8628), revocation (RFC
// 7009) and RP-initiated logout. There is one user, who is signed in already and accepts each request unless told
// otherwise.
type Issuer struct {
	mux *http.ServeMux

	mu       sync.Mutex
	url      string
	clientID string

	user                                           User
	refuses, interactive, anyPort, consentRequired bool
	redirects, without                             []string
	lifetime, accessLifetime, deviceInterval, skew time.Duration
	now                                            func() time.Time
	browser                                        *http.Client

	keys          []*signingKey // the last one signs, those before it were rotated out
	faults        map[string]string
	calls         map[string]int
	requests      map[string]*authorization // those that wait for the user's decision
	codes         map[string]*authorizationCode
	devices       map[string]*device // by their device codes
	accessTokens  map[string]*session
	refreshTokens map[string]*session

	signIns, refreshes, reuses, revocations, logouts int
}

// NewIssuer returns a provider with one client. Serve it with any server and call SetURL before the first request.
//
// A hanging answer (see Fault) ends when the client goes. Closing an httptest.Server waits for it, unless
// CloseClientConnections is called first.
func NewIssuer(clientID string) *Issuer {
	i := &Issuer{
		mux:            http.NewServeMux(),
		clientID:       clientID,
		user:           User{Subject: "user-1", Email: "sammy@doks.example", Roles: []string{"developer"}},
		redirects:      []string{DefaultRedirect},
		lifetime:       DefaultLifetime,
		accessLifetime: DefaultAccessLifetime,
		deviceInterval: defaultDeviceInterval,
		now:            time.Now,
		browser:        &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		faults:         make(map[string]string),
		calls:          make(map[string]int),
		requests:       make(map[string]*authorization),
		codes:          make(map[string]*authorizationCode),
		devices:        make(map[string]*device),
		accessTokens:   make(map[string]*session),
		refreshTokens:  make(map[string]*session),
	}
	i.mux.HandleFunc("GET "+pathDiscovery, i.endpoint(discovery, i.serveMetadata))
	i.mux.HandleFunc("GET "+pathMoved, i.serveMetadata)
	i.mux.HandleFunc("GET /keys", i.endpoint(keys, i.serveKeys))
	i.mux.HandleFunc("GET /authorize", i.endpoint(authorize, i.authorize))
	i.mux.HandleFunc("POST /consent", i.consent)
	i.mux.HandleFunc("POST /token", i.endpoint(token, i.token))
	i.mux.HandleFunc("POST /device", i.endpoint(deviceAuthorization, i.authorizeDevice))
	i.mux.HandleFunc("GET /activate", i.activate)
	i.mux.HandleFunc("POST /activate", i.decideDevice)
	i.mux.HandleFunc("POST /revoke", i.endpoint(revoke, i.revoke))
	i.mux.HandleFunc("GET /logout", i.endpoint(logout, i.logout))
	i.mux.HandleFunc("POST /logout", i.endpoint(logout, i.logout))
	return i
}

// Start serves a new provider on a loopback address, by plain http, until the test ends. tb is a *testing.T or alike.
func Start(tb interface {
	Helper()
	Cleanup(func())
}, clientID string) *Issuer {
	tb.Helper()
	i := NewIssuer(clientID)
	server := httptest.NewServer(i)
	tb.Cleanup(func() {
		server.CloseClientConnections() // ends what hangs
		server.Close()
	})
	i.SetURL(server.URL)
	return i
}

// SetURL sets the issuer identifier, which is also the address that the provider's endpoints are below. It may have a
// path.
func (i *Issuer) SetURL(issuer string) {
	if _, err := url.Parse(issuer); err != nil {
		panic(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.url = issuer
}

// URL returns the issuer identifier.
func (i *Issuer) URL() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.url
}

// ServeHTTP implements http.Handler.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// net/http notices that a client has gone only once the body has been read, which a hanging answer waits for.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	i.mu.Lock()
	issuer, _ := url.Parse(i.url) // SetURL checked it
	w.Header().Set("Date", i.clock().UTC().Format(http.TimeFormat))
	i.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	path, ok := strings.CutPrefix(r.URL.Path, strings.TrimSuffix(issuer.Path, "/"))
	if !ok || issuer.Host == "" {
		http.NotFound(w, r)
		return
	}
	request := r.Clone(r.Context())
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.URL.Path, request.URL.RawPath = path, ""
	i.mux.ServeHTTP(w, request)
}

// clock returns the time by the provider's clock. i.mu must be held.
func (i *Issuer) clock() time.Time { return i.now().Add(i.skew) }

// at returns the address of an endpoint. i.mu must be held.
func (i *Issuer) at(path string) string { return strings.TrimSuffix(i.url, "/") + path }

// lacks reports whether a feature was taken away by Without. i.mu must be held.
func (i *Issuer) lacks(feature string) bool { return slices.Contains(i.without, feature) }

// randomHex returns 32 random hexadecimal digits.
func randomHex() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
