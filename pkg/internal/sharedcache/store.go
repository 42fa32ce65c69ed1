// Package sharedcache implements a credential.Store on a server that speaks the Redis protocol (Valkey, Redis), shared
// by many machines.
//
// For each key the server has up to two values, under the name that the key has in a cache directory, after a prefix:
// a sealed credential, and a lock.
//
// Guaranteed:
//   - The server, and whoever can read or write what is there, learns which names were asked for, when, and how long
//     values are, but neither whose they are, nor for which cluster, nor for how long they are valid beyond what the
//     server must know to drop them. What isn't sealed for a key is a miss.
//   - Each call returns within three seconds, apart from Lock, which waits until its context is done.
//   - A lock is released by who holds it, or within ten seconds of that one's death.
//
// Not guaranteed:
//   - That a credential is the latest: whoever can write to the server can put back a previous one of the same key.
//   - That only one machine holds a lock: the server may fail over to another that doesn't know of it, and a machine
//     that is stopped for ten seconds loses it.
package sharedcache

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/sealed"
)

// Store is the part of a server that belongs to an identity.
type Store struct {
	server *Server
	secret credential.Secret
}

var _ credential.SharedStore = (*Store)(nil)

// For returns the Store of the identity with that secret.
func (s *Server) For(secret credential.Secret) *Store { return &Store{s, secret} }

// value returns the name of the key's value on the server, and its seal.
func (s *Store) value(key credential.Key) (name string, seal *sealed.Seal, err error) {
	address, err := s.server.find()
	if err != nil {
		return "", nil, err
	}
	seal = sealed.New(key, s.secret)
	return address.prefix + seal.Name(), seal, nil
}

// Get implements credential.Store.
func (s *Store) Get(_ context.Context, key credential.Key) (credential.Credential, error) {
	name, seal, err := s.value(key)
	if err != nil {
		return credential.Credential{}, err
	}
	data, err := redis.Bytes(s.server.one("GET", name))
	switch {
	case errors.Is(err, redis.ErrNil):
		return credential.Credential{}, &credential.MissError{Reason: "absent"}
	case err != nil:
		return credential.Credential{}, &credential.MissError{Reason: "unreadable", Err: shown(err)}
	}
	return seal.OpenWhole(data)
}

// Put implements credential.Store. The server drops the credential when it expires.
func (s *Store) Put(_ context.Context, key credential.Key, c credential.Credential) error {
	name, seal, err := s.value(key)
	if err != nil {
		return err
	}
	left := c.ExpiresAt.Sub(s.server.now()).Milliseconds()
	if left <= 0 {
		return errors.New("it has expired")
	}
	data, err := seal.Whole(key, c)
	if err != nil {
		return err
	}
	if len(data) > maxBulk {
		return errTooLarge
	}
	_, err = s.server.one("SET", name, data, "PX", left)
	return shown(err)
}

// Remove implements credential.SharedStore.
func (s *Store) Remove(_ context.Context, key credential.Key, c credential.Credential) error {
	name, seal, err := s.value(key)
	if err != nil {
		return err
	}
	data, err := redis.Bytes(s.server.one("GET", name))
	switch {
	case errors.Is(err, redis.ErrNil):
		return nil
	case err != nil:
		return shown(err)
	}
	if got, err := seal.OpenWhole(data); err != nil || got.Digest() != c.Digest() {
		return nil // it is another one
	}
	_, err = s.server.one("EVAL", removeIfEqual, 1, name, data)
	return shown(err)
}

const (
	lockSuffix = ":lock"
	lockTime   = 10 * time.Second // a lock that isn't renewed is released after

	// A waiting machine asks again after minPause, then after longer, up to maxPause.
	minPause, maxPause = 20 * time.Millisecond, 1280 * time.Millisecond
)

// Scripts run as one step. The key is the first of KEYS, what it must be to be changed the first of ARGV.
const (
	removeIfEqual = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`
	extendIfEqual = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("PEXPIRE", KEYS[1], ARGV[2]) end ` +
		`return 0`
)

// Lock implements credential.Store. The lock is a value with a random text, which its holder renews.
func (s *Store) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	name, _, err := s.value(key)
	if err != nil {
		return nil, err
	}
	lock, mine := name+lockSuffix, rand.Text()
	var before []byte
	for pause, first := minPause, true; ; pause, first = min(2*pause, maxPause), false {
		answers, err := s.server.call(
			command{"SET", []any{lock, mine, "NX", "PX", lockTime.Milliseconds()}},
			command{"GET", []any{lock}}, // the connection may have been lost after it was set
			command{"GET", []any{name}},
		)
		if err != nil {
			return nil, err
		}
		set, err := redis.String(answers[0], nil)
		holder, readErr := redis.String(answers[1], nil)
		if set == "OK" || holder == mine {
			return s.hold(lock, mine), nil
		}
		for _, err := range []error{err, readErr} {
			if err != nil && !errors.Is(err, redis.ErrNil) {
				return nil, shown(err)
			}
		}
		stored, _ := redis.Bytes(answers[2], nil)
		if first {
			before = stored
		} else if stored != nil && string(stored) != string(before) {
			return nil, credential.ErrStored
		}
		select {
		case <-time.After(pause/2 + mathrand.N(pause)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// hold renews a lock until the returned function releases it.
func (s *Store) hold(lock, mine string) (unlock func()) {
	released := make(chan struct{})
	go func() {
		tick := time.NewTicker(lockTime / 4)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.server.one("EVAL", extendIfEqual, 1, lock, mine, lockTime.Milliseconds())
			case <-released:
				return
			}
		}
	}()
	return func() {
		close(released)
		s.server.one("EVAL", removeIfEqual, 1, lock, mine) // else it expires
	}
}

// one sends a command, and returns its answer. Its error may be a redis.Error.
func (s *Server) one(name string, args ...any) (any, error) {
	answers, err := s.call(command{name, args})
	if err != nil {
		return nil, err
	}
	if e, ok := answers[0].(redis.Error); ok {
		return nil, e
	}
	return answers[0], nil
}
