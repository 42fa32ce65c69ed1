package restconfig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
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

	// The pause between two refusals that each cost a renewal, when tokens are refused again and again.
	minPause, maxPause = time.Second, time.Hour
)

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

// renewal is a renewal that is under way or over. got and err are set when done is closed.
type renewal struct {
	done    chan struct{}
	overdue <-chan struct{}
	got     *held
	err     error
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
