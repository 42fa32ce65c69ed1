package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// ErrNotRecorded means that there is no record of a client in the state directory. A program that acts on somebody
// else's words, as a plugin does on a kubeconfig's, should stop then: they could lead to any provider.
var ErrNotRecorded = errors.New("the issuer isn't recorded on this machine")

// record is what the state directory holds about a client. A cache hit reads this record only.
type record struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`

	// Root is 32 random bytes from which names and seals of cached credentials are derived. There are new ones when
	// somebody else signs in.
	Root []byte `json:"root"`

	User      User      `json:"user,omitzero"`
	Since     time.Time `json:"since,omitzero"`  // when somebody signed in
	Before    time.Time `json:"before,omitzero"` // when somebody signed in before that
	FetchedAt time.Time `json:"fetched_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // of the ID token
	Refreshes bool      `json:"refreshes,omitempty"` // there is a refresh token

	// Page is the provider's sign-in page, once somebody has signed in.
	Page string `json:"page,omitempty"`

	// Sealed holds the tokens. It is empty if nobody is signed in.
	Sealed []byte `json:"sealed,omitempty"`

	// Attempt is the sign-in that was begun last, unless it succeeded.
	Attempt *attempt `json:"attempt,omitempty"`
}

// attempt is a sign-in that has been begun.
type attempt struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"` // why it failed; "" if it was never completed

	// Earlier is how many attempts there were before, none of which succeeded.
	Earlier int `json:"earlier,omitempty"`
}

// quiet returns how long nobody is asked to sign in after the attempt: ten minutes after the first, and twice as long
// after each further one, so that a program that polls all night opens a few browsers.
func (a *attempt) quiet() time.Duration { return min(quiet<<min(a.Earlier, 10), maxQuiet) }

// next returns the attempt that follows one; nil: there was none.
func (a *attempt) next(now time.Time) *attempt {
	next := &attempt{At: now}
	if a != nil && isWithin(2*maxQuiet, a.At, now) { // else it is another matter
		next.Earlier = a.Earlier + 1
	}
	return next
}

// failed returns the attempt once it has failed.
func (a *attempt) failed(now time.Time, reason string) *attempt {
	failed := &attempt{At: now, Reason: reason}
	if a != nil {
		failed.Earlier = a.Earlier
	}
	return failed
}

const (
	recordsFolder = "sso/"
	keyRecord     = "key" // of everything sealed in the state directory that has no key of its own
)

func (c Client) recordName() string { return recordsFolder + digest(c.Issuer, c.ID) }

// digest returns a name for texts.
func digest(texts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", texts))
	return hex.EncodeToString(sum[:16])
}

// Session is the session of a client, as it was when it was found.
type Session struct {
	Client
	User

	SignedIn  bool // else all below is zero
	Since     time.Time
	ExpiresAt time.Time // of the ID token
	Refreshes bool      // the ID token can be replaced without anybody signing in

	root     credential.Secret
	sessions Sessions
}

// Record records a client, unless it is recorded, and returns its session. It replaces a record that can't be used.
// Call it for a person or a program that chose the provider itself.
func (s Sessions) Record(ctx context.Context, c Client) (*Session, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if found, err := s.Find(c); !errors.Is(err, ErrNotRecorded) {
		return found, err
	}
	failed := func(err error) error {
		return fmt.Errorf("recording the issuer %s: %w", show.URL(c.Issuer), inTime(ctx, show.Reason(err)))
	}
	unlock, err := s.state().Lock(ctx, c.recordName())
	if err != nil {
		return nil, failed(err)
	}
	defer unlock()
	if found, err := s.Find(c); !errors.Is(err, ErrNotRecorded) {
		return found, err
	}
	r := &record{Issuer: c.Issuer, ClientID: c.ID, Root: statedir.NewRandom()}
	if err := s.state().Write(c.recordName(), r); err != nil {
		return nil, failed(err)
	}
	return s.session(r), nil
}

// Find returns the session of a client. The error is ErrNotRecorded, with class Unsafe, if the client isn't recorded,
// or if its record can't be used.
func (s Sessions) Find(c Client) (*Session, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	r, err := s.read(c.recordName())
	if err != nil {
		failed := fmt.Errorf("refusing to sign in at %s: %w", show.URL(c.Issuer), notRecorded(ErrNotRecorded, err))
		return nil, &credential.Error{Class: credential.Unsafe, Err: failed}
	}
	return s.session(r), nil
}

