package cmd

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

// fetching is what the commands share that get a cluster's credential.
type fetching struct {
	*options

	expirySeconds int
	noCache       bool
	forceRefresh  bool
	askAnew       bool // also when a call has just failed
}

func (f *fetching) addExpiryFlag(flags *pflag.FlagSet) {
	flags.IntVar(&f.expirySeconds, "expiry-seconds", 0, "ask for a token that lives for so many `seconds` (default the API's, seven days)")
}

func (f *fetching) addCacheFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&f.noCache, "no-cache", false, "neither read nor write the cache")
	flags.BoolVar(&f.forceRefresh, "force-refresh", false, "fetch a new credential, and cache it")
}

// credential returns the cluster's credential, from the cache where that may be.
func (f *fetching) credential(ctx context.Context, id digitalocean.ClusterID) (credential.Credential, error) {
	token, err := f.accessToken()
	if err != nil {
		return credential.Credential{}, err
	}
	return f.credentialBy(ctx, token, id)
}

// credentialBy returns what an access token gets.
func (f *fetching) credentialBy(ctx context.Context, token digitalocean.AccessToken, id digitalocean.ClusterID) (credential.Credential, error) {
	if f.expirySeconds < 0 || f.expirySeconds > math.MaxInt32 {
		return credential.Credential{}, usageErrorf("--expiry-seconds %d: it is out of range", f.expirySeconds)
	}
	if err := f.checkAPIAddress(token); err != nil {
		return credential.Credential{}, err
	}
	f.log().Info("looking for the credential", "cluster", id, "access_token_from", token.Source, "api", f.apiAddress(token), "cache", f.cachePath())
	got, err := f.cached(token, id).Credential(ctx)
	return got, f.explain(err, token)
}

// renew returns another credential than old, from the API where need be.
func (f *fetching) renew(ctx context.Context, id digitalocean.ClusterID, old credential.Credential) (credential.Credential, error) {
	token, err := f.accessToken()
	if err != nil {
		return credential.Credential{}, err
	}
	got, err := f.cached(token, id).Renew(ctx, old)
	return got, f.explain(err, token)
}

// explain adds to an error's hint what the user can't know from it.
func (f *fetching) explain(err error, token digitalocean.AccessToken) error {
	return f.withRoots(withSource(err, token))
}

// withSource adds to the hint of a refusal where the access token came from. A failure that is
// remembered may be of the same access token from elsewhere.
func withSource(err error, token digitalocean.AccessToken) error {
	e, ok := errors.AsType[*credential.Error](err)
	if !ok || e.Class != credential.Refused && e.Class != credential.NotFound {
		return err
	}
	return &credential.Error{Class: e.Class, Err: err, Hint: e.Hint + " (it is from " + token.Source + ")"}
}

// cached returns what gives the cluster's credential, by way of the cache where that may be.
func (f *fetching) cached(token digitalocean.AccessToken, id digitalocean.ClusterID) *credential.Cached {
	expiry := time.Duration(f.expirySeconds) * time.Second
	api := credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
		client, err := f.client(token)
		if err != nil {
			return credential.Credential{}, err
		}
		got, err := client.Credential(ctx, id, expiry)
		got.ExpiresAt = got.ExpiresAt.Truncate(time.Second) // as the cache has it: all get the same answer
		if err == nil && !f.noCache {
			f.fetched.Store(true)
		}
		return got, err
	})
	var store credential.Store = f.store(token)
	switch {
	case f.noCache:
		store = new(credential.Memory)
	case f.askAnew:
		store = struct{ credential.Store }{store} // which remembers no failures
	}
	return &credential.Cached{
		Provider: api,
		Store:    store,
		Key:      f.key(token, string(id), expiry),
		Refresh:  f.forceRefresh,
		Now:      f.Now,
		Log:      f.log(),
	}
}
