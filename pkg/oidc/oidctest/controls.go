package oidctest

import (
	"net/http"
	"slices"
	"time"
)

// User is the one who signs in.
type User struct {
	Subject string   // the claim sub
	Email   string   // the claim email
	Roles   []string // the claim team_role
}

// SetUser sets who signs in from now on. Sessions that have begun remain with their user. If only the user's email and
// roles changed, they show it when they are refreshed.
func (i *Issuer) SetUser(user User) {
	user.Roles = slices.Clone(user.Roles)
	i.set(func() { i.user = user })
}

// SetLifetime sets the lifetime of ID tokens. expires_in doesn't report it: that is the access token's.
func (i *Issuer) SetLifetime(d time.Duration) { i.set(func() { i.lifetime = d }) }

// SetAccessLifetime sets the lifetime of access tokens, which expires_in reports.
func (i *Issuer) SetAccessLifetime(d time.Duration) { i.set(func() { i.accessLifetime = d }) }

// SetDeviceInterval sets how long devices that start from now on wait between two polls, in whole seconds.
func (i *Issuer) SetDeviceInterval(d time.Duration) { i.set(func() { i.deviceInterval = d }) }

// SetNow sets the provider's clock.
func (i *Issuer) SetNow(now func() time.Time) { i.set(func() { i.now = now }) }

// SetSkew shifts the provider's clock by d.
func (i *Issuer) SetSkew(d time.Duration) { i.set(func() { i.skew = d }) }

// SetRedirects replaces the redirect URIs that the client has registered.
func (i *Issuer) SetRedirects(uris ...string) { i.set(func() { i.redirects = slices.Clone(uris) }) }

// AllowAnyPort makes the registered redirect URIs on a loopback host match on any port (RFC 8252, section 7.3).
func (i *Issuer) AllowAnyPort() { i.set(func() { i.anyPort = true }) }

// RequireConsent makes the provider ignore the scope offline_access unless the client sends prompt=consent, as OpenID
// Connect Core 1.0 recommends in section 11.
func (i *Issuer) RequireConsent() { i.set(func() { i.consentRequired = true }) }

// SetInteractive sets whether the authorization endpoint shows a page with the buttons Allow and Deny, for a real
// browser. Otherwise it redirects at once, as Refuse and Accept chose.
func (i *Issuer) SetInteractive(interactive bool) { i.set(func() { i.interactive = interactive }) }

// SetClient sets the HTTP client that Browse uses, such as one that trusts the provider's certificate.
func (i *Issuer) SetClient(client *http.Client) { i.set(func() { i.browser = client }) }

// Refuse makes the user deny authorization requests from now on.
func (i *Issuer) Refuse() { i.set(func() { i.refuses = true }) }

// Accept makes the user grant authorization requests from now on, as is the default.
func (i *Issuer) Accept() { i.set(func() { i.refuses = false }) }

// EndSessions ends all sessions: their refresh tokens are refused from now on.
func (i *Issuer) EndSessions() {
	i.set(func() {
		for _, session := range i.refreshTokens {
			session.ended = true
		}
	})
}

// SignIns returns how often the user has signed in: how many authorization and device codes were exchanged for tokens.
func (i *Issuer) SignIns() int { return i.get(&i.signIns) }

// Refreshes returns how many refreshes were granted.
func (i *Issuer) Refreshes() int { return i.get(&i.refreshes) }

// Reuses returns how often a refresh token was used again, which ended its session.
func (i *Issuer) Reuses() int { return i.get(&i.reuses) }

// Revocations returns how many tokens were revoked.
func (i *Issuer) Revocations() int { return i.get(&i.revocations) }

// Logouts returns how often the user was logged out.
func (i *Issuer) Logouts() int { return i.get(&i.logouts) }

// Alive reports whether a session can be refreshed with the token: it hasn't been used, and the session hasn't ended.
func (i *Issuer) Alive(refreshToken string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	session := i.refreshTokens[refreshToken]
	return session != nil && !session.ended && session.refresh == refreshToken
}

func (i *Issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func (i *Issuer) get(count *int) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return *count
}
