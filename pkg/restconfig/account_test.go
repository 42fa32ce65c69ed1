package restconfig_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// A config acts for a login, whose session it refreshes when a call needs it.
func TestLogin(t *testing.T) {
	api, cluster, o := newCluster(t)
	user := digitaloceantest.User{Email: "sam@example.com", UUID: "user", TeamUUID: "team"}
	auth := digitaloceantest.NewAuthServer(api, user)
	auth.AutoApprove = true
	auth.AccessLifetime = time.Second // which is less than the margin: each call needs a refresh
	server := httptest.NewServer(auth)
	defer server.Close()
	auth.Issuer = server.URL

	dir := t.TempDir()
	sources := accounts.Sources{StateDir: func() string { return filepath.Join(dir, "state") }}
	in, err := sources.SignIn(t.Context(), accounts.SignInRequest{Issuer: server.URL, Open: visit})
	if err != nil {
		t.Fatal(err)
	}
	in.API = o.APIURL
	if err := sources.SaveLogin(t.Context(), "work", in, accounts.StorageFile); err != nil {
		t.Fatal(err)
	}
	o = restconfig.Options{Account: "work", StateDir: filepath.Join(dir, "state"), CacheDir: cacheDir(t)}
	for range 2 {
		mustVersion(t, newClient(t, o), cluster, "token")
	}
	if mints, refreshes := api.Mints(string(clusterID)), auth.Refreshes(); mints != 1 || refreshes != 1 {
		t.Errorf("got %d mints and %d refreshes, want 1 and 1", mints, refreshes)
	}
	o.Account = "home"
	if _, err := restconfig.ForCluster(t.Context(), clusterID, o); credential.ClassOf(err) != credential.Usage {
		t.Errorf("a login that doesn't exist: got error %v, want one of class %q", err, credential.Usage)
	}
}

// visit is a browser for an authorization server that asks nothing.
func visit(_ context.Context, url string) error {
	go func() { // the last page appears after the exchange
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
		}
	}()
	return nil
}

// A program's name for an account keeps credentials in use when its access token changes.
func TestNamedIdentity(t *testing.T) {
	api, cluster, o := newCluster(t)
	const other = "dop_v1_other"
	api.SetScopes(other, digitaloceantest.ScopeCredentials)
	dir := t.TempDir()
	o.CacheDir, o.StateDir = cacheDir(t), filepath.Join(dir, "state")
	tests := []struct {
		token, identity string
		mints           int
	}{
		{accessToken, "ours", 1},
		{other, "ours", 1},
		{other, "theirs", 2},
		{other, "", 3}, // the access token's
		{accessToken, "", 4},
	}
	for _, test := range tests {
		o.AccessTokenSource = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: test.token})
		o.AccessTokenIdentity = test.identity
		mustVersion(t, newClient(t, o), cluster, "token")
		if got := api.Mints(string(clusterID)); got != test.mints {
			t.Errorf("%s as %q: got %d mints, want %d", test.token, test.identity, got, test.mints)
		}
	}
}
