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
func (h *holder) renew(c *held) *renewal {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.renewal != nil:
		return h.renewal
	case h.current.Load() != c:
		return nil
	case h.now().Before(h.retryAt):
		return h.last
	}
	overdue, cancel := context.WithTimeout(context.Background(), renewalTimeout+grace)
	r := &renewal{done: make(chan struct{}), overdue: overdue.Done()}
	h.renewal = r
	go func() {
		defer cancel()
		ctx, cancel := context.WithTimeout(overdue, renewalTimeout)
		defer cancel()
		h.log.Info("renewing the token", "server", h.server, "expires_at", c.ExpiresAt, "refused", c.refused.Load())
		got, cached, err := h.fetch(ctx, c)
		if err != nil {
			h.log.Warn("the token was not renewed", "server", h.server, "expires_at", c.ExpiresAt, "reason", err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		defer close(r.done)
		h.renewal, h.last = nil, r
		now := h.now()
		if err != nil {
			r.err, h.retryAt = err, now.Add(retryAfter)
			return
		}
		r.got = h.hold(got, cached)
		if r.got.due(now) {
			h.retryAt = now.Add(min(retryAfter, r.got.ExpiresAt.Sub(now)))
		}
	}()
	return r
}

// fetch gets another token than c.
func (h *holder) fetch(ctx context.Context, c *held) (credential.Credential, *credential.Cached, error) {
	cached, err := h.source()
	if err != nil {
		return credential.Credential{}, nil, err
	}
	got, err := cached.Renew(ctx, c.Credential)
	if err != nil {
		return credential.Credential{}, nil, err
	}
	if err := got.Check(h.now()); err != nil {
		return credential.Credential{}, nil, unusable(err)
	}
	if c.refused.Load() && got.Token.Equal(c.Token) {
		return credential.Credential{}, nil, unusable(errors.New("it is the one that the server refused"))
	}
	if got.Token.IsZero() {
		return credential.Credential{}, nil, unusable(errors.New("it holds no token any more; the config must be made anew"))
	}
	if err := got.CheckServer(h.server.String()); err != nil {
		return credential.Credential{}, nil, &credential.Error{
			Class: credential.Unsafe,
			Err:   fmt.Errorf("refusing the new credential: it is for server %q; the config must be made anew", got.Server),
		}
	}
	if !bytes.Equal(got.CertificateAuthority, c.CertificateAuthority) {
		h.log.Warn("the cluster's certificate authority changed; the config must be made anew if the server's certificate is refused", "server", h.server)
	}
	return got, cached, nil
}
