package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// Way is how somebody can sign in. In the zero Way nobody can.
type Way struct {
	// Open opens a browser. nil: there is none. Somebody who reads Out can sign in with another one: with a code, if the
	// provider supports that (RFC 8628), or if that browser reaches Port of this machine.
	Open func(ctx context.Context, url string) error

	// Out is where somebody reads what to do; nil: nobody does.
	Out io.Writer

	// Paste is where somebody can paste the address that a browser on another machine ends at; nil: nowhere.
	Paste io.Reader

	Port    int           // of the redirect URI http://localhost:PORT/callback; 0: DefaultPort
	Time    time.Duration // how long somebody may take; 0: only the context bounds it
	Timeout time.Duration // bounds each step that depends on nobody; 0: only the context does

	// Reason says why nobody can sign in, if neither Open nor Out is set.
	Reason error
}

// IsPossible reports whether somebody can sign in.
func (w Way) IsPossible() bool { return w.Open != nil || w.Out != nil }

// DefaultPort is the port that is registered at providers for DigitalOcean's own client, doctl.
const DefaultPort = 8080

// quiet is how long nobody is asked to sign in again after a sign-in that wasn't completed.
const quiet = 10 * time.Minute

// brief is the time in which nobody is asked to sign in for a third time, although they did, whatever became of the ID
// tokens.
const brief = time.Minute

// isWithin reports whether a time is less than d ago. Clocks may have been set meanwhile.
func isWithin(d time.Duration, at, now time.Time) bool { return now.Sub(at).Abs() < d }

// NeededError means that somebody must sign in, and nobody can. Its class is Refused.
type NeededError struct {
	Client Client
	Reason error // why nobody can
}

// Error returns a message with the provider and the reason.
func (e *NeededError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("signing in at %s is necessary", show.URL(e.Client.Issuer))
	}
	return fmt.Sprintf("signing in at %s is necessary, but not possible here: %v", show.URL(e.Client.Issuer), e.Reason)
}

// Unwrap returns the reason, and that the error holds only here: somewhere else, somebody may be able to sign in.
func (e *NeededError) Unwrap() []error { return []error{e.Reason, credential.ErrUnremembered} }

// AttemptError means that somebody must sign in, but left a recent sign-in unanswered, or failed. Its class is Refused.
type AttemptError struct {
	Client Client
	Ago    time.Duration
	Reason string // why the sign-in failed; "" if it wasn't completed
}

// Error returns a message with the provider and what became of the sign-in.
func (e *AttemptError) Error() string {
	what := "wasn't completed"
	if e.Reason != "" {
		what = "failed: " + e.Reason
	}
	return fmt.Sprintf("the sign-in at %s that began %s ago %s", show.URL(e.Client.Issuer), e.Ago.Round(time.Second), what)
}

// Unwrap returns that [credential.Cached] needn't remember what the session does.
func (e *AttemptError) Unwrap() error { return credential.ErrUnremembered }

// mayAsk returns an error unless somebody may be asked to sign in.
func (s *Session) mayAsk(ctx context.Context, r *record, way Way) error {
	now := s.sessions.now()
	switch {
	case r.Attempt != nil && isWithin(quiet, r.Attempt.At, now):
		return refused(&AttemptError{s.Client, max(now.Sub(r.Attempt.At), 0), r.Attempt.Reason})
	case len(r.Sealed) > 0 && isWithin(brief, r.Before, now): // or the browser would open again and again
		return refused(&AttemptError{s.Client, max(now.Sub(r.Since), 0), "its ID token can't be used any more"})
	}
	if !way.IsPossible() {
		return refused(&NeededError{s.Client, way.Reason})
	}
	// Whoever has so little time is renewing an ID token that is still valid.
	const enough = 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < enough {
		return &credential.Error{Class: credential.Unreachable, Err: s.failed("signing in", hurriedError{})}
	}
	return nil
}

// hurriedError means that nobody was asked to sign in, because that takes longer. Whoever has more time asks.
type hurriedError struct{}

// Error implements error.
func (hurriedError) Error() string { return "there is too little time" }

// Unwrap returns what keeps others from being told that.
func (hurriedError) Unwrap() error { return credential.ErrUnremembered }

func refused(err error) error { return &credential.Error{Class: credential.Refused, Err: err} }

// SignIn has somebody sign in, even if there is a session or a sign-in has just failed. It is for commands that a
// person types. If another process is having somebody sign in, SignIn waits for that, and takes the result. With a
// Way that needs no browser of this machine it doesn't wait.
func (s *Session) SignIn(ctx context.Context, way Way) error {
	before, err := s.read()
	if err != nil {
		return err
	}
	if way.Open != nil {
		unlock, err := s.lockSignIn(ctx, way)
		if err != nil {
			return err
		}
		defer unlock()
	}
	r, _, err := s.load(ctx)
	isNew := err == nil && !r.Since.Equal(before.Since) && r.answers(s.sessions.now(), time.Time{})
	if err == nil && !isNew {
		r, _, err = s.signIn(ctx, way)
	}
	if err != nil {
		return err
	}
	*s = *s.sessions.session(r)
	return nil
}

// signIn has somebody sign in.
func (s *Session) signIn(ctx context.Context, way Way) (*record, tokens, error) {
	step, end := limited(ctx, way.Timeout)
	defer end()
	provider, err := s.discover(step)
	if err != nil {
		return nil, tokens{}, err
	}
	if err := provider.checkPage(); err != nil {
		return nil, tokens{}, err
	}
	place, err := s.reserve(step)
	if err != nil {
		return nil, tokens{}, err
	}
	defer place.Close()
	began := false
	r, t, err := provider.ask(ctx, way, place, func() {
		began = true
		s.note(ctx, "")
	})
	if err != nil && began && !errors.Is(err, context.Canceled) {
		s.note(ctx, printable(reasonOf(err).Error()))
		err = &notedError{err}
	}
	return r, t, err
}

// notedError is the failure of a sign-in, which the record remembers.
type notedError struct{ error }

// Unwrap returns the failure, and what keeps others from remembering it: they wouldn't know when somebody has signed in.
func (e *notedError) Unwrap() []error { return []error{e.error, credential.ErrUnremembered} }

// reasonOf returns what failed.
func reasonOf(err error) error {
	if needed, ok := errors.AsType[*NeededError](err); ok {
		return needed.Reason
	}
	return err
}

// note remembers an attempt to sign in, and why it failed. It is best effort: the record can be written, or nobody
// would have been asked.
func (s *Session) note(ctx context.Context, failure string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.update(ctx, func(r *record) error {
		r.Attempt = &attempt{At: s.sessions.now().UTC().Truncate(time.Second), Reason: failure}
		return s.sessions.state().Write(s.recordName(), r)
	})
	if err != nil {
		s.sessions.log().Warn("the sign-in can't be remembered", "at", s.Issuer, "reason", err)
	}
}

// update calls change with the record as it is now, and lets nobody else change it meanwhile.
func (s *Session) update(ctx context.Context, change func(*record) error) error {
	unlock, err := s.lockRecord(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.read()
	if err != nil {
		return err
	}
	return change(r)
}

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
