package credential

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Key tells one cached credential from another: everything that a different answer could depend
// on. It holds no secret and is comparable.
type Key struct {
	APIURL    string
	ClusterID string
	Expiry    time.Duration // the requested lifetime; 0 is the API's default
	Auth      string        // how the account is proved, such as "access-token"
	Identity  string        // whose credential it is; see [Identity]

	// PassedOver makes it the key of a lock: of the one that is taken in place of the other, which a
	// process holds that doesn't let go. Nothing is kept under such a key.
	PassedOver bool
}

// Identity returns a name for the holder of a secret, for use in a Key: the same for the same
// secret, different for others, and no help in finding the secret out.
func Identity(secret Secret) string {
	hashed := sha256.Sum256([]byte(secret.Reveal())) // FIPS 140 wants a secret of this length
	id, err := hkdf.Key(sha256.New, hashed[:], nil, "doks-auth identity", 16)
	if err != nil {
		panic(err) // only a length that is out of SHA-256's range fails
	}
	return hex.EncodeToString(id)
}

// A Store keeps credentials. Its methods may be called by many goroutines at once.
type Store interface {
	// Get returns the credential kept under key, whether it is still valid or not. It fails with a
	// *[MissError] when there is none that can be used.
	Get(ctx context.Context, key Key) (Credential, error)

	// Put keeps a credential under key in place of an earlier one, wholly or not at all.
	Put(ctx context.Context, key Key, c Credential) error

	// Lock waits until nobody else holds the lock of key, and takes it. It tries at least once, also
	// when ctx is done already. While somebody else holds the lock it fails with ctx's error only;
	// any other error means that this Store can't lock. Get and Put need no lock.
	Lock(ctx context.Context, key Key) (unlock func(), err error)
}

// Failure is a failed fetch as a FailureStore remembers it.
type Failure struct {
	At      time.Time `json:"at"`
	Class   Class     `json:"class"`
	Message string    `json:"message"`

	Status    int           `json:"status,omitempty"`     // the Error's
	ClockSkew time.Duration `json:"clock_skew,omitempty"` // the Error's

	// Within is how long the fetch had, if it failed for want of time; else 0.
	Within time.Duration `json:"within,omitempty"`

	// Renewal tells that the fetch was given up for want of time while the credential in hand was still
	// valid. It may have minted. It is a failure only to those who hold a valid one too.
	Renewal bool `json:"renewal,omitempty"`
}

// A FailureStore remembers, beside the credential, the last fetch that failed. A Store may be one;
// [Cached] then spares the provider a call that has just failed.
type FailureStore interface {
	// Failure returns the last failure put under key, however old. It fails with a *[MissError] when
	// there is none. A Put of a credential forgets it.
	Failure(ctx context.Context, key Key) (Failure, error)
	// PutFailure remembers a failure in place of an earlier one.
	PutFailure(ctx context.Context, key Key, f Failure) error
}

// MissError says why a Store has nothing to give.
type MissError struct {
	Reason string // "absent" when there is nothing, else what is wrong with what is there
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
