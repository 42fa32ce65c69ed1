package restconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

const (
	// renewalTimeout limits a renewal. No request's context cancels it, because other requests may wait for it.
	renewalTimeout = 30 * time.Second

	// grace is how long after its timeout a renewal may still report its error.
	grace = time.Second

	// retryAfter is how long the result of a renewal is reused if it failed or returned a token that is
	// itself due for renewal. It is as long as Cached remembers a failure, but covers results that aren't
	// failures to Cached, too.
	retryAfter = 5 * time.Second
)

// renewal is a renewal in progress or finished. got and err are set before done is closed.
type renewal struct {
	done    chan struct{}
	overdue <-chan struct{}
	got     *held
	err     error
}

// wait waits for the renewal and returns its result.
func (r *renewal) wait(ctx context.Context) (*held, error) {
	select {
	case <-r.done:
		return r.got, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for it: %w", ctx.Err())
	case <-r.overdue:
	}
	select {
	case <-r.done: // which closes overdue too
		return r.got, r.err
	default:
		return nil, &credential.Error{
			Class: credential.Unreachable,
			Err:   fmt.Errorf("the provider has not returned after %s", renewalTimeout+grace),
		}
	}
}

// renew returns the renewal of c: the one in progress, one that has just failed, or a
// new one. It returns nil if c has already been replaced.
func (t *tokenCache) renew(c *held) *renewal {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.renewal != nil:
		return t.renewal
	case t.current.Load() != c:
		return nil
	case t.now().Before(t.retryAt):
		return t.last
	}
	overdue, cancel := context.WithTimeout(context.Background(), renewalTimeout+grace)
	r := &renewal{done: make(chan struct{}), overdue: overdue.Done()}
	t.renewal = r
	go func() {
		defer cancel()
		ctx, cancel := context.WithTimeout(overdue, renewalTimeout)
		defer cancel()
		t.log.Info("renewing the token", "server", t.server, "expires_at", c.ExpiresAt, "refused", c.refused.Load())
		got, cached, err := t.fetch(ctx, c)
		if err != nil {
			t.log.Warn("failed to renew the token", "server", t.server, "expires_at", c.ExpiresAt, "reason", err)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		defer close(r.done)
		t.renewal, t.last = nil, r
		now := t.now()
		if err != nil {
			r.err, t.retryAt = err, now.Add(retryAfter)
			return
		}
		r.got = t.hold(got, cached)
		if r.got.due(now) {
			t.retryAt = now.Add(min(retryAfter, r.got.ExpiresAt.Sub(now)))
		}
	}()
	return r
}

// fetch gets a token to replace c.
func (t *tokenCache) fetch(ctx context.Context, c *held) (credential.Credential, *credential.Cached, error) {
	cached, err := t.source()
	if err != nil {
		return credential.Credential{}, nil, err
	}
	if c.refused.Load() {
		cached.Refuse(ctx, c.Credential)
	}
	got, err := cached.Renew(ctx, c.Credential)
	if err != nil {
		return credential.Credential{}, nil, err
	}
	if err := got.Check(t.now()); err != nil {
		return credential.Credential{}, nil, unusable(err)
	}
	if c.refused.Load() && got.Token.Equal(c.Token) {
		return credential.Credential{}, nil, unusable(errors.New("it is the one that the server refused"))
	}
	if got.Token.IsZero() {
		return credential.Credential{}, nil, unusable(errors.New("it no longer has a token; make a new config"))
	}
	if err := got.CheckServer(t.server.String()); err != nil {
		return credential.Credential{}, nil, &credential.Error{
			Class: credential.Unsafe,
			Err:   fmt.Errorf("refusing the new credential: it is for server %q; make a new config", got.Server),
		}
	}
	if !bytes.Equal(got.CertificateAuthority, c.CertificateAuthority) {
		t.log.Warn("the cluster's certificate authority changed; "+
			"make a new config if the server's certificate is refused", "server", t.server)
	}
	return got, cached, nil
}
