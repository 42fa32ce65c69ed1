package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// A request that comes after its pipe was silent for long is heeded all the same: here it names a server
// that gets no credential.
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
	<-asked // it has given up waiting for a request
	// Longer than what a pipe holds: when all is written, it has begun to read.
	io.WriteString(client, `{"apiVersion":"client.authentication.k8s.io/v1","x":"`+strings.Repeat("x", 200_000)+
		`","spec":{"cluster":{"server":"https://evil.example"}}}`)
	client.Close()
	close(release)
	if got := <-results; got.code != 7 || got.stdout != "" || !strings.Contains(got.stderr, `refusing to give the credential to server "https://evil.example"`) {
		t.Errorf("got %+v, want exit code 7", got)
	}
}

// What standard output doesn't take is no success, whatever command prints it.
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
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("%q: exit code %d, %q; want 1, and why", args, code, stderr.String())
		}
	}
}

// With a proxy and an authority of its own, a kubeconfig doesn't get the access token: the variables that
// name the authority count in a client's run only where root alone can have written what they name.
func TestForeignAuthorityOfTheAPI(t *testing.T) {
	if os.Geteuid() < 0 {
		t.Skip("the variables mean nothing on Windows")
	}
	seen := make(chan string, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	proxy := httptest.NewServer(digitaloceantest.Proxy(map[string]string{"example.com:443": server.Listener.Addr().String()}))
	defer proxy.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	dir := t.TempDir()
	file := filepath.Join(dir, "kubeconfig.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "comment: |\n  x\n%s", certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	// The address is one that a client's run may be sent to, by doctl's configuration.
	config := filepath.Join(t.TempDir(), "doctl.yaml")
	if err := os.WriteFile(config, []byte("access-token: dop_v1_first\napi-url: https://example.com\n"), 0o600); err != nil {
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
			p.env = append(p.env, "DIGITALOCEAN_ACCESS_TOKEN=", "DIGITALOCEAN_CONFIG="+config, "HTTPS_PROXY="+proxy.URL)
			p.env = append(p.env, test.env...)
			got := p.run(t, nil, "exec-credential", "--api-version=v1", "--timeout=4s", tokenCluster)
			sent := false
			for len(seen) > 0 {
				sent = <-seen != "" || sent
			}
			if sent != test.sent {
				t.Errorf("the access token was sent: %v, want %v: %+v", sent, test.sent, got)
			}
			if !test.sent && (got.code != 5 || !strings.Contains(got.stderr, ": when a client runs doks-auth, the files must belong to root")) {
				t.Errorf("got %+v, want exit code 5 and why", got)
			}
		})
	}
}

