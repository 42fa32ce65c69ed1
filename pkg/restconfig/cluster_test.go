package restconfig_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

const (
	accessToken = "dop_v1_test"
	clusterID   = digitalocean.ClusterID("8d91899c-0739-4a1a-acc5-deadbeefbb8f")
)

// newCluster starts a fake API and the API server of a fake cluster.
func newCluster(t *testing.T) (*digitaloceantest.API, *digitaloceantest.Cluster, restconfig.Options) {
	t.Helper()
	api := digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(string(clusterID))
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Serve(api); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	cluster.Server = "https://" + cluster.Addr()
	api.AddCluster(cluster)
	server := httptest.NewServer(openapitest.Checked(t, api))
	t.Cleanup(server.Close)
	return api, cluster, restconfig.Options{AccessToken: credential.NewSecret(accessToken), APIURL: server.URL}
}

// newClient returns a client for the cluster.
func newClient(t *testing.T, o restconfig.Options) *http.Client {
	t.Helper()
	config, err := restconfig.ForCluster(t.Context(), clusterID, o)
	if err != nil {
		t.Fatal(err)
	}
	return clientOf(t, config)
}

func clientOf(t *testing.T, config *rest.Config) *http.Client {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// version gets a cluster's version and returns how the request was authenticated.
func version(client *http.Client, cluster *digitaloceantest.Cluster) (authenticatedBy string, err error) {
	resp, err := client.Get(cluster.Server + "/version")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return resp.Header.Get("X-Authenticated-By"), nil
}

func mustVersion(t *testing.T, client *http.Client, cluster *digitaloceantest.Cluster, want string) {
	t.Helper()
	if got, err := version(client, cluster); err != nil || got != want {
		t.Errorf("got a request authenticated by %q, %v; want %q", got, err, want)
	}
}

func TestForCluster(t *testing.T) {
	api, cluster, o := newCluster(t)
	o.UserAgent = "test/1"
	client := newClient(t, o)
	mustVersion(t, client, cluster, "token")
	api.Revoke(cluster.ID)
	mustVersion(t, client, cluster, "token")
	if mints := api.Mints(cluster.ID); mints != 2 || !strings.HasPrefix(api.UserAgent(), "test/1 ") {
		t.Errorf("got %d mints by %q, want 2 by %q", mints, api.UserAgent(), "test/1 …")
	}
	if _, refused := cluster.Requests(); refused != 1 {
		t.Errorf("got %d refused requests, want 1", refused)
	}
}

func TestForClusterFails(t *testing.T) {
	_, _, good := newCluster(t)
	const unknownID = "00000000-0000-4000-8000-000000000000"
	tests := map[string]struct {
		id     digitalocean.ClusterID
		change func(o *restconfig.Options)
		want   string
		class  credential.Class
	}{
		"no id": {
			id:    "../x",
			want:  `"../x" is not a cluster id`,
			class: credential.Usage,
		},
		"no such cluster": {
			id:    unknownID,
			want:  `getting credentials for cluster "` + unknownID + `": the API knows no such cluster`,
			class: credential.NotFound,
		},
		"no access token": {
			id:     clusterID,
			change: func(o *restconfig.Options) { o.AccessToken = credential.Secret{} },
			want:   "the access token from Options.AccessToken can't be used: the token is empty",
			class:  credential.Usage,
		},
		"wrong token": {
			id:     clusterID,
			change: func(o *restconfig.Options) { o.AccessToken = credential.NewSecret("wrong") },
			want:   "the API refused the access token",
			class:  credential.Refused,
		},
		"plain http": {
			id:     clusterID,
			change: func(o *restconfig.Options) { o.APIURL = "http://api.example" },
			want:   "refusing to send the access token",
			class:  credential.Unsafe,
		},
		"expiry": {
			id:     clusterID,
			change: func(o *restconfig.Options) { o.Expiry = -1 },
			want:   "the expiry -1ns is negative",
			class:  credential.Usage,
		},
		"token source": {
			id:     clusterID,
			change: func(o *restconfig.Options) { o.AccessTokenSource = failingSource{} },
			want:   "getting the access token: no vault",
			class:  credential.Other,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := good
			if test.change != nil {
				test.change(&o)
			}
			_, err := restconfig.ForCluster(t.Context(), test.id, o)
			if err == nil || !strings.Contains(err.Error(), test.want) || credential.ClassOf(err) != test.class {
				t.Errorf("got error %v of class %q, want %q of class %q",
					err, credential.ClassOf(err), test.want, test.class)
			}
		})
	}
}

