package digitaloceantest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// User is a user of DigitalOcean, in one of their teams.
type User struct {
	Name, Email, UUID  string
	TeamUUID, TeamName string
}

// bearer is what the API knows about an access token.
type bearer struct {
	user      User
	scopes    []string  // nil: all
	expiresAt time.Time // zero: never
}

// may reports whether the bearer has a scope.
func (b bearer) may(scope string) bool { return b.scopes == nil || slices.Contains(b.scopes, scope) }

// userOf returns the user of a token that was given without one. It is always the same for a token, and
// differs between tokens.
func userOf(accessToken string) User {
	user, team := sha256.Sum256([]byte(accessToken)), sha256.Sum256([]byte("team "+accessToken))
	name := fmt.Sprintf("%x", user[:4])
	return User{ // the UUIDs of users and teams are 40 hexadecimal digits
		Name: "User " + name, Email: "user-" + name + "@doks.example", UUID: fmt.Sprintf("%x", user[:20]),
		TeamUUID: fmt.Sprintf("%x", team[:20]), TeamName: "Team " + name,
	}
}

// authenticate returns the bearer of a call, and reports whether the API accepts its access token. a.mu must be held.
func (a *API) authenticate(r *http.Request) (bearer, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return bearer{}, false
	}
	return a.accepted(token)
}

// accepted returns the bearer of an access token, and reports whether the API accepts it. a.mu must be held.
func (a *API) accepted(accessToken string) (bearer, bool) {
	b, ok := a.bearers[accessToken]
	if !ok || !b.expiresAt.IsZero() && !a.now().Before(b.expiresAt) {
		return bearer{}, false
	}
	return b, true
}

// admit makes the API accept an access token.
func (a *API) admit(accessToken string, b bearer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bearers[accessToken] = b
}

// dismiss makes the API refuse an access token, and reports whether the API accepted it before.
func (a *API) dismiss(accessToken string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.accepted(accessToken)
	delete(a.bearers, accessToken)
	return ok
}

// SetScopes limits an access token to the given scopes, such as ScopeCredentials and ScopeClusters. By default it
// has all scopes. A token that the API didn't know is accepted from now on.
func (a *API) SetScopes(accessToken string, scopes ...string) {
	a.change(accessToken, func(b *bearer) { b.scopes = append([]string{}, scopes...) })
}

// SetUser makes an access token u's. By default each token has a user of its own. A token that the API didn't
// know is accepted from now on.
func (a *API) SetUser(accessToken string, u User) {
	a.change(accessToken, func(b *bearer) { b.user = u })
}

// change changes the bearer of an access token, or makes a new one.
func (a *API) change(accessToken string, change func(*bearer)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, ok := a.bearers[accessToken]
	if !ok {
		b.user = userOf(accessToken)
	}
	change(&b)
	a.bearers[accessToken] = b
}

type bearerKey struct{}

// withBearer returns the call for a handler, which finds its bearer with bearerOf.
func withBearer(r *http.Request, b bearer) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), bearerKey{}, b))
}

func bearerOf(r *http.Request) bearer {
	b, _ := r.Context().Value(bearerKey{}).(bearer)
	return b
}

// neededScope returns the scope that a call needs.
func neededScope(r *http.Request) string {
	switch {
	case r.URL.Path == "/v2/account":
		return ScopeAccount
	case strings.HasSuffix(r.URL.Path, "/credentials"), strings.HasSuffix(r.URL.Path, "/kubeconfig"):
		return ScopeCredentials
	default:
		return ScopeClusters
	}
}
