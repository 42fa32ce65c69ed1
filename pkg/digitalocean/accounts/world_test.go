package accounts_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const clusterID = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"

// world is DigitalOcean's stand-in and a user's files.
type world struct {
	t     *testing.T
	api   *digitaloceantest.API
	auth  *digitaloceantest.AuthServer
	url   string // the API's
	iss   string // the authorization server's
	home  string
	env   map[string]string
	clock *clock
}

// clock is the time for the API, the authorization server and the sources.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var (
	sam = digitaloceantest.User{
		Name: "Sam", Email: "sam@example.com", UUID: "user-sam", TeamUUID: "team-acme", TeamName: "Acme",
	}
	samAtHome = digitaloceantest.User{
		Name: "Sam", Email: "sam@example.com", UUID: "user-sam", TeamUUID: "team-home", TeamName: "Home",
	}
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, home: t.TempDir(), clock: &clock{now: time.Now().Truncate(time.Second)}}
	w.api = digitaloceantest.NewAPI()
	w.api.Now = w.clock.Now
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	w.api.AddCluster(cluster)
	w.auth = digitaloceantest.NewAuthServer(w.api, sam)
	api, auth := httptest.NewServer(openapitest.Checked(t, w.api)), httptest.NewServer(w.auth)
	t.Cleanup(api.Close)
	t.Cleanup(auth.Close)
	w.url, w.iss = api.URL, auth.URL
	w.auth.Issuer = auth.URL
	w.env = map[string]string{"DIGITALOCEAN_CONFIG": filepath.Join(w.home, "doctl.yaml")}
	return w
}

func (w *world) sources() accounts.Sources {
	return accounts.Sources{
		Getenv:   func(name string) string { return w.env[name] },
		Home:     w.home,
		StateDir: func() string { return filepath.Join(w.home, "state") },
		Now:      w.clock.Now,
	}
}

// doctl writes doctl's configuration with a session of the context work, as doctl does: in place.
func (w *world) doctl(g digitaloceantest.Grant) {
	w.t.Helper()
	text := fmt.Sprintf("# mine\naccess-token: \"\"\nauth-contexts:\n  work: %s\n  other: dop_v1_static # stays\n"+
		"context: work\noauth-tokens:\n  work:\n    client-id: %s\n    expires-at: \"%s\"\n    issuer: %s\n"+
		"    refresh-token: %s\n    scope: %s\n    token-endpoint: \"\"\noutput: text\n",
		g.AccessToken, g.ClientID, g.ExpiresAt.UTC().Format(time.RFC3339), w.iss, g.RefreshToken, g.Scope)
	w.write(text)
}

func (w *world) path() string { return w.env["DIGITALOCEAN_CONFIG"] }

func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	// As if it had been written a while ago: reading it needs no patience.
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(w.path(), old, old); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read() string {
	w.t.Helper()
	text, err := os.ReadFile(w.path())
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// find returns the account of the current context.
func (w *world) find() *accounts.Account {
	w.t.Helper()
	found, err := w.sources().Find()
	if err != nil {
		w.t.Fatal(err)
	}
	found.API = w.url
	return found
}

func (w *world) client(of *accounts.Account) *digitalocean.Client {
	w.t.Helper()
	client, err := digitalocean.NewClient(digitalocean.Options{AccessToken: of, APIURL: w.url})
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

// identity returns the identity of the current context's account, and finds it out if it isn't known.
func (w *world) identity() string {
	w.t.Helper()
	found := w.find()
	if identity, known := found.Identity(clusterID); known {
		return identity.Reveal()
	}
	identity, err := found.Place(w.t.Context(), w.client(found), clusterID)
	if err != nil {
		w.t.Fatal(err)
	}
	return identity.Reveal()
}

// token returns a live access token of the current context.
func (w *world) token() (string, error) {
	w.t.Helper()
	token, err := w.find().Token(w.t.Context())
	return token.Reveal(), err
}

// refreshed fails unless the authorization server refreshed so often, never with a spent token.
func (w *world) refreshed(want int) {
	w.t.Helper()
	if got := w.auth.Refreshes(); got != want {
		w.t.Errorf("got %d refreshes, want %d", got, want)
	}
	if got := w.auth.Reuses(); got != 0 {
		w.t.Errorf("got %d uses of a spent refresh token, want none", got)
	}
}

// shows fails unless doctl's configuration shows a session that is alive, and everything else as it was written.
func (w *world) shows(old digitaloceantest.Grant) {
	w.t.Helper()
	text := w.read()
	for _, gone := range []string{old.AccessToken, old.RefreshToken} {
		if strings.Contains(text, gone) {
			w.t.Errorf("doctl's configuration still shows %s", gone)
		}
	}
	for _, kept := range []string{
		"# mine\n", "  other: dop_v1_static # stays\n", "    issuer: " + w.iss + "\n", "\noutput: text\n",
	} {
		if !strings.Contains(text, kept) {
			w.t.Errorf("doctl's configuration lacks %q:\n%s", kept, text)
		}
	}
	if !w.auth.Alive(w.refreshToken()) {
		w.t.Errorf("doctl's configuration shows a session that isn't alive:\n%s", text)
	}
}

// refreshToken returns the refresh token in doctl's configuration.
func (w *world) refreshToken() string {
	_, rest, _ := strings.Cut(w.read(), "refresh-token: ")
	token, _, _ := strings.Cut(rest, "\n")
	return token
}