type failingSource struct{}

func (failingSource) Token() (*oauth2.Token, error) { return nil, errors.New("no vault") }

// changingSource returns the access tokens of a list in turn, and then repeats the last.
type changingSource []string

func (s *changingSource) Token() (*oauth2.Token, error) {
	token := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	return &oauth2.Token{AccessToken: token}, nil
}

// Each renewal gets the access token again, so a replaced token or a temporary failure doesn't matter.
func TestAccessTokenSource(t *testing.T) {
	api, cluster, o := newCluster(t)
	now := time.Now
	o.Now = func() time.Time { return now() }
	o.AccessToken = credential.Secret{}
	o.AccessTokenSource = &changingSource{accessToken, "revoked", accessToken}
	client := newClient(t, o)
	mustVersion(t, client, cluster, "token")
	api.Revoke(cluster.ID)
	const want = "which refused it: the API refused the access token"
	if _, err := version(client, cluster); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
	now = func() time.Time { return time.Now().Add(10 * time.Second) } // a failure is remembered
	mustVersion(t, client, cluster, "token")
}

// slowSource is an AccessTokenSource that leaves hardly any time until a deadline.
type slowSource struct{ deadline time.Time }

// Token implements oauth2.TokenSource.
func (s slowSource) Token() (*oauth2.Token, error) {
	time.Sleep(time.Until(s.deadline) - 200*time.Millisecond)
	return &oauth2.Token{AccessToken: accessToken}, nil
}

// If an access token comes too late, nothing is minted whose answer would be lost.
func TestSlowAccessTokenSource(t *testing.T) {
	t.Parallel()
	api, cluster, o := newCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	deadline, _ := ctx.Deadline()
	o.AccessToken, o.AccessTokenSource = credential.Secret{}, slowSource{deadline}
	_, err := restconfig.ForCluster(ctx, clusterID, o)
	if credential.ClassOf(err) != credential.Unreachable {
		t.Errorf("got error %v, want one of class %q", err, credential.Unreachable)
	}
	if calls, mints := api.Calls(), api.Mints(cluster.ID); calls != 0 || mints != 0 {
		t.Errorf("got %d calls and %d mints, want none", calls, mints)
	}
}

// cacheDir returns a directory for a cache. Configs prune it in the background, so it is removed once they have.
func cacheDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cache")
	t.Cleanup(func() {
		for end := time.Now().Add(time.Minute); os.RemoveAll(dir) != nil && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	})
	return dir
}

// The cache is shared; a revoked token in it is replaced.
func TestCacheDir(t *testing.T) {
	api, cluster, o := newCluster(t)
	o.CacheDir = cacheDir(t)
	one := newClient(t, o)
	mustVersion(t, one, cluster, "token")
	other := newClient(t, o)
	mustVersion(t, other, cluster, "token")
	if mints := api.Mints(cluster.ID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
	api.Revoke(cluster.ID)
	mustVersion(t, newClient(t, o), cluster, "token") // from the cache, refused, renewed
	mustVersion(t, one, cluster, "token")             // uses the renewed one
	mustVersion(t, other, cluster, "token")
	if mints := api.Mints(cluster.ID); mints != 2 {
		t.Errorf("got %d mints, want 2", mints)
	}
	files, err := os.ReadDir(o.CacheDir)
	if err != nil || len(files) == 0 {
		t.Errorf("the cache directory: got files %v, %v; want some", files, err)
	}
}

// Entries that are no longer needed are removed after a credential was stored, once a day.
func TestCacheDirIsPruned(t *testing.T) {
	_, cluster, o := newCluster(t)
	o.CacheDir = cacheDir(t)
	mustVersion(t, newClient(t, o), cluster, "token")
	old := time.Now().Add(-48 * time.Hour)
	stale := filepath.Join(o.CacheDir, strings.Repeat("0", 32)+".entry")
	stamp := filepath.Join(o.CacheDir, "last-pruned")
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(stamp); err == nil {
			break // the first pruning is over
		}
	}
	err := errors.Join(os.WriteFile(stale, nil, 0o600), os.Chtimes(stale, old, old), os.Chtimes(stamp, old, old))
	if err != nil {
		t.Fatal(err)
	}
	o.Expiry = time.Hour // another credential
	mustVersion(t, newClient(t, o), cluster, "token")
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(stale); errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("got %s after a minute, want it removed", stale)
		}
	}
}

