package cmd

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// sessions returns the sessions for single sign-on.
func (o *options) sessions() oidc.Sessions {
	return oidc.Sessions{
		StateDir: o.statePath, Hold: o.later.hold, OnWait: o.waiting, UserAgent: userAgent(), Now: o.Now, Log: o.log(),
	}
}

// ssoSource is where the credentials of a cluster with single sign-on come from: a session.
type ssoSource struct {
	*options

	flags   ssoFlags
	session *oidc.Session
	cluster oidc.Cluster
	way     func() oidc.Way // how somebody can sign in
}

// maySignInFor is how long a client waits for somebody to sign in. It is three fifths of signInTime, which is what a
// fetch has of a run's time: see [credential.Cached].
const maySignInFor = signInTime * 3 / 5

// ssoSource returns the source that an entry's flags name, if the request may have its credentials. Nothing that the
// kubeconfig says is believed: the provider, and the server and the certificate authority of the cluster, must have
// been recorded by a command that a person typed.
func (e *execCredential) ssoSource(id digitalocean.ClusterID, request execcredential.Request) (*ssoSource, error) {
	if err := e.sso.check(); err != nil {
		return nil, err
	}
	s := &ssoSource{options: e.options, flags: e.sso, way: e.findWay}
	var err error
	if s.session, err = e.sessions().Find(e.sso.client()); err != nil {
		return nil, s.explain(err)
	}
	s.cluster, err = e.sessions().Pinned(string(id))
	switch {
	case err == nil && s.cluster.Client != e.sso.client():
		return nil, s.explain(&credential.Error{Class: credential.Unsafe, Err: oidc.ErrOtherClient})
	case errors.Is(err, oidc.ErrNotPinned) && !e.bindsTo(request):
		s.cluster = oidc.Cluster{ID: string(id), Client: e.sso.client()}
	case err != nil:
		return nil, s.explain(err)
	}
	// Before anybody is asked to sign in.
	return s, e.check(credential.Credential{
		Server: s.cluster.Server, CertificateAuthority: s.cluster.CertificateAuthority,
	}, request)
}

// credential implements source.
func (s *ssoSource) credential(ctx context.Context, id digitalocean.ClusterID, how fetch) (credential.Credential, error) {
	if err := how.check(); err != nil {
		return credential.Credential{}, err
	}
	s.log().Info("looking up the credential", "cluster", id, "issuer", s.session.Issuer, "cache", s.cachePath())
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := s.cached(how, begin).Credential(ctx)
	return got, getting(id, s.explain(err))
}

// renew implements source.
func (s *ssoSource) renew(
	ctx context.Context, _ digitalocean.ClusterID, how fetch, old credential.Credential,
) (credential.Credential, error) {
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := s.cached(how, begin).Renew(ctx, old)
	return got, s.explain(err)
}

// heal implements source.
func (s *ssoSource) heal(
	ctx context.Context, _ digitalocean.ClusterID, how fetch, held credential.Credential,
	asker credential.Asker,
) (credential.Credential, error) {
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := s.cached(how, begin).Heal(ctx, held, asker)
	return got, s.explain(err)
}

// ssoProvider is the session's provider. What a cache hit doesn't need is found when it is called.
type ssoProvider struct {
	*ssoSource

	after time.Time // only ID tokens that were fetched since then will do
	begin func()    // is called before anybody is asked
}

// Credential implements [credential.Provider].
func (p ssoProvider) Credential(ctx context.Context) (credential.Credential, error) {
	return p.provider().Credential(ctx)
}

// Replace implements [credential.Replacer].
func (p ssoProvider) Replace(ctx context.Context, old credential.Credential) (credential.Credential, error) {
	return p.provider().Replace(ctx, old)
}

func (p ssoProvider) provider() *oidc.Provider {
	p.begin()
	p.distrustRoots()
	return &oidc.Provider{Session: p.session, Cluster: p.cluster, Way: p.way(), After: p.after}
}

func (s *ssoSource) cached(how fetch, begin func()) *credential.Cached {
	provider := ssoProvider{ssoSource: s, begin: begin}
	if how.forceRefresh {
		provider.after = s.Now()
	}
	return &credential.Cached{
		Provider:       provider,
		Store:          s.store(s.session.Identity(), how),
		Key:            s.session.Key(s.cluster),
		Refresh:        how.forceRefresh,
		IgnoreFailures: how.ignoreFailures,
		Leeway:         s.session.Leeway(),
		Now:            s.Now,
		Log:            s.log(),
	}
}

// explain adds to an error what its hint says about the provider.
func (s *ssoSource) explain(err error) error {
	if err == nil {
		return nil
	}
	if hint := adviceOnSSO(err, s.flags); hint != "" {
		return &advised{err, hint}
	}
	return err
}

// findWay returns how somebody can sign in during this run. Nobody is ever asked on standard input.
func (e *execCredential) findWay() oidc.Way {
	way := oidc.Way{Port: e.sso.port, Time: maySignInFor, Timeout: e.timeout}
	var open func(context.Context, string) error
	if e.byClient() {
		// A state directory that the kubeconfig chose could hold records that nobody made.
		home := e.userHome()
		switch {
		case home == "":
			way.Reason = errors.New("the user database doesn't say where this user's home directory is")
			return way
		case !e.hasOwnState(home):
			way.Reason = errors.New("the environment moves the state directory away from this user's home directory")
			return way
		}
		open, way.Reason = signin.GuardedBrowser(e.Getenv, home)
	} else if way.Reason = signin.CheckDesktop(e.Getenv); way.Reason == nil {
		open = signin.Browser(e.Getenv)
	}
	way.Open = open
	if e.readsStderr() {
		way.Out = e.Stderr
	}
	return way
}

// readsStderr reports whether somebody may read standard error: it is a terminal.
func (o *options) readsStderr() bool { return o.StderrIsTerminal != nil && o.StderrIsTerminal() }

// hasOwnState reports whether the state directory is the one below home, which is this user's in the user database.
func (o *options) hasOwnState(home string) bool {
	own := statedir.Find(func(string) string { return "" }, home)
	is, err := os.Stat(o.statePath())
	should, ownErr := os.Stat(own)
	return err == nil && ownErr == nil && os.SameFile(is, should)
}

// ofSSO begins the name of an owner of cached credentials that is a session.
const ofSSO = "sso at "

// ssoOwner returns whose cached credentials a session has, as it is now: after somebody signs out or another user signs
// in, it has others.
func (o *options) ssoOwner(session *oidc.Session) owner {
	s := *session
	return owner{
		name: ofSSO + strings.TrimPrefix(shownURL(s.Issuer), "https://"),
		entryOf: func(id string, _ time.Duration) (*cachedir.Dir, credential.Key, bool) {
			cluster, err := o.sessions().Pinned(id)
			if errors.Is(err, oidc.ErrNotPinned) {
				cluster, err = oidc.Cluster{ID: id, Client: s.Client}, nil
			}
			return cachedir.Open(o.cachePath(), s.Identity()), s.Key(cluster), err == nil && cluster.Client == s.Client
		},
	}
}
