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

// The pause between two refusals that each cost a renewal, when tokens are refused again and again.
const minPause, maxPause = time.Second, time.Hour

// held is a token in use.
type held struct {
	credential.Credential
	renewAt time.Time   // zero: never
	refused atomic.Bool // by the cluster
}

// usable tells whether requests may carry the token. One without a known expiry may until it is refused.
func (c *held) usable(now time.Time) bool {
	return !c.refused.Load() && (c.ExpiresAt.IsZero() || c.Valid(now))
}

func (c *held) due(now time.Time) bool {
	return !c.renewAt.IsZero() && !now.Before(c.renewAt)
}

// holder holds the token of one cluster, and renews it.
type holder struct {
	source func() (*credential.Cached, error)
	server *url.URL
	now    func() time.Time
	log    *slog.Logger

	current atomic.Pointer[held]

	mu        sync.Mutex // guards what follows, and is held to change current
	renewal   *renewal   // the one that is under way, or nil
	last      *renewal   // it answers until retryAt
	retryAt   time.Time
	refusedAt time.Time // when a token was refused last
	pause     time.Duration
}

func newHolder(source func() (*credential.Cached, error), cached *credential.Cached) *holder {
	h := &holder{source: source, now: cached.Now, log: cached.Log}
	if h.now == nil {
		h.now = time.Now
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	return h
}

// credential returns the token to send now. It waits only when none is usable.
func (h *holder) credential(ctx context.Context) (*held, error) {
	for {
		c, now := h.current.Load(), h.now()
		if c.usable(now) {
			if c.due(now) {
				h.renew(c)
			}
			return c, nil
		}
		r := h.renew(c)
		if r == nil {
			continue // it was replaced just now
		}
		got, err := r.wait(ctx)
		if err != nil {
			return nil, fmt.Errorf("renewing the token for server %q, %s: %w", h.server, c.fate(), err)
		}
		return got, nil
	}
}

// fate says why a token isn't usable.
func (c *held) fate() string {
	if c.refused.Load() {
		return "which refused it"
	}
	return "which ended at " + c.ExpiresAt.UTC().Format(time.RFC3339)
}

// hold puts a credential in use.
func (h *holder) hold(got credential.Credential, cached *credential.Cached) *held {
	c := &held{Credential: got, renewAt: cached.RenewAt(got)}
	h.current.Store(c)
	return c
}

// refuse drops a token that the cluster refused. It tells whether another will take its place: when a
// token is refused that was got since the last refusal, it isn't dropped until a pause is over.
func (h *holder) refuse(c *held) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current.Load() != c || c.refused.Load() {
		return true
	}
	now := h.now()
	since := now.Sub(h.refusedAt)
	switch again := !c.FetchedAt.Before(h.refusedAt); {
	case again && since < h.pause:
		return false
	case again && since < 2*h.pause:
		h.pause = min(2*h.pause, maxPause)
	default:
		h.pause = minPause
	}
	h.refusedAt = now
	c.refused.Store(true)
	return true
}

// checkURL reports a request to another server than the cluster's.
func (h *holder) checkURL(u *url.URL) error {
	if u.Scheme == h.server.Scheme && u.Host == h.server.Host {
		return nil
	}
	// Some clients of websockets say so in the URL.
	scheme := map[string]string{"wss": "https", "ws": "http"}[u.Scheme]
	if scheme == "" {
		scheme = u.Scheme
	}
	if (credential.Credential{Server: h.server.String()}).CheckServer(scheme+"://"+u.Host) == nil {
		return nil
	}
	return &credential.Error{
		Class: credential.Unsafe,
		Err:   fmt.Errorf("refusing to send the token to server %q: the cluster's is %q", u.Scheme+"://"+u.Host, h.server),
		Hint:  "a redirect may lead there; to go by a tunnel, set the config's Dial or Proxy rather than its Host",
	}
}