// Without HOME the cache is below the home directory in the user database, so that not each run mints.
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
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/passwd && exec "$@"`,
			passwd, os.Args[0], "exec-credential", "--api-version=v1", tokenCluster)
		cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "k8s_v1_") {
			t.Skipf("%v: %s", err, out)
		}
	}
	if mints := api.Mints(tokenCluster); mints != 1 {
		t.Errorf("%d mints for three runs, want 1", mints)
	}
}

// What goes in clear text goes to this machine alone, never by a proxy, whatever the host's spelling.
func TestNoProxyInClearText(t *testing.T) {
	api, url, _, _ := newAPI(t)
	seen := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		w.WriteHeader(http.StatusTeapot)
	}))
	defer proxy.Close()
	port := url[strings.LastIndexByte(url, ':'):]
	for _, host := range []string{"localhost", "LOCALHOST", "LocalHost", "127.0.0.1", "[::ffff:127.0.0.1]", "127.1.2.3"} {
		for _, request := range []string{"", `{"apiVersion":"client.authentication.k8s.io/v1"}`} {
			p := newPlugin(t, "http://"+host+port)
			p.env = append(p.env, "KUBERNETES_EXEC_INFO="+request, "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
			got := p.run(t, nil, "exec-credential", "--api-version=v1", "--timeout=5s", tokenCluster)
			if len(seen) > 0 {
				t.Fatalf("%s: the proxy got %q", host, <-seen)
			}
			if host == "LocalHost" && got.code != 0 {
				t.Errorf("%s: %+v", host, got)
			}
		}
	}
	if api.Mints(tokenCluster) == 0 {
		t.Error("the API was never reached: the test shows nothing")
	}
}

// One address of the API is one, however it is spelled: else each spelling has its own mint.
func TestSpellingsOfTheAPI(t *testing.T) {
	api, url, _, _ := newAPI(t)
	port := url[strings.LastIndexByte(url, ':'):]
	p := newPlugin(t, "")
	for _, address := range []string{"http://127.0.0.1", "HTTP://127.0.0.1", "http://[::ffff:127.0.0.1]"} {
		for _, slash := range []string{"", "/"} {
			got := p.run(t, nil, "exec-credential", "--api-version=v1", "--api-url="+address+port+slash, tokenCluster)
			if got.code != 0 {
				t.Errorf("%s: %+v", address, got)
			}
		}
	}
	if mints := api.Mints(tokenCluster); mints != 1 {
		t.Errorf("%d mints, want 1", mints)
	}
}

// What answers in the API's place may be anything; nothing of it is shown, or kept in clear text.
func TestAnswersThatAreNotHTTP(t *testing.T) {
	for name, answer := range map[string]string{
		"a header that isn't one": "HTTP/1.1 200 OK\r\n{\"token\":\"SECRET\"}\r\n\r\n",
		"no status":               "SECRET\r\n\r\n",
		"a length that isn't one": "HTTP/1.1 200 OK\r\nContent-Length: SECRET\r\n\r\n",
		"an odd status":           "HTTP/1.1 SECRET\r\n\r\n",
		"an odd version":          "SECRET/1.1 200 OK\r\n\r\n",
		"an odd encoding":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: SECRET\r\n\r\n",
		"an odd chunk":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					conn.Read(make([]byte, 4096))
					io.WriteString(conn, answer)
					conn.Close()
				}
			}()
			p := newPlugin(t, "http://"+listener.Addr().String())
			got := p.run(t, nil, "exec-credential", "--api-version=v1", "-v", "--timeout=4s", tokenCluster)
			if got.code == 0 || strings.Contains(got.stderr, "SECRET") || !strings.Contains(got.stderr, "doks-auth: ") {
				t.Errorf("got %+v, want a failure without the answer", got)
			}
			if err := checkSealed(p.dir, "SECRET"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A secret in the place of another value isn't shown.
func TestSecretsInWrongPlaces(t *testing.T) {
	_, url, _, _ := newAPI(t)
	secret := "dop_v1_" + strings.Repeat("0123456789abcdef", 4)
	for _, args := range [][]string{
		{"exec-credential", "--api-version=v1", "--token-file=" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--token-file=/run/secrets/" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--context=" + secret, tokenCluster},
		{"exec-credential", "--api-version=" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--api-url=" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--api-url=ftp://" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--api-url=http://" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", secret},
		{"exec-credential", "--api-version=v1", "-t" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--expiry-seconds=" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--timeout=" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--cache-dir=" + secret, tokenCluster},
		{"exec-credential", "--api-version=v1", "--" + secret, tokenCluster},
		{"credentials", secret},
		{"credentials", tokenCluster, "-o", secret},
		{"kubeconfig", "save", secret},
		{"kubeconfig", "show", secret},
		{"cache", "clear", secret},
		{"doctor", secret},
		{secret},
		{"kubeconfig", secret},
		{"help", secret},
	} {
		p := newPlugin(t, url)
		doctl := filepath.Join(p.dir, "doctl.yaml")
		if err := os.WriteFile(doctl, []byte("access-token: "+accessToken+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p.env = append(p.env, "DIGITALOCEAN_CONFIG="+doctl)
		got := p.run(t, nil, args...)
		if strings.Contains(got.stdout+got.stderr, secret) || strings.Contains(got.stdout+got.stderr, secret[7:40]) {
			t.Errorf("%q shows it: %+v", args, got)
		}
		if args[0] != "help" && got.code == 0 {
			t.Errorf("%q: exit code 0", args)
		}
	}
}