// Forget removes the record of the client, unless somebody is signed in.
func (s *Session) Forget(ctx context.Context) error {
	return s.update(ctx, func(r *record) error {
		if len(r.Sealed) > 0 {
			return nil
		}
		return s.sessions.state().Remove(s.recordName())
	})
}

// notRecorded returns an error with the reason for which a record wasn't read, unless it is only that there is none.
func notRecorded(err, reason error) error {
	if errors.Is(reason, fs.ErrNotExist) || errors.Is(reason, statedir.ErrNone) {
		return err
	}
	return fmt.Errorf("%w: its record can't be used: %w", err, show.Reason(reason))
}

// All returns the sessions of all recorded clients.
func (s Sessions) All() []*Session {
	var all []*Session
	for _, name := range s.state().Names(recordsFolder) {
		if r, err := s.read(recordsFolder + name); err == nil {
			all = append(all, s.session(r))
		}
	}
	return all
}

func (s *Sessions) read(name string) (*record, error) {
	var r record
	if err := s.state().Read(name, &r); err != nil {
		return nil, err
	}
	if len(r.Root) == 0 || (Client{r.Issuer, r.ClientID}).recordName() != name {
		return nil, errors.New("it is incomplete, or another client's")
	}
	return &r, nil
}

func (s Sessions) session(r *record) *Session {
	return &Session{
		Client: Client{r.Issuer, r.ClientID}, User: r.User, SignedIn: len(r.Sealed) > 0, Since: r.Since,
		ExpiresAt: r.ExpiresAt, Refreshes: r.Refreshes, root: credential.NewSecret(string(r.Root)), sessions: s,
	}
}

// Identity returns the secret under which the session's credentials are cached. It is another one after somebody else
// has signed in.
func (s *Session) Identity() credential.Secret { return s.root }

// tokens are what a session keeps secret.
type tokens struct {
	id, refresh credential.Secret
}

// plainTokens is the JSON of tokens, in clear text: for sealing only.
type plainTokens struct{ ID, Refresh string }

// unseal returns the tokens in a record. They are zero if nobody is signed in.
func (s *Session) unseal(ctx context.Context, r *record) (tokens, error) {
	if len(r.Sealed) == 0 {
		return tokens{}, nil
	}
	key, err := s.sessions.state().Random(ctx, keyRecord)
	if err != nil {
		return tokens{}, err
	}
	text, err := statedir.Unseal(key, s.recordName(), r.Sealed)
	if err != nil {
		return tokens{}, err
	}
	var plain plainTokens
	if json.Unmarshal(text, &plain) != nil {
		return tokens{}, errors.New("it is not a session") // the cause could quote it
	}
	return tokens{credential.NewSecret(plain.ID), credential.NewSecret(plain.Refresh)}, nil
}

// seal puts tokens into a record.
func (s *Session) seal(ctx context.Context, r *record, t tokens) error {
	key, err := s.sessions.state().Random(ctx, keyRecord)
	if err != nil {
		return err
	}
	text, err := json.Marshal(plainTokens{t.id.Reveal(), t.refresh.Reveal()})
	if err != nil {
		return err
	}
	r.Sealed, err = statedir.Seal(key, s.recordName(), text)
	r.Refreshes = !t.refresh.IsZero()
	return err
}

// read returns what is recorded of the session now.
func (s *Session) read() (*record, error) {
	r, err := s.sessions.read(s.recordName())
	if err != nil {
		return nil, s.failed("reading the session", show.Reason(err))
	}
	return r, nil
}

// load returns what is kept of the session now.
func (s *Session) load(ctx context.Context) (*record, tokens, error) {
	r, err := s.read()
	if err != nil {
		return nil, tokens{}, err
	}
	t, err := s.unseal(ctx, r)
	if err != nil {
		s.sessions.log().Warn("the session can't be read; somebody must sign in", "at", s.Issuer, "reason", err)
		r.Sealed, r.Refreshes = nil, false
	}
	return r, t, nil
}

// failed returns an error with what was done and where.
func (s *Session) failed(doing string, err error) error {
	return fmt.Errorf("%s at %s: %w", doing, show.URL(s.Issuer), err)
}

// inTime gives an error from an expired deadline its class.
func inTime(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &credential.Error{Class: credential.Unreachable, Err: errors.New("timed out")}
}
