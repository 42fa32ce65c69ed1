package restconfig

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// Options say how ForCluster asks for credentials. An access token must be given; the zero values of the
// others do.
type Options struct {
	AccessToken       credential.Secret  // of the DigitalOcean API, with the scope kubernetes:access_cluster
	AccessTokenSource oauth2.TokenSource // in place of AccessToken: asked by ForCluster, and before each renewal; no context ends its Token

	APIURL    string            // "": digitalocean.DefaultAPIURL
	Expiry    time.Duration     // how long a token shall live, in whole seconds; 0: the API's default, seven days
	Leeway    time.Duration     // how long before its end a token is renewed; 0: a fifth of its life, five minutes at most
	Transport http.RoundTripper // carries the calls to the API; nil: one like http.DefaultTransport
	UserAgent string            // of the calls to the API and of the config; "": the defaults of both

	// CacheDir is a directory that keeps credentials, sealed under the access token, for other processes
	// and the next run. The plugin's own, such as ~/.kube/cache/doks-auth, shares them with it; so
	// do the same Expiry and APIURL. "": they are kept in memory.
	CacheDir string

	Log *slog.Logger     // nil: silent
	Now func() time.Time // nil: time.Now
}

// ForCluster returns a config for a cluster of DigitalOcean. ctx is for getting the first credential, and
// may end then. Failures are [*credential.Error] where their class is known.
func ForCluster(ctx context.Context, id digitalocean.ClusterID, o Options) (*rest.Config, error) {
	id, err := digitalocean.ParseClusterID(string(id))
	if err != nil {
		return nil, err
	}
	if o.Expiry < 0 {
		return nil, &credential.Error{Class: credential.Usage, Err: fmt.Errorf("the expiry %s is negative", o.Expiry)}
	}
	o.APIURL = digitalocean.NormalAPIURL(o.APIURL)
	memory := new(credential.Memory)
	config, err := newConfig(ctx, func() (*credential.Cached, error) { return o.cached(id, memory) })
	if err != nil {
		return nil, fmt.Errorf("getting credentials for cluster %q: %w", id, err)
	}
	config.UserAgent = o.UserAgent
	return config, nil
}

// cached returns what gets the cluster's credentials with the access token of now.
func (o Options) cached(id digitalocean.ClusterID, memory *credential.Memory) (*credential.Cached, error) {
	accessToken, err := o.accessToken()
	if err != nil {
		return nil, err
	}
	client, err := digitalocean.NewClient(digitalocean.Options{
		AccessToken: accessToken,
		APIURL:      o.APIURL,
		UserAgent:   o.UserAgent,
		Transport:   o.Transport,
		Now:         o.Now,
		Log:         o.Log,
	})
	if err != nil {
		return nil, err
	}
	key := digitalocean.CacheKey(o.APIURL, id, o.Expiry, accessToken.Secret)
	var store credential.Store = pruned{cachedir.Open(o.CacheDir, accessToken.Secret)}
	if o.CacheDir == "" {
		store, key.Identity = memory, "" // of one key, whatever the access token
	}
	return &credential.Cached{
		Provider: credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
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

// pruned is a directory that is pruned whenever something was put there. Nobody waits for it, and it ends by
// itself after a tenth of a second.
type pruned struct{ *cachedir.Dir }

// Put implements credential.Store.
func (p pruned) Put(ctx context.Context, key credential.Key, c credential.Credential) error {
	err := p.Dir.Put(ctx, key, c)
	go p.Prune()
	return err
}

func (o Options) accessToken() (digitalocean.AccessToken, error) {
	if o.AccessTokenSource == nil {
		return digitalocean.AccessToken{Secret: o.AccessToken, Source: "Options.AccessToken"}, nil
	}
	token, err := o.AccessTokenSource.Token()
	if err != nil {
		return digitalocean.AccessToken{}, fmt.Errorf("getting the access token: %w", err)
	}
	return digitalocean.AccessToken{Secret: credential.NewSecret(token.AccessToken), Source: "Options.AccessTokenSource"}, nil
}
