package credential

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Key identifies a cached credential: it holds everything that a provider's answer depends on. It
// contains no secret and is comparable.
type Key struct {
	APIURL    string
	ClusterID string
	Expiry    time.Duration // the requested lifetime; 0 is the API's default
	Auth      string        // how the account authenticates, such as "access-token"
	Identity  string        // whose credential it is; see [Identity]

	// PassedOver marks the key of a second lock, used when a process doesn't release the first, and by [Cached.Heal].
	// Nothing is stored under such a key.
	PassedOver bool
}

// Identity returns an identifier for the owner of a secret, for use in a Key: the same for the same
// secret, different for different ones, and useless for finding the secret.
func Identity(secret Secret) string {
	hashed := sha256.Sum256([]byte(secret.Reveal())) // FIPS 140 requires a secret of this length
	id, err := hkdf.Key(sha256.New, hashed[:], nil, "doks-auth identity", 16)
	if err != nil {
		panic(err) // HKDF fails only for lengths out of range
	}
	return hex.EncodeToString(id)
}

// A Store keeps credentials. Its methods are safe for concurrent use.
type Store interface {
	// Get returns the credential stored under key, valid or not. It returns a *[MissError] if there is none
	// that can be used.
	Get(ctx context.Context, key Key) (Credential, error)

	// Put atomically replaces the credential stored under key.
	Put(ctx context.Context, key Key, c Credential) error

	// Lock acquires the lock of key, waiting until it is free. It tries at least once, even if ctx is
	// already done. While the lock is held elsewhere, Lock fails only with ctx's error; any other
	// error means that the Store can't lock. Get and Put don't require the lock.
	Lock(ctx context.Context, key Key) (unlock func(), err error)
}

// Failure is a failed fetch, as remembered by a FailureStore.
type Failure struct {
	At      time.Time `json:"at"`
	Class   Class     `json:"class"`
	Message string    `json:"message"`

	Status    int           `json:"status,omitempty"`     // the Error's
	ClockSkew time.Duration `json:"clock_skew,omitempty"` // the Error's

	// Within is the time limit of the fetch if it timed out, else 0.
	Within time.Duration `json:"within,omitempty"`

	// Renewal means that the fetch was a renewal, canceled because it was slow and the old credential was
	// still valid. It may have minted. It counts as a failure only for callers that hold a valid credential too.
	Renewal bool `json:"renewal,omitempty"`
}

// A FailureStore also remembers the last failed fetch of each key. A Store may implement it;
// [Cached] then doesn't repeat a call that has just failed.
type FailureStore interface {
	// Failure returns the last failure stored under key, however old. It returns a *[MissError] if
	// there is none. Storing a credential removes the failure.
	Failure(ctx context.Context, key Key) (Failure, error)
	// PutFailure replaces the failure stored under key.
	PutFailure(ctx context.Context, key Key, f Failure) error
}

// MissError explains why a Store has no credential to return.
type MissError struct {
	Reason string // "absent" if nothing is stored, else what is wrong with it
	Err    error  // the cause; may be nil
}

// Error returns the reason and the cause.
func (e *MissError) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return e.Reason + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *MissError) Unwrap() error { return e.Err }
