package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/sharedcache"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// sharedVar is the variable with the address of a shared cache. There is no flag for it: others can see the arguments
// of a process, and the address may contain a password.
const sharedVar = "DOKS_AUTH_SHARED_CACHE"

// sharedFlags say where a cache is that other machines use, too. In a client's run they may be a stranger's choice. It
// sees nothing that isn't sealed.
type sharedFlags struct {
	file     string // with the address
	insecure bool
}

func (s *sharedFlags) addTo(flags *pflag.FlagSet) {
	flags.Var(given{&s.file}, "shared-cache-file",
		"read the `file` with the address of a cache that machines share (default $"+sharedVar+")")
	flags.BoolVar(&s.insecure, "shared-cache-insecure", false, "connect to the shared cache without encryption, too")
}

// maxSharedFile is the most that a file with an address may contain, in bytes.
const maxSharedFile = 8 << 10

// sharedServer returns the shared cache, or nil if there is none. Its errors quote neither the address nor the file.
func (o *options) sharedServer() (*sharedcache.Server, error) {
	from, text := sharedVar, o.Getenv(sharedVar)
	if o.shared.file != "" {
		from = show.Path(o.shared.file)
		data, err := o.readShared()
		if err != nil {
			return nil, fmt.Errorf("reading the shared cache's address from %s: %w", from, err)
		}
		text = string(data)
	}
	if text == "" && o.shared.file == "" {
		return nil, nil
	}
	address, err := sharedcache.ParseAddress(text, o.shared.insecure)
	switch {
	case errors.Is(err, sharedcache.ErrInsecure):
		return nil, advise(credential.Unsafe, fmt.Errorf("using the shared cache in %s: %w", from, err),
			"use rediss://; or give --shared-cache-insecure: credentials are encrypted anyway, but a password isn't")
	case err != nil:
		return nil, advise(credential.Usage, fmt.Errorf("using the shared cache in %s: %w", from, err),
			"the forms are rediss://user:password@host:6379, redis://127.0.0.1:6379 and unix:///path/of/a/socket")
	}
	return sharedcache.Open(address, o.cachePath()), nil
}

// readShared reads the file with the address. A client's run must not be used to read what isn't the user's.
func (o *options) readShared() ([]byte, error) {
	f, err := boundedfile.Open(o.shared.file)
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err // the path has been said
	}
	if err != nil {
		return nil, advise(credential.Usage, err, sharedFileHint)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && o.byClient() && !fileowner.IsOwn(info) && !fileowner.IsRoots(info) {
		return nil, &credential.Error{Class: credential.Unsafe, Err: errors.New("it belongs to another user")}
	}
	data, err := boundedfile.ReadFrom(f, maxSharedFile)
	if err != nil {
		return nil, advise(credential.Usage, err, sharedFileHint)
	}
	return data, nil
}

const sharedFileHint = "--shared-cache-file names a file with the address"

// hasShared reports whether a shared cache is asked for.
func (o *options) hasShared() bool { return o.shared.file != "" || o.Getenv(sharedVar) != "" }

// sharedStore returns an identity's part of the shared cache; nil if there is none, or how says not to use it. Nothing
// is opened before it is used, which a hit in the local cache doesn't do. It calls begin before it takes a lock: no
// system releases that when a process ends.
func (o *options) sharedStore(identity credential.Secret, how fetch, begin func()) *lazyShared {
	if how.noCache || !o.hasShared() {
		return nil
	}
	return &lazyShared{options: o, begin: begin, open: sync.OnceValues(func() (*sharedcache.Store, error) {
		server, err := o.sharedServer()
		if err != nil {
			return nil, err
		}
		return server.For(identity), nil
	})}
}

// lazyShared is a shared cache that is opened when it is first used.
type lazyShared struct {
	options *options
	begin   func()
	open    func() (*sharedcache.Store, error)
}

// Get implements credential.Store.
func (s *lazyShared) Get(ctx context.Context, key credential.Key) (credential.Credential, error) {
	store, err := s.open()
	if err != nil {
		return credential.Credential{}, err
	}
	return store.Get(ctx, key)
}

// Put implements credential.Store.
func (s *lazyShared) Put(ctx context.Context, key credential.Key, c credential.Credential) error {
	store, err := s.open()
	if err != nil {
		return err
	}
	return store.Put(ctx, key, c)
}

// Lock implements credential.Store.
func (s *lazyShared) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	store, err := s.open()
	if err != nil {
		return nil, err
	}
	s.begin()
	defer s.options.waiting("another machine that is fetching the credential")()
	return store.Lock(ctx, key)
}

// Remove implements credential.SharedStore.
func (s *lazyShared) Remove(ctx context.Context, key credential.Key, c credential.Credential) error {
	store, err := s.open()
	if err != nil {
		return err
	}
	return store.Remove(ctx, key, c)
}

// check returns an error if a shared cache is asked for in a way that can't be understood: whoever wants one
// credential for a fleet wouldn't want to mint one for each machine. That the cache can't be reached is none.
func (s *lazyShared) check() error {
	if s == nil {
		return nil
	}
	if _, err := s.open(); err != nil {
		return addressError{err}
	}
	return nil
}

// addressError is about this run's address of a shared cache.
type addressError struct{ error }

// Unwrap returns the error, and what keeps it from being remembered: another run may have another address.
func (e addressError) Unwrap() []error { return []error{e.error, credential.ErrUnremembered} }
