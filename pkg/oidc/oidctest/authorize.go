package oidctest

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// codeLifetime is the lifetime of an authorization code.
const codeLifetime = time.Minute

// authorization is the client's request to be authorized by the user.
type authorization struct {
	redirectURI, challenge, state, nonce string
	scopes                               []string
}

// authorizationCode is a code that the user's browser brings to the client.
type authorizationCode struct {
	authorization
	user      User
	expiresAt time.Time
	used      bool
	session   *session // that the code was exchanged for; nil if it wasn't
}

// authorize handles an authentication request (OpenID Connect Core 1.0, section 3.1.2.1).
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	i.mu.Lock()
	defer i.mu.Unlock()
	// A wrong client or redirect URI must not be redirected (RFC 6749, section 4.1.2.1): it could be a stranger's.
	switch {
	case err != nil:
		errorPage(w, "The request is malformed.")
		return
	case len(query["client_id"]) != 1 || query.Get("client_id") != i.clientID:
		errorPage(w, "The application is unknown.")
		return
	case len(query["redirect_uri"]) != 1 || !i.mayRedirectTo(query.Get("redirect_uri")):
		errorPage(w, "The application didn't register this redirect URI.")
		return
	}
	request := &authorization{
		redirectURI: query.Get("redirect_uri"),
		challenge:   query.Get("code_challenge"),
		state:       query.Get("state"),
		nonce:       query.Get("nonce"),
		scopes:      strings.Fields(query.Get("scope")),
	}
	if err := i.problem(request, query); err != nil {
		i.redirect(w, r, request, url.Values{"error": {err.code}, "error_description": {err.description}})
		return
	}
	prompts := strings.Fields(query.Get("prompt"))
	if i.consentRequired && !slices.Contains(prompts, "consent") {
		request.scopes = slices.DeleteFunc(request.scopes, func(scope string) bool { return scope == "offline_access" })
	}
	switch {
	case i.faults[authorize] == "error":
		i.redirect(w, r, request, url.Values{"error": {"server_error"}, "error_description": {"the provider failed"}})
	case !i.interactive:
		i.decide(w, r, request, !i.refuses)
	case slices.Contains(prompts, "none"):
		i.redirect(w, r, request, url.Values{"error": {"interaction_required"}})
	default:
		id := randomHex()
		i.requests[id] = request
		i.askConsent(w, id, request)
	}
}

// challengeForm is the form of a SHA-256 digest as a code challenge (RFC 7636, section 4.2).
var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// problem returns what is wrong with a request, or nil. i.mu must be held.
func (i *Issuer) problem(request *authorization, query url.Values) *oauthError {
	if err := noneTwice(query); err != nil {
		return err
	}
	if err := required(query, "response_type", "state", "nonce", "code_challenge", "code_challenge_method"); err != nil {
		return err
	}
	switch {
	case query.Get("response_type") != "code":
		return refused("unsupported_response_type", "response_type must be code")
	case query.Has("response_mode") && query.Get("response_mode") != "query":
		return refused("invalid_request", "response_mode must be query")
	case query.Get("code_challenge_method") != "S256":
		return refused("invalid_request", "code_challenge_method must be S256")
	case !challengeForm.MatchString(request.challenge):
		return refused("invalid_request", "code_challenge must be a SHA-256 digest")
	}
	return i.checkScopes(request.scopes)
}

// checkScopes returns an error for scopes that aren't a sign-in's. i.mu must be held.
func (i *Issuer) checkScopes(scopes []string) *oauthError {
	if !slices.Contains(scopes, "openid") {
		return refused("invalid_scope", "the scope openid is missing")
	}
	for _, scope := range scopes {
		if !slices.Contains(i.scopes(), scope) {
			return refused("invalid_scope", "there is no such scope")
		}
	}
	return nil
}

// mayRedirectTo reports whether the client registered a redirect URI. i.mu must be held.
func (i *Issuer) mayRedirectTo(uri string) bool {
	if slices.Contains(i.redirects, uri) {
		return true
	}
	portless, ok := withoutPort(uri)
	return i.anyPort && ok && slices.ContainsFunc(i.redirects, func(registered string) bool {
		registered, ok := withoutPort(registered)
		return ok && registered == portless
	})
}

// withoutPort returns a URI of a loopback host without its port.
func withoutPort(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return "", false
	}
	u.Host = u.Hostname()
	return u.String(), true
}

// decide redirects the browser with what the user decided. i.mu must be held.
func (i *Issuer) decide(w http.ResponseWriter, r *http.Request, request *authorization, granted bool) {
	if !granted {
		i.redirect(w, r, request, url.Values{
			"error": {"access_denied"}, "error_description": {"the user denied the request"},
		})
		return
	}
	code := randomHex()
	i.codes[code] = &authorizationCode{
		authorization: *request, user: i.user, expiresAt: i.clock().Add(codeLifetime),
	}
	i.redirect(w, r, request, url.Values{"code": {code}})
}

// redirect sends the browser back to the client with an answer, and the issuer in it (RFC 9207). i.mu must be held.
func (i *Issuer) redirect(w http.ResponseWriter, r *http.Request, request *authorization, answer url.Values) {
	if request.state != "" {
		answer.Set("state", request.state)
	}
	answer.Set("iss", i.url)
	switch i.faults[authorize] {
	case "wrong-state":
		answer.Set("state", randomHex())
	case "wrong-iss":
		answer.Set("iss", strangerURL)
	case "no-iss":
		answer.Del("iss")
	}
	separator := "?"
	if strings.Contains(request.redirectURI, "?") {
		separator = "&"
	}
	http.Redirect(w, r, request.redirectURI+separator+answer.Encode(), http.StatusFound)
}