func TestCertificates(t *testing.T) {
	api, cluster, o := newCluster(t)
	cluster.Certificates, cluster.CertificateExpiry = true, time.Hour
	now := time.Now
	o.Now = func() time.Time { return now() }
	config, err := restconfig.ForCluster(t.Context(), clusterID, o)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, config)
	mustVersion(t, client, cluster, "client certificate")
	if tls, err := rest.TLSConfigFor(config); err != nil || tls.GetClientCertificate == nil {
		t.Errorf("TLS config for upgrades: got %+v, %v; want a client certificate", tls, err)
	}
	now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	_, err = version(client, cluster)
	const want = "the client certificate has expired, at "
	if !errors.Is(err, restconfig.ErrCertificateEnded) || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
	if mints := api.Mints(cluster.ID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
}

// Errors, logs and formatted configs contain no token.
func TestSecrets(t *testing.T) {
	api, cluster, o := newCluster(t)
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config, err := restconfig.ForCluster(t.Context(), clusterID, o)
	if err != nil {
		t.Fatal(err)
	}
	client := clientOf(t, config)
	mustVersion(t, client, cluster, "token")
	api.Revoke(cluster.ID)
	api.SetFault(digitaloceantest.Named()["newline"]) // an unusable token
	_, err = version(client, cluster)
	if err == nil {
		t.Fatal("got no error, want one")
	}
	printed := fmt.Sprintf("%v %+v %#v %+v", config, config, config, o)
	for _, text := range []string{err.Error(), log.String(), printed} {
		if strings.Contains(text, "k8s_v1_") || strings.Contains(text, accessToken) {
			t.Errorf("got %s, want no token in it", text)
		}
	}
	if !strings.Contains(log.String(), "refused=true") {
		t.Errorf("got log %s, want %q in it", log.String(), "refused=true")
	}
}

// Once a program has closed its connections, a config leaves no goroutines.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	api := digitaloceantest.NewAPI(accessToken)
	server := httptest.NewServer(openapitest.Checked(t, api))
	cluster, err := digitaloceantest.NewCluster(string(clusterID))
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Serve(api); err != nil {
		t.Fatal(err)
	}
	cluster.Server = "https://" + cluster.Addr()
	api.AddCluster(cluster)
	for range 20 {
		config, err := restconfig.ForCluster(t.Context(), clusterID, restconfig.Options{
			AccessToken: credential.NewSecret(accessToken),
			APIURL:      server.URL,
		})
		if err != nil {
			t.Fatal(err)
		}
		client, err := rest.HTTPClientFor(config)
		if err != nil {
			t.Fatal(err)
		}
		mustVersion(t, client, cluster, "token")
		api.Revoke(cluster.ID)
		mustVersion(t, client, cluster, "token")
		utilnet.CloseIdleConnectionsFor(client.Transport)
	}
	cluster.Close()
	server.Close()
	deadline := time.Now().Add(10 * time.Second)
	for ; runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("got %d goroutines, want %d: %s",
				runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestTokenSource(t *testing.T) {
	f := newFakeCluster()
	source := restconfig.TokenSource(t.Context(), f)
	token, err := source.Token()
	if err != nil || token.AccessToken != "token-1" || token.Type() != "Bearer" || !token.Valid() {
		t.Errorf("got %v, %v; want a valid bearer token %q", token, err, "token-1")
	}
	f.change = func(c *credential.Credential) { c.Token = credential.Secret{} }
	if _, err := source.Token(); credential.ClassOf(err) != credential.Unusable {
		t.Errorf("got error %v, want one of class %q", err, credential.Unusable)
	}
	f.err = unreachable()
	if _, err := source.Token(); credential.ClassOf(err) != credential.Unreachable {
		t.Errorf("got error %v, want one of class %q", err, credential.Unreachable)
	}
}
