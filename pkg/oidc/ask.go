package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// ask asks somebody to sign in, and keeps the result. It calls begin before.
func (p *provider) ask(
	ctx context.Context, way Way, place *statedir.Reservation, begin func(),
) (*record, tokens, error) {
	ctx, cancel := limited(ctx, way.Time)
	defer cancel()
	if way.Open == nil && way.Out != nil && p.Device != "" {
		r, t, err := p.askByCode(ctx, way, place, begin)
		if !oauth.IsCode(err, "unauthorized_client", "unsupported_grant_type", "invalid_client", "invalid_scope") {
			return r, t, err
		}
		p.session.sessions.log().Info("the provider doesn't let this client sign in with a code", "reason", err)
	}
	return p.askByBrowser(ctx, way, place, begin)
}

// askByBrowser has somebody sign in with a browser that comes back to a port of this machine.
func (p *provider) askByBrowser(
	ctx context.Context, way Way, place *statedir.Reservation, begin func(),
) (r *record, t tokens, err error) {
	port := way.Port
	if port == 0 {
		port = DefaultPort
	}
	// For another provider, somebody may be signing in already.
	unlock, err := p.session.lockLong(ctx, way, fmt.Sprintf("%sport-%d", recordsFolder, port))
	if err != nil {
		return nil, tokens{}, err
	}
	defer unlock()
	state, nonce, verifier := rand.Text(), rand.Text(), oauth.NewVerifier()
	err = signin.Request{
		URL: func(redirectURI string) string {
			begin()
			return p.AuthorizeURL(p.session.ID, redirectURI, state, verifier, p.scopes(), p.parameters(nonce)...)
		},
		State: state, Issuer: p.Issuer, NamesIssuer: p.NamesIssuer, Host: "localhost", Port: port,
		Open: way.Open, Out: way.Out, Paste: way.Paste,
	}.Do(ctx, func(ctx context.Context, code, redirectURI string) error {
		ctx, end := limited(ctx, way.Timeout)
		defer end()
		asked := p.session.sessions.now()
		grant, err := p.client.Exchange(ctx, p.Server, p.session.ID, credential.NewSecret(code), verifier, redirectURI)
		if err != nil {
			return err
		}
		r, t, err = p.accept(ctx, way, grant, nonce, asked, place)
		return err
	})
	if unlistened, ok := errors.AsType[*signin.PortError](err); ok {
		err = usageError(p.session.failed("signing in", &busyError{unlistened}))
	}
	if unopened, ok := errors.AsType[*signin.OpenError](err); ok {
		err = refused(&NeededError{p.session.Client, unopened})
	}
	return r, t, err
}

// busyError means that the port is in use. That may be over soon.
type busyError struct{ *signin.PortError }

// Unwrap returns the cause, and that nobody needs to remember it.
func (e *busyError) Unwrap() []error { return []error{e.PortError, credential.ErrUnremembered} }

// askByCode has somebody sign in on any device, with a code.
func (p *provider) askByCode(
	ctx context.Context, way Way, place *statedir.Reservation, begin func(),
) (*record, tokens, error) {
	step, end := limited(ctx, way.Timeout)
	device, err := p.client.StartDevice(step, p.OpenID, p.session.ID, p.scopes())
	end()
	if err != nil {
		return nil, tokens{}, err
	}
	begin()
	fmt.Fprintf(way.Out, "Open this address in a browser, and enter the code %s:\n%s\n", device.Code, device.Address)
	start := time.Now()
	grant, err := p.client.AwaitDevice(ctx, p.OpenID, p.session.ID, device)
	if err != nil && ctx.Err() != nil {
		err = signin.Over(ctx, start)
	}
	if err != nil {
		return nil, tokens{}, err
	}
	step, end = limited(ctx, way.Timeout)
	defer end()
	return p.accept(step, way, grant, "", p.session.sessions.now(), place)
}

// accept verifies what a sign-in returned, and keeps it.
func (p *provider) accept(
	ctx context.Context, way Way, grant oauth.Grant, nonce string, asked time.Time, place *statedir.Reservation,
) (r *record, t tokens, err error) {
	verified, err := p.verify(ctx, grant, nonce, asked)
	if err != nil {
		return nil, tokens{}, err
	}
	t.refresh = grant.Refresh
	// Whoever has signed in shouldn't have to do it again because another process is refreshing the old session.
	ctx, end := limited(context.WithoutCancel(ctx), way.Timeout)
	defer end()
	err = p.session.update(ctx, func(now *record) error {
		r = now
		if r.User.Subject != "" && r.User.Subject != verified.user.Subject {
			r.Root = statedir.NewRandom() // what is cached is somebody else's
		}
		verified.fill(r, &t)
		r.Before, r.Since, r.Attempt, r.Page = r.Since, verified.asked, nil, p.Authorization
		if err := p.session.keep(ctx, place.Write, r, t); err != nil {
			return &KeepError{show.Reason(err)}
		}
		return nil
	})
	return r, t, err
}

// scopes returns the scopes to ask for. team_role is what DigitalOcean's clusters authorize by. A provider that doesn't
// offer offline_access might refuse it (OpenID Connect Core 1.0, section 11).
func (p *provider) scopes() []string {
	scopes := []string{oidc.ScopeOpenID, "email", "team_role"}
	if p.HasScope(oidc.ScopeOfflineAccess) {
		scopes = append(scopes, oidc.ScopeOfflineAccess)
	}
	return scopes
}

// parameters returns what a sign-in's address has in addition. A provider may grant offline_access only if it asks for
// consent (OpenID Connect Core 1.0, section 11), and drop it otherwise.
func (p *provider) parameters(nonce string) []oauth2.AuthCodeOption {
	parameters := []oauth2.AuthCodeOption{oidc.Nonce(nonce)}
	if p.HasScope(oidc.ScopeOfflineAccess) {
		parameters = append(parameters, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	return parameters
}

// limited returns a context that ends after a while; 0: not by itself.
func limited(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	if after <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, after)
}
