package cmd

import (
	"errors"
	"math"
	"path/filepath"

	"github.com/spf13/pflag"
)

func (f *fetch) addExpiryFlag(flags *pflag.FlagSet) {
	flags.IntVar(&f.expirySeconds, "expiry-seconds", 0,
		"requested token lifetime, in `seconds` (default: the API's, 7 days)")
}

// addSharedExpiryFlag adds the lifetime by which a command finds credentials in the shared cache.
func (f *fetch) addSharedExpiryFlag(flags *pflag.FlagSet) {
	flags.IntVar(&f.expirySeconds, "expiry-seconds", 0,
		"with --shared, also look for credentials that were requested with this lifetime, in `seconds`")
}

// checkShared returns an error unless the lifetime can be used with the command's --shared.
func (f fetch) checkShared(shared bool) error {
	if f.expirySeconds != 0 && !shared {
		return usageErrorf("--expiry-seconds needs --shared")
	}
	return f.check()
}

func (f *fetch) addCacheFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&f.noCache, "no-cache", false, "neither read nor write the cache")
	flags.BoolVar(&f.forceRefresh, "force-refresh", false, "fetch a new credential and cache it")
}

// check returns an error if a flag's value is out of range.
func (f fetch) check() error {
	if f.expirySeconds < 0 || f.expirySeconds > math.MaxInt32 {
		return usageErrorf("--expiry-seconds %d: it is out of range", f.expirySeconds)
	}
	return nil
}

// given is a flag value that must not be empty: an empty one comes from an unset shell variable, and falling
// back to the default would silently use another account or another place.
type given struct{ text *string }

// String, Set and Type implement pflag.Value.
func (g given) String() string {
	if g.text == nil {
		return ""
	}
	return *g.text
}

func (g given) Type() string { return "string" }

func (g given) Set(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	*g.text = text
	return nil
}

// directory is a path that must be absolute, because a client may run us in any directory.
type directory struct{ given }

// Set implements pflag.Value.
func (d directory) Set(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("it is not an absolute path")
	}
	return d.given.Set(path)
}
