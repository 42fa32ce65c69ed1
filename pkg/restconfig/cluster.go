package restconfig

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/sharedcache"
)

// Options are the options of ForCluster. Only an access token is required.
type Options struct {
	// AccessToken is an access token for the DigitalOcean API with the scope kubernetes:access_cluster.
	AccessToken credential.Secret

	// AccessTokenSource replaces AccessToken. ForCluster calls its Token, and so does each renewal; the call
	// isn't limited by any context.
	AccessTokenSource oauth2.TokenSource

	// AccessTokenIdentity is the program's name for the account of AccessTokenSource. Credentials in CacheDir then
	// stay in use when the source's access token changes; without it, they belong to the access token. The name must
	// belong to one account for good: whatever else has the name would get its credentials.
	AccessTokenIdentity string

	// Account replaces AccessToken by a login of doks-auth ('doks-auth auth login'), by its name.
	Account string

	// StateDir is the directory of doks-auth's logins, and of what AccessTokenIdentity needs. "" is the
	// user's, such as ~/.local/state/doks-auth.
	StateDir string

	APIURL    string            // "": that of Account, or digitalocean.DefaultAPIURL
	Expiry    time.Duration     // requested token lifetime, in whole seconds; 0: the API's default, seven days
	Transport http.RoundTripper // for calls to the API; nil: one like http.DefaultTransport
	UserAgent string            // of calls to the API and of the config; "": the defaults of both

	// Leeway is how long before its expiry a token is renewed, at most half its lifetime. 0 means a fifth of its
	// lifetime, at most five minutes.
	Leeway time.Duration

	// CacheDir is a directory that stores credentials, encrypted under the access token, for other processes
	// and later runs. To share credentials with the plugin, use its directory, such as
	// ~/.kube/cache/doks-auth, and the same Expiry and APIURL. "" means in memory.
	CacheDir string

	// SharedCache is the address of a server that speaks the Redis protocol, by which machines share credentials,
	// encrypted under the access token: rediss://user:password@host:port, redis:// for loopback addresses, or
	// unix:///path of a socket; the parameters are prefix, of all keys, and ca, a file with certificate authorities. ""
	// means none. If the server fails, everything goes on without it; an address that can't be understood is an
	// error.
	SharedCache credential.Secret

	// SharedCacheInsecure allows redis:// for all addresses. Credentials are encrypted even then; a password isn't.
	SharedCacheInsecure bool

	Log *slog.Logger     // nil: no logging
	Now func() time.Time // nil: time.Now
}

// ForCluster returns a config for a DigitalOcean cluster. It gets the first credential, for which ctx is used;
// the config doesn't depend on ctx afterwards. Errors are [*credential.Error] where their class is known.
func ForCluster(ctx context.Context, id digitalocean.ClusterID, o Options) (*rest.Config, error) {
	id, err := digitalocean.ParseClusterID(string(id))
	if err != nil {
		return nil, err
	}
	if o.Expiry < 0 {
		return nil, &credential.Error{Class: credential.Usage, Err: fmt.Errorf("the expiry %s is negative", o.Expiry)}
	}
	memory := new(credential.Memory)
	config, err := newConfig(ctx, func() (*credential.Cached, error) { return o.cached(id, memory) })
	if err != nil {
		return nil, fmt.Errorf("getting credentials for cluster %q: %w", id, err)
	}
	config.UserAgent = o.UserAgent
	return config, nil
}

// cached returns a cached provider of the cluster's credentials that uses the current access token.
func (o Options) cached(id digitalocean.ClusterID, memory *credential.Memory) (*credential.Cached, error) {
	began := time.Now()
	account, identity, err := o.account(id)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	client, err := digitalocean.NewClient(digitalocean.Options{
		AccessToken: account,
		APIURL:      account.API,
		UserAgent:   o.UserAgent,
		Transport:   o.Transport,
		Now:         o.Now,
		Log:         o.Log,
	})
	if err != nil {
		return nil, err
	}
	key := digitalocean.CacheKey(account.API, id, o.Expiry, identity)
	var store credential.Store = pruned{cachedir.Open(o.CacheDir, identity)}
	if o.CacheDir == "" {
		store = memory
		if o.SharedCache.IsZero() {
			key.Identity = "" // one key, whatever the access token
		}
	}
	shared, err := o.shared(identity)
	if err != nil {
		return nil, err
	}
	return &credential.Cached{
		Shared: shared,
		Provider: credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
			if err := credential.CheckTime(ctx, took, "getting an access token"); err != nil {
				return credential.Credential{}, err
			}
			defer client.CloseIdleConnections() // the next call may be days away
			return client.Credential(ctx, id, o.Expiry)
		}),
		Store:  store,
		Key:    key,
		Leeway: o.Leeway,
		Now:    o.Now,
		Log:    o.Log,
	}, nil
}

// shared returns the identity's part of the shared cache, or nil.
func (o Options) shared(identity credential.Secret) (credential.SharedStore, error) {
	if o.SharedCache.IsZero() {
		return nil, nil
	}
	server := sharedcache.Open(func() (sharedcache.Address, error) {
		return sharedcache.ParseAddress(o.SharedCache.Reveal(), o.SharedCacheInsecure)
	}, o.CacheDir, o.Now)
	if _, err := server.Address(); err != nil {
		return nil, fmt.Errorf("using the shared cache: %w", err)
	}
	return server.For(identity), nil
}

// pruned is a directory that is pruned after each Put, in the background and for at most a tenth of a second.
type pruned struct{ *cachedir.Dir }

// Put implements credential.Store.
func (p pruned) Put(ctx context.Context, key credential.Key, c credential.Credential) error {
	err := p.Dir.Put(ctx, key, c)
	go p.Prune()
	return err
}

// account returns the account, and the secret that its cached credentials for a cluster are sealed under.
func (o Options) account(id digitalocean.ClusterID) (*accounts.Account, credential.Secret, error) {
	var account *accounts.Account
	switch {
	case o.Account != "":
		found, err := o.sources().Find()
		if err != nil {
			return nil, credential.Secret{}, err
		}
		account = found
	case o.AccessTokenSource != nil:
		token, err := o.AccessTokenSource.Token()
		if err != nil {
			return nil, credential.Secret{}, fmt.Errorf("getting the access token: %w", err)
		}
		account = accounts.Static(credential.NewSecret(token.AccessToken), "Options.AccessTokenSource")
		account.API = digitalocean.NormalAPIURL(o.APIURL)
		if o.AccessTokenIdentity != "" && o.CacheDir != "" {
			identity, err := o.sources().NamedIdentity(context.Background(), o.AccessTokenIdentity)
			return account, identity, err
		}
	default:
		account = accounts.Static(o.AccessToken, "Options.AccessToken")
	}
	account.API = digitalocean.NormalAPIURL(cmp.Or(o.APIURL, account.APIURL))
	identity, _ := account.Identity(id) // known for all of these
	return account, identity, nil
}

// sources returns where logins are looked for.
func (o Options) sources() accounts.Sources {
	return accounts.Sources{
		Login: o.Account, StateDir: o.stateDir, Transport: o.Transport, UserAgent: o.UserAgent, Now: o.Now, Log: o.Log,
	}
}

func (o Options) stateDir() string {
	if o.StateDir != "" {
		return o.StateDir
	}
	home, _ := os.UserHomeDir()
	return accounts.StateDir(os.Getenv, home)
}
