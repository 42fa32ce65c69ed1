//go:build linux

package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// strangers writes a kubeconfig that runs the plugin, and returns its path at the desk.
func (d *desk) strangers(cluster, args, env string) string {
	d.t.Helper()
	text := strangersText(cluster, deskPlugin, args, env)
	if err := os.WriteFile(filepath.Join(d.dir, "strangers"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return filepath.Join(deskDir, "strangers")
}

// fields returns the fields of a cluster's entry.
func fields(cluster *digitaloceantest.Cluster, proxyURL, ca string) string {
	if ca == "" {
		ca = base64.StdEncoding.EncodeToString(cluster.CA())
	}
	return fmt.Sprintf("server: %q\n    proxy-url: %q\n    certificate-authority-data: %s", cluster.Server, proxyURL, ca)
}

// Nobody's kubeconfig gets the ID token of a session that is there, or has somebody sign in elsewhere.
func TestSSOStrangersKubeconfig(t *testing.T) {
	d := newDesk(t, w.providers["zitadel"])
	d.save(ssoClient)
	d.sit(nil, allow)
	d.reaches()
	cluster := d.provider.clusters[ssoClient]
	flags := func(p *provider, client, id string) string {
		return fmt.Sprintf("exec-credential, --sso-issuer-url=%s, --sso-client-id=%s, %s", p.issuer, client, id)
	}
	a := newAttacker(t, cluster, "lookalike.example")
	other := newAttacker(t, w.token, "lookalike.example")
	tests := map[string]struct{ cluster, args string }{
		"another authority":      {fields(cluster, a.proxyURL, a.ca), flags(d.provider, ssoClient, cluster.ID)},
		"a cluster not recorded": {fields(w.token, other.proxyURL, other.ca), flags(d.provider, ssoClient, w.token.ID)},
		"an issuer not recorded": {
			fields(cluster, w.proxyURL, ""), flags(w.providers["stranger"], ssoClient, cluster.ID),
		},
		"a client not recorded": {fields(cluster, w.proxyURL, ""), flags(d.provider, ssoOtherClient, cluster.ID)},
		"a cluster of another provider": {
			fields(w.providers["oidc-provider"].clusters[ssoClient], w.proxyURL, ""),
			flags(d.provider, ssoClient, w.providers["oidc-provider"].clusters[ssoClient].ID),
		},
	}
	for _, client := range []string{"kubectl", "kubectl-old"} {
		for name, test := range tests {
			t.Run(client+","+name, func(t *testing.T) {
				got := d.kubectl(client, "--kubeconfig="+d.strangers(test.cluster, test.args, ""), "get", "ns")
				if got.code == 0 || !strings.Contains(got.stderr, "exit code 7") {
					t.Errorf("got %+v, want a refusal with the plugin's exit code 7", got)
				}
			})
		}
	}
	if n := a.bearers.Load() + other.bearers.Load(); n > 0 {
		t.Errorf("got %d requests with a credential, want none", n)
	}
	d.expect(counts{SignIns: 1}, 1)
}

// A kubeconfig's environment can choose neither the browser nor whose records are believed.
func TestSSOStrangersEnvironment(t *testing.T) {
	tests := map[string]struct {
		env     string
		forge   string // where to put forged records
		browser bool   // whether the user's browser is opened all the same
	}{
		"another state directory": {
			"{name: XDG_STATE_HOME, value: " + deskDir + "/forged}", "XDG_STATE_HOME=" + deskDir + "/forged", false,
		},
		"another home": {"{name: HOME, value: " + deskDir + "/forged}", "HOME=" + deskDir + "/forged", false},
		"settings of the browser": {
			"{name: LD_LIBRARY_PATH, value: /evil}, {name: CHROMIUM_FLAGS, value: --evil}, {name: EVIL, value: evil}, " +
				"{name: XDG_DATA_DIRS, value: /evil}, {name: PATH, value: /evil}", "", true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, w.providers["zitadel"])
			cluster := d.provider.clusters[ssoClient]
			d.save(ssoClient)
			d.sit(nil, allow)
			if test.forge != "" {
				if err := os.Mkdir(filepath.Join(d.dir, "forged"), 0o700); err != nil {
					t.Fatal(err)
				}
				forging := append(d.account(), test.forge)
				if got := d.run(forging, deskPlugin, "kubeconfig", "save", cluster.ID, "--sso",
					"--kubeconfig="+deskDir+"/other"); got.code != 0 {
					t.Fatalf("got %+v, want exit code 0", got)
				}
			}
			path := d.strangers(fields(cluster, w.proxyURL, ""), strings.Join(d.execCredential(ssoClient), ", "), test.env)
			got := d.kubectl("kubectl", "--kubeconfig="+path, "get", "--raw=/api")
			if test.browser {
				if got.code != 0 {
					t.Errorf("got %+v, want exit code 0", got)
				}
				d.expect(counts{SignIns: 1}, 1)
			} else {
				if !strings.Contains(got.stderr, "exit code 3") || !strings.Contains(got.stderr, "doks-auth auth login") {
					t.Errorf("got %+v, want the plugin's exit code 3 and the command to type", got)
				}
				d.expect(counts{}, 0)
			}
			for pid := range d.opened() {
				env, err := os.ReadFile(filepath.Join(d.dir, "opened", fmt.Sprintf("%d.env", pid)))
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("the browser's environment: %q", env)
				if strings.Contains(string(env), "evil") || strings.Contains(string(env), "KUBERNETES_EXEC_INFO") {
					t.Errorf("got the environment %q, want nothing of the kubeconfig's", env)
				}
			}
		})
	}
}

