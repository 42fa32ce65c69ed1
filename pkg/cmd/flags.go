package cmd

import (
	"errors"
	"math"
	"path/filepath"

	"github.com/spf13/pflag"
)

func (f *fetch) addExpiryFlag(flags *pflag.FlagSet) {
	flags.IntVar(&f.expirySeconds, "expiry-seconds", 0, "request a token lifetime of this many `seconds` (default the API's, seven days)")
}

func (f *fetch) addCacheFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&f.noCache, "no-cache", false, "neither read nor write the cache")
	flags.BoolVar(&f.forceRefresh, "force-refresh", false, "fetch a new credential, and cache it")
}

// check reports what the flags can't mean.
func (f fetch) check() error {
	if f.expirySeconds < 0 || f.expirySeconds > math.MaxInt32 {
		return usageErrorf("--expiry-seconds %d: it is out of range", f.expirySeconds)
	}
	return nil
}

// given is the value of a flag that must not be empty when it is given: an empty one is the trace of
// a variable that isn't set, and what would be used instead is another account's, or another place.
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

// directory is a given path that must be absolute, as a client may run us in any directory.
type directory struct{ given }

// Set implements pflag.Value.
func (d directory) Set(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("it is not an absolute path")
	}
	return d.given.Set(path)
}
