package restconfig

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// The minimum and maximum pause between two refusals that cause a renewal, when tokens are refused repeatedly.
const minPause, maxPause = time.Second, time.Hour

// held is a token in use.
type held struct {
	credential.Credential
	renewAt time.Time // zero: never

	refused, accepted atomic.Bool // by the cluster
}

// usable reports whether requests may use the token. A token with an unknown expiry is usable until it is refused.
func (c *held) usable(now time.Time) bool {
	return !c.refused.Load() && (c.ExpiresAt.IsZero() || c.Valid(now))
}

func (c *held) due(now time.Time) bool {
	return !c.renewAt.IsZero() && !now.Before(c.renewAt)
}

// tokenCache holds one cluster's token and renews it.
type tokenCache struct {
	source func() (*credential.Cached, error)
	server *url.URL
	now    func() time.Time
	log    *slog.Logger

	current atomic.Pointer[held]

	mu        sync.Mutex // guards the fields below, and is held to change current
	renewal   *renewal   // the one in progress, or nil
	last      *renewal   // reused until retryAt
	retryAt   time.Time
	refusedAt time.Time // when a token was last refused
	pause     time.Duration
}

func newTokenCache(source func() (*credential.Cached, error), cached *credential.Cached) *tokenCache {
	t := &tokenCache{source: source, now: cached.Now, log: cached.Log}
	if t.now == nil {
		t.now = time.Now
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	return t
}

// credential returns the token to send. It waits only if the current one isn't usable.
func (t *tokenCache) credential(ctx context.Context) (*held, error) {
	for {
		c, now := t.current.Load(), t.now()
		if c.usable(now) {
			if c.due(now) {
				t.renew(c)
			}
			return c, nil
		}
		r := t.renew(c)
		if r == nil {
			continue // c has just been replaced
		}
		got, err := r.wait(ctx)
		if err != nil {
			return nil, fmt.Errorf("renewing the token for server %q, %s: %w", t.server, c.whyUnusable(), err)
		}
		return got, nil
	}
}

// whyUnusable returns why a token isn't usable, for an error.
func (c *held) whyUnusable() string {
	if c.refused.Load() {
		return "which refused it"
	}
	return "which expired at " + c.ExpiresAt.UTC().Format(time.RFC3339)
}

// hold makes got the current credential.
func (t *tokenCache) hold(got credential.Credential, cached *credential.Cached) *held {
	c := &held{Credential: got, renewAt: cached.RenewAt(got)}
	t.current.Store(c)
	return c
}

// refuse drops a token that the cluster refused and reports whether it will be replaced. A
// token fetched since the last refusal isn't dropped until the pause is over, which is longer if the cluster has never
// accepted it.
func (t *tokenCache) refuse(c *held) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current.Load() != c || c.refused.Load() {
		return true
	}
	now := t.now()
	since := now.Sub(t.refusedAt)
	pause := t.pause
	if !c.accepted.Load() {
		pause = max(pause, credential.HealingPause)
	}
	switch again := !c.FetchedAt.Before(t.refusedAt); {
	case again && since < pause:
		return false
	case again && since < 2*pause:
		t.pause = min(2*pause, maxPause)
	default:
		t.pause = minPause
	}
	t.refusedAt = now
	c.refused.Store(true)
	return true
}

// checkURL returns an error unless u is on the cluster's server.
func (t *tokenCache) checkURL(u *url.URL) error {
	if u.Scheme == t.server.Scheme && u.Host == t.server.Host {
		return nil
	}
	// Some WebSocket clients use these schemes.
	scheme := map[string]string{"wss": "https", "ws": "http"}[u.Scheme]
	if scheme == "" {
		scheme = u.Scheme
	}
	if (credential.Credential{Server: t.server.String()}).CheckServer(scheme+"://"+u.Host) == nil {
		return nil
	}
	return &credential.Error{
		Class: credential.Unsafe,
		Err: fmt.Errorf("refusing to send the token to server %q: the cluster's is %q",
			u.Scheme+"://"+u.Host, t.server),
	}
}
