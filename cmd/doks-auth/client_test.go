package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// A request that arrives after a long silence still counts: this one names a server
// that must not get the credential.
func TestLateRequestIsHeeded(t *testing.T) {
	api, url, _, _ := newAPI(t)
	release := make(chan struct{})
	asked := make(chan struct{})
	api.SetFault(func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
		close(asked)
		<-release
		digitaloceantest.Change(nil)(w, r, mint)
	})
	stdin, client, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	results := make(chan result, 1)
	go func() {
		results <- newPlugin(t, url).run(t, stdin, "exec-credential", tokenCluster)
	}()
	<-asked // the plugin has given up waiting for a request
	// Larger than a pipe's buffer: once all of it is written, the plugin has begun to read.
	io.WriteString(client, `{"apiVersion":"client.authentication.k8s.io/v1","x":"`+strings.Repeat("x", 200_000)+
		`","spec":{"cluster":{"server":"https://evil.example"}}}`)
	client.Close()
	close(release)
	const want = `refusing to give the credential to server "https://evil.example"`
	if got := <-results; got.code != 7 || got.stdout != "" || !strings.Contains(got.stderr, want) {
		t.Errorf("got %+v, want exit code 7 and %q", got, want)
	}
}

// A failed write to standard output is an error in every command.
func TestStandardOutputThatTakesNothing(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	_, url, _, _ := newAPI(t)
	p := newPlugin(t, url)
	for _, args := range [][]string{
		{"exec-credential", "--api-version=v1", tokenCluster},
		{"version"},
		{"--help"},
		{"kubeconfig"},
		{"help", "kubeconfig"},
		{"completion", "bash"},
		{"__complete", "cluster", ""},
		{"cluster", "list"},
		{"cluster", "list", "-o", "json"},
		{"credentials", tokenCluster},
		{"kubeconfig", "show", tokenCluster},
		{"kubeconfig", "save", tokenCluster},
		{"kubeconfig", "remove", tokenCluster},
		{"kubeconfig", "convert"},
		{"cache", "list", "-o", "yaml"},
		{"doctor"},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = p.env
		cmd.Stdout = full
		var stderr strings.Builder
		cmd.Stderr = &stderr
		cmd.Run()
		const want = "no space left on device"
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: got exit code %d, %q; want 1, %q", args, code, stderr.String(), want)
		}
	}
}

// A kubeconfig can't get the access token with its own proxy and certificate authority: in a client's run, the
// variables for the authority count only if nobody but root can have written what they name.
func TestForeignAuthorityOfTheAPI(t *testing.T) {
	if os.Geteuid() < 0 {
		t.Skip("the variables have no effect on Windows")
	}
	seen := make(chan string, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	routes := map[string]string{"example.com:443": server.Listener.Addr().String()}
	proxy := httptest.NewServer(digitaloceantest.Proxy(routes))
	defer proxy.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	dir := t.TempDir()
	file := filepath.Join(dir, "kubeconfig.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "comment: |\n  x\n%s", certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	// A client's run may use this address, because it is from doctl's configuration.
	config := filepath.Join(t.TempDir(), "doctl.yaml")
	text := "access-token: dop_v1_first\napi-url: https://example.com\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const request = `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1"}`
	for name, test := range map[string]struct {
		env  []string
		sent bool
	}{
		"a file":             {[]string{request, "SSL_CERT_FILE=" + file}, false},
		"a directory":        {[]string{request, "SSL_CERT_DIR=" + dir}, false},
		"both":               {[]string{request, "SSL_CERT_DIR=/nowhere:" + dir, "SSL_CERT_FILE=" + file}, false},
		"a person's own run": {[]string{"SSL_CERT_FILE=" + file}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlugin(t, "")
			p.env = append(p.env,
				"DIGITALOCEAN_ACCESS_TOKEN=", "DIGITALOCEAN_CONFIG="+config, "HTTPS_PROXY="+proxy.URL)
			p.env = append(p.env, test.env...)
			got := p.run(t, nil, "exec-credential", "--api-version=v1", "--timeout=4s", tokenCluster)
			sent := false
			for len(seen) > 0 {
				sent = <-seen != "" || sent
			}
			if sent != test.sent {
				t.Errorf("got the access token sent: %v, want %v: %+v", sent, test.sent, got)
			}
			const want = "counts in a client's run only if root owns what it names"
			if !test.sent && (got.code != 5 || !strings.Contains(got.stderr, want)) {
				t.Errorf("got %+v, want exit code 5 and %q", got, want)
			}
		})
	}
}

// Without HOME, the cache is in the home directory from the user database; otherwise each run would mint.
func TestWithoutHome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	api, url, _, _ := newAPI(t)
	home := filepath.Join(t.TempDir(), "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	passwd := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(passwd, fmt.Appendf(nil, "root:x:0:0:root:%s:/bin/sh\n", home), 0o644); err != nil {
		t.Fatal(err)
	}
	p := newPlugin(t, url)
	var env []string
	for _, variable := range p.env {
		if !strings.HasPrefix(variable, "HOME=") {
			env = append(env, variable)
		}
	}
	for range 3 {
		cmd := exec.CommandContext(t.Context(),
			"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/passwd && exec "$@"`,
			passwd, os.Args[0], "exec-credential", "--api-version=v1", tokenCluster)
		cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "k8s_v1_") {
			t.Skipf("%v: %s", err, out)
		}
	}
	if mints := api.Mints(tokenCluster); mints != 1 {
		t.Errorf("got %d mints for three runs, want 1", mints)
	}
}
