// Package accounts finds the account that the DigitalOcean API is called for: the user and team that an access token
// belongs to.
//
// A static access token, from a file, the environment or doctl's configuration, is an account by itself. A session,
// which doctl or doks-auth signed in to, is not: its access token changes with each refresh. So an account has an
// identity (see [Account.Identity]), which outlives access tokens, and what is cached for the account hangs on that.
//
// An [Account] is a [digitalocean.Bearer]: its access token is refreshed when a call needs it.
package accounts

import (
	"bytes"
	"context"
	"sync/atomic"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

// Account is whom the API is called for. Its methods are safe for concurrent use.
type Account struct {
	Source string // where it was found, for people: "DIGITALOCEAN_ACCESS_TOKEN", "doctl's context \"work\""

	// The context of doctl's configuration, or the name of the login of doks-auth, that it comes from; else "".
	Context, Login string

	// APIURL is the API's address that its source names; "" if none.
	APIURL string

	// API is the API's address that is used. What is known about a session holds for this API only.
	API string

	sources *Sources          // nil if static
	token   credential.Secret // as found; zero if it has to be loaded
	doctl   *doctl            // nil if it isn't from doctl
	login   *login            // nil if it isn't a login
	spent   atomic.Bool       // the access token in doctl's configuration has been replaced
}

var _ digitalocean.Bearer = (*Account)(nil)

// Static returns the account of an access token that doesn't change.
func Static(token credential.Secret, source string) *Account {
	return &Account{Source: source, token: token}
}

// check returns an error if an access token that was found can't be sent in a header.
func (a *Account) check() error {
	if a.login != nil {
		return nil
	}
	return a.accessToken().Check()
}

func (a *Account) accessToken() digitalocean.AccessToken {
	return digitalocean.AccessToken{Secret: a.token, Source: a.Source}
}

// mayBeSession reports whether doctl's configuration has sessions. It is cheap.
func (a *Account) mayBeSession() bool {
	return a.doctl != nil && bytes.Contains(a.doctl.text, []byte(sessionsKey))
}

// IsSession reports whether the account's access token is that of a session.
func (a *Account) IsSession() bool {
	return a.login != nil && a.login.Kind == kindSession ||
		a.mayBeSession() && !a.doctl.session(a.Context).Refresh.IsZero()
}

// Same reports whether both are certainly the same account: they have the same access token or the same login.
func (a *Account) Same(other *Account) bool {
	if a.login != nil || other.login != nil {
		return a.Login == other.Login
	}
	return a.token.Equal(other.token)
}

// keeper returns where the account's session is kept.
func (a *Account) keeper() keeper {
	if a.login != nil {
		return &loginSession{a.sources, a.Login, a.login.Root}
	}
	return &doctlSession{a, canonical(a.doctl.path)}
}

// Token implements digitalocean.Bearer. It refreshes a session whose access token has expired.
func (a *Account) Token(ctx context.Context) (credential.Secret, error) {
	if a.login == nil && !a.IsSession() {
		return a.accessToken().Token(ctx)
	}
	s, err := a.live(ctx, credential.Secret{})
	if err != nil {
		return credential.Secret{}, err
	}
	return digitalocean.AccessToken{Secret: s.Access, Source: a.Source}.Token(ctx)
}

// Replace implements digitalocean.Bearer. It refreshes a session.
func (a *Account) Replace(ctx context.Context, refused credential.Secret) (credential.Secret, error) {
	if !a.IsSession() {
		return credential.Secret{}, nil
	}
	s, err := a.live(ctx, refused)
	return s.Access, err
}

// NeedsMending reports whether doctl's configuration shows a session that has been refreshed since.
// Identity finds that out.
func (a *Account) NeedsMending() bool { return a.spent.Load() }

// Mend replaces such a session in doctl's configuration, because doctl can't use it any more. It leaves it to another
// process that is at it.
func (a *Account) Mend(ctx context.Context) {
	k := a.keeper()
	s, err := k.load(ctx)
	if err != nil {
		return
	}
	now, cancel := context.WithCancel(ctx)
	cancel()
	unlock, err := k.lock(now, s)
	if err != nil {
		return
	}
	defer unlock()
	if again, err := k.load(ctx); err == nil && again.Refresh.Equal(s.Refresh) {
		k.mend(ctx, again)
	}
}

// Seen returns the access token as it was found: it may have expired. It returns false for a login.
func (a *Account) Seen() (credential.Secret, bool) { return a.token, !a.token.IsZero() }
