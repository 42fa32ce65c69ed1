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
	// renewalTimeout bounds a renewal, which no request's context ends: others may wait for it too.
	renewalTimeout = 30 * time.Second

	// grace is how long after its end a renewal may still tell what went wrong.
	grace = time.Second

	// retryAfter is how long a renewal that failed, or got what is due for renewal itself, answers for the
	// next: as long as Cached remembers a failure, but also where that isn't one to Cached.
	retryAfter = 5 * time.Second
)

// renewal is a renewal that is under way or over. got and err are set when done is closed.
type renewal struct {
	done    chan struct{}
	overdue <-chan struct{}
	got     *held
	err     error
}

// wait returns what the renewal gets.
func (r *renewal) wait(ctx context.Context) (*held, error) {
	select {
	case <-r.done:
		return r.got, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for it: %w", ctx.Err())
	case <-r.overdue:
	}
	select {
	case <-r.done: // which ends overdue too
		return r.got, r.err
	default:
		return nil, &credential.Error{
			Class: credential.Unreachable,
			Err:   fmt.Errorf("the provider has not come back after %s", renewalTimeout+grace),
		}
	}
}

// renew returns the renewal of c: the one that is under way, or was made in vain just now, or a
// new one. It is nil when c was replaced already.
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
			t.log.Warn("the token was not renewed", "server", t.server, "expires_at", c.ExpiresAt, "reason", err)
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

// fetch gets another token than c.
func (t *tokenCache) fetch(ctx context.Context, c *held) (credential.Credential, *credential.Cached, error) {
	cached, err := t.source()
	if err != nil {
		return credential.Credential{}, nil, err
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
		return credential.Credential{}, nil, unusable(errors.New("it holds no token any more; the config must be made anew"))
	}
	if err := got.CheckServer(t.server.String()); err != nil {
		return credential.Credential{}, nil, &credential.Error{
			Class: credential.Unsafe,
			Err:   fmt.Errorf("refusing the new credential: it is for server %q; the config must be made anew", got.Server),
		}
	}
	if !bytes.Equal(got.CertificateAuthority, c.CertificateAuthority) {
		t.log.Warn("the cluster's certificate authority changed; the config must be made anew if the server's certificate is refused", "server", t.server)
	}
	return got, cached, nil
}
