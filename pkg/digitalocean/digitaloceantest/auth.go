package digitaloceantest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// DefaultAccessLifetime is the lifetime of the access tokens that an AuthServer issues, unless it is set.
const DefaultAccessLifetime = time.Hour

// AuthServer is a stand-in for DigitalOcean's OAuth authorization server, an http.Handler. Its methods are safe for
// concurrent use.
//
// It has public clients only, which register themselves (RFC 7591) and prove with PKCE that an authorization code is
// theirs (RFC 7636). It is strict: what DigitalOcean documents is required, and what RFC 9700 recommends is enforced.
// Each refresh token can be used once. If one is used again, the server can't tell its owner from a thief, and the
// whole session ends (RFC 9700, section 4.14.2).
//
// Set its fields before serving.
type AuthServer struct {
	// Issuer is the server's address, with which the URLs in its metadata begin. If it is empty, it is the address
	// that a request was sent to.
	Issuer string

	// AccessLifetime is the lifetime of access tokens by the API's clock; 0 means DefaultAccessLifetime.
	AccessLifetime time.Duration

	// AutoApprove makes the server approve each authorization request at once, as the first of its users.
	AutoApprove bool

	// OnAnswer, if not nil, is called after each answer with tokens has been sent to the client.
	OnAnswer func()

	api *API
	mux *http.ServeMux

	mu            sync.Mutex
	users         []User
	clients       map[string]*oauthClient
	requests      map[string]*authorization // those that wait for the user's decision
	codes         map[string]*authorizationCode
	accessTokens  map[string]*session
	refreshTokens map[string]*session
	delay         time.Duration
	lastAnswered  time.Time

	authorizations, registrations, refreshes, reuses, revocations int

	metadataFault, registerFault, tokenFault, revokeFault Fault
}

// NewAuthServer returns an authorization server for an API, where the given users can sign in. If none are given, it
// has one user. The API's own address serves it, too: whoever knows only that one finds the authorization server there.
func NewAuthServer(api *API, users ...User) *AuthServer {
	if len(users) == 0 {
		users = []User{userOf("")}
	}
	s := &AuthServer{
		api:           api,
		mux:           http.NewServeMux(),
		users:         users,
		clients:       make(map[string]*oauthClient),
		requests:      make(map[string]*authorization),
		codes:         make(map[string]*authorizationCode),
		accessTokens:  make(map[string]*session),
		refreshTokens: make(map[string]*session),
	}
	s.mux.Handle("GET /.well-known/oauth-authorization-server",
		&authEndpoint{server: s, fault: &s.metadataFault, success: http.StatusOK, handle: s.metadata})
	s.mux.Handle("POST /v1/oauth/register",
		&authEndpoint{server: s, fault: &s.registerFault, success: http.StatusCreated, handle: s.register})
	s.mux.HandleFunc("GET /v1/oauth/authorize", s.authorize)
	s.mux.HandleFunc("POST /v1/oauth/authorize", s.decide)
	s.mux.Handle("POST /v1/oauth/token",
		&authEndpoint{server: s, fault: &s.tokenFault, success: http.StatusOK, handle: s.token, answered: s.onAnswer})
	s.mux.Handle("POST /v1/oauth/revoke",
		&authEndpoint{server: s, fault: &s.revokeFault, success: http.StatusOK, handle: s.revoke})
	api.mu.Lock()
	defer api.mu.Unlock()
	api.auth = s
	return s
}

// isOAuth reports whether a request is for the authorization server.
func isOAuth(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/v1/oauth/") || r.URL.Path == "/.well-known/oauth-authorization-server"
}

// ServeHTTP implements http.Handler.
func (s *AuthServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// net/http notices that a client has gone only once the body has been read, which Hang waits for.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	delay := s.delay
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Date", s.api.now().UTC().Format(http.TimeFormat))
	w.Header().Set("Cache-Control", "no-store")
	s.mux.ServeHTTP(w, r)
}

// issuer returns the server's address.
func (s *AuthServer) issuer(r *http.Request) string {
	switch {
	case s.Issuer != "":
		return s.Issuer
	case r.TLS != nil:
		return "https://" + r.Host
	default:
		return "http://" + r.Host
	}
}

// metadata returns the server's metadata (RFC 8414).
func (s *AuthServer) metadata(r *http.Request) (map[string]any, error) {
	issuer := s.issuer(r)
	return map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         issuer + "/v1/oauth/authorize",
		"token_endpoint":                                 issuer + "/v1/oauth/token",
		"registration_endpoint":                          issuer + "/v1/oauth/register",
		"revocation_endpoint":                            issuer + "/v1/oauth/revoke",
		"scopes_supported":                               allScopes(),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}, nil
}

func allScopes() []string { return []string{ScopeCredentials, ScopeClusters, ScopeAccount} }

// onAnswer records that an answer with tokens has been sent.
func (s *AuthServer) onAnswer() {
	s.mu.Lock()
	s.lastAnswered = time.Now()
	s.mu.Unlock()
	if s.OnAnswer != nil {
		s.OnAnswer()
	}
}