// HOME isn't believed either for a user whom only a directory service knows, such as LDAP.
func TestSSOStrangersHome(t *testing.T) {
	d := newDesk(t, w.providers["zitadel"])
	forged := filepath.Join(d.dir, "forged")
	err := os.Mkdir(forged, 0o700)
	if err == nil {
		err = os.Chown(forged, 4711, 4711)
	}
	if err != nil {
		t.Fatal(err)
	}
	run := func(env []string, args ...string) result {
		env = append(env, "HOME="+deskDir+"/forged", "USER=sam")
		as := []string{"setpriv", "--reuid=4711", "--regid=4711", "--clear-groups", deskPlugin}
		return d.run(env, append(as, args...)...)
	}
	if got := run(d.account(), "kubeconfig", "save", d.provider.clusters[ssoClient].ID, "--sso"); got.code != 0 {
		t.Fatalf("got %+v, want exit code 0", got)
	}
	const request = `KUBERNETES_EXEC_INFO={"kind":"ExecCredential",` +
		`"apiVersion":"client.authentication.k8s.io/v1","spec":{}}`
	got := run([]string{request}, d.execCredential(ssoClient)...)
	if got.code != 3 || !strings.Contains(got.stderr, "the user database doesn't say where") {
		t.Errorf("got %+v, want exit code 3, because the home directory is unknown", got)
	}
	d.expect(counts{}, 0)
}

// A client's run starts only a program of root's that BROWSER names alone.
func TestSSOStrangersBrowser(t *testing.T) {
	tests := map[string]func(d *desk) string{
		"with an argument": func(*desk) string { return deskBrowser + " --evil" },
		"two":              func(*desk) string { return deskBrowser + ":" + deskBrowser },
		"relative":         func(*desk) string { return strings.TrimPrefix(deskBrowser, "/") }, // it runs in /
		"not root's": func(d *desk) string {
			path := filepath.Join(d.dir, "theirs")
			text, err := os.ReadFile(filepath.Join(d.dir, "browser"))
			if err == nil {
				err = os.WriteFile(path, text, 0o755)
			}
			if err == nil {
				err = os.Chown(path, 65534, 65534)
			}
			if err != nil {
				d.t.Fatal(err)
			}
			return deskDir + "/theirs"
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, w.providers["zitadel"])
			d.save(ssoClient)
			d.hideBrowsers()
			got := d.run([]string{"BROWSER=" + test(d)}, filepath.Join(deskBin, "kubectl"), "get", "--raw=/api")
			if !strings.Contains(got.stderr, "exit code 3") || !strings.Contains(got.stderr, "no browser was found") {
				t.Errorf("got %+v, want the plugin's exit code 3, because there is no browser", got)
			}
			d.expect(counts{}, 0)
		})
	}
}

// hideBrowsers takes the system's own browsers from the desk: they would be opened instead.
func (d *desk) hideBrowsers() {
	d.t.Helper()
	const hide = `for f in /usr/bin /usr/local/bin; do
		for n in xdg-open x-www-browser www-browser wslview; do
			! [ -e "$f/$n" ] || mount --bind /dev/null "$f/$n" || exit
		done
	done`
	if got := d.run(nil, "sh", "-c", hide); got.code != 0 {
		d.t.Fatalf("got %+v, want exit code 0", got)
	}
}
