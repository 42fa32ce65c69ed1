//go:build linux

package e2e

import (
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// From a saved cluster to its API server with each kubectl: somebody signs in once, in a Chromium that kubectl's plugin
// opens. No access token is needed.
func TestSSO(t *testing.T) {
	for _, name := range trusted() {
		for _, client := range []string{"kubectl", "kubectl-old"} {
			t.Run(name+","+client, func(t *testing.T) {
				d := newDesk(t, w.providers[name])
				d.save(ssoClient)
				d.expect(counts{}, 0)
				pages := d.sit(nil, allow)
				got := d.kubectl(client, "get", "ns", "-o", "name")
				if got.code != 0 || !strings.Contains(got.stdout, "namespace/default") {
					t.Fatalf("got %+v, want the namespaces", got)
				}
				page := <-pages
				t.Logf("signed in after %.1f s; stderr %q; the page says %q", got.took.Seconds(), got.stderr, page)
				if !strings.Contains(page, "close this page") {
					t.Errorf("got page %q, want that it may be closed", page)
				}
				d.reaches()
				d.expect(counts{SignIns: 1}, 1)
				d.keepsNoSecret()
			})
		}
	}
}

// keepsNoSecret fails the test if a file in the home directory contains an ID token in clear.
func (d *desk) keepsNoSecret() {
	d.t.Helper()
	got := d.tryTyped(d.execCredential(ssoClient)...)
	token := tokenOf(got.stdout)
	if token == "" {
		d.t.Fatalf("got %+v, want an ID token", got)
	}
	files := 0
	err := filepath.WalkDir(d.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), token) {
			d.t.Errorf("got the ID token in %s, want it sealed", path)
		}
		return err
	})
	if err != nil || files == 0 {
		d.t.Errorf("got %d files, %v; want some", files, err)
	}
}

// execCredential returns the arguments that saved entries have.
func (d *desk) execCredential(client string) []string {
	return []string{
		"exec-credential", "--api-version=v1", "--sso-issuer-url=" + d.provider.issuer, "--sso-client-id=" + client,
		"--sso-callback-port=" + strconv.Itoa(d.port), d.provider.clusters[client].ID,
	}
}

// The redirect is that of doctl by default: it is what companies have registered.
func TestSSODefaultPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		t.Skip("something else uses the port")
	}
	listener.Close()
	d := newDesk(t, w.providers["zitadel"])
	d.typed("kubeconfig", "save", d.provider.clusters[ssoClient].ID) // it requires single sign-on
	d.sit(nil, allow)
	d.reaches()
	for _, address := range d.opened() {
		if !strings.Contains(address, "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fcallback&") {
			t.Errorf("got the address %s, want doctl's redirect", address)
		}
	}
	d.expect(counts{SignIns: 1}, 1)
}

// What DigitalOcean serves, and doctl saves, is converted.
func TestSSOConvert(t *testing.T) {
	d := newDesk(t, w.providers["oidc-provider"])
	request, err := http.NewRequest(http.MethodGet,
		d.server.URL+"/v2/kubernetes/clusters/"+d.provider.clusters[ssoClient].ID+"/kubeconfig", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+accessToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	path := filepath.Join(d.home, ".kube", "config")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	file.Close()
	if got := d.run(nil, deskPlugin, "kubeconfig", "convert"); got.code != 0 { // without an access token
		t.Fatalf("got %+v, want exit code 0", got)
	}
	d.addArgument("--sso-callback-port=" + strconv.Itoa(d.port))
	d.sit(nil, allow)
	d.reaches()
	d.expect(counts{SignIns: 1}, 1)
}

// addArgument adds an argument to the one user in the kubeconfig.
func (d *desk) addArgument(argument string) {
	d.t.Helper()
	path := filepath.Join(d.home, ".kube", "config")
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	changed := regexp.MustCompile(`(?m)^( *- )exec-credential\n`).ReplaceAll(text, []byte("${0}${1}"+argument+"\n"))
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// ssoStatus is what 'auth status' says about a session.
type ssoStatus struct {
	Issuer    string    `json:"issuer"`
	ClientID  string    `json:"client_id"`
	Email     string    `json:"email"`
	Roles     []string  `json:"roles"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (d *desk) status() []ssoStatus {
	d.t.Helper()
	var status struct {
		Sessions []ssoStatus `json:"sso_sessions"`
	}
	if got := d.tryTyped("auth", "status", "-o", "json"); json.Unmarshal([]byte(got.stdout), &status) != nil {
		d.t.Fatalf("got %+v, want JSON", got)
	}
	return status.Sessions
}

// A session is shown, and ends with a logout, here and at the provider.
func TestSSOLogout(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, w.providers[name])
			d.save(ssoClient)
			d.sit(nil, allow)
			d.reaches()
			sessions := d.status()
			if len(sessions) != 1 || sessions[0].Issuer != d.provider.issuer || sessions[0].ClientID != ssoClient ||
				sessions[0].Email != d.login || !slices.Contains(sessions[0].Roles, "Owner") ||
				time.Until(sessions[0].ExpiresAt) < 50*time.Minute {
				t.Errorf("got %+v, want the session of %s, of an hour", sessions, d.login)
			}
			stdout := d.typed("auth", "logout", "--sso")
			t.Logf("logout says %q", stdout)
			d.expect(counts{SignIns: 1, Revocations: 1, Logouts: 1}, 1)
			for _, session := range d.status() {
				if session.Email != "" {
					t.Errorf("got %+v, want no session", session)
				}
			}
			d.reaches()
			d.expect(counts{SignIns: 2, Revocations: 1, Logouts: 1}, 2)
		})
	}
}
