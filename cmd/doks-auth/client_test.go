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
	"runtime"
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
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no /dev/full")
	}
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
			const want = "the files must belong to root, be writable by root only"
			if !test.sent && (got.code != 5 || !strings.Contains(got.stderr, want)) {
				t.Errorf("got %+v, want exit code 5 and %q", got, want)
			}
		})
	}
}

// Without HOME, the cache is in the home directory from the user database; otherwise each run would mint.
func TestWithoutHome(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no /etc/passwd; hack/windows has a test without USERPROFILE")
	}
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
			p.env = append(p.env, "KUBERNETES_EXEC_INFO="+request, "NO_PROXY=",
				"HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "HTTPS_PROXY="+proxy.URL)
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
