package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

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

// sharedServer returns the shared cache, or nil if there is none. Nothing is read or opened before it is used, which a
// hit in the local cache doesn't do.
func (o *options) sharedServer() *sharedcache.Server {
	if o.shared.file == "" && o.Getenv(sharedVar) == "" {
		return nil
	}
	return sharedcache.Open(o.sharedAddress, o.cachePath(), o.Now)
}

// sharedAddress returns the address of the shared cache. Its errors quote neither the address nor the file.
func (o *options) sharedAddress() (sharedcache.Address, error) {
	from, text := sharedVar, o.Getenv(sharedVar)
	if o.shared.file != "" {
		from = show.Path(o.shared.file)
		data, err := o.readShared()
		if err != nil {
			return sharedcache.Address{}, fmt.Errorf("reading the shared cache's address from %s: %w", from, err)
		}
		text = string(data)
	}
	address, err := sharedcache.ParseAddress(text, o.shared.insecure)
	switch {
	case errors.Is(err, sharedcache.ErrInsecure):
		err = advise(credential.Unsafe, fmt.Errorf("using the shared cache in %s: %w", from, err),
			"use rediss://; or give --shared-cache-insecure: credentials are encrypted anyway, but a password isn't")
	case err != nil:
		err = advise(credential.Usage, fmt.Errorf("using the shared cache in %s: %w", from, err),
			"the forms are rediss://user:password@host:6379, redis://127.0.0.1:6379 and unix:///path/of/a/socket")
	}
	return address, err
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
	if err == nil && o.byClient() && !fileowner.IsOwnOrRoots(f, info) {
		return nil, &credential.Error{Class: credential.Unsafe, Err: errors.New("it belongs to another user")}
	}
	data, err := boundedfile.ReadFrom(f, maxSharedFile)
	if err != nil {
		return nil, advise(credential.Usage, err, sharedFileHint)
	}
	return data, nil
}

const sharedFileHint = "--shared-cache-file names a file with the address"

// share makes an identity's credentials come from, and go to, the shared cache, if there is one and how doesn't say not
// to use it. It calls begin before it takes a lock there: no system releases that when a process ends.
//
// An address that can't be understood is an error before anything is minted: whoever wants one credential for a fleet
// wouldn't want one for each machine. That the cache can't be reached is none.
func (o *options) share(cached *credential.Cached, identity credential.Secret, how fetch, begin func()) {
	server := o.sharedServer()
	if server == nil || how.noCache {
		return
	}
	cached.Shared = announcedShared{server.For(identity), o, begin}
	provider := cached.Provider
	cached.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
		if _, err := server.Address(); err != nil {
			return credential.Credential{}, addressError{err}
		}
		return provider.Credential(ctx)
	})
}

// announcedShared is a shared cache that says what it waits for.
type announcedShared struct {
	*sharedcache.Store

	options *options
	begin   func()
}

// Lock implements credential.Store.
func (s announcedShared) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	s.begin()
	defer s.options.waiting("another machine that is fetching the credential")()
	return s.Store.Lock(ctx, key)
}

// addressError is about this run's address of a shared cache.
type addressError struct{ error }

// Unwrap returns the error, and what keeps it from being remembered: another run may have another address.
func (e addressError) Unwrap() []error { return []error{e.error, credential.ErrUnremembered} }
