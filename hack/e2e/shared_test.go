//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// machines returns how many machines share a cache, each with a cache directory of its own: E2E_MACHINES, or two
// hundred.
func machines(t *testing.T) int {
	t.Helper()
	given := os.Getenv("E2E_MACHINES")
	if given == "" {
		return 200
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// shared is a real server for a shared cache, with TLS, and a user that may do only what doks-auth's pages say.
type shared struct {
	t       *testing.T
	daemon  *daemon
	addr    string // with TLS
	dir, ca string
}

const sharedUser, sharedPassword = "ci", "SHARED-PASSWORD"

func newShared(t *testing.T) *shared {
	t.Helper()
	s := &shared{t: t, dir: t.TempDir()}
	var err error
	if s.addr, err = freeAddress(); err != nil {
		t.Fatal(err)
	}
	certificate, key, err := w.token.ServerCertificate()
	if err != nil {
		t.Fatal(err)
	}
	s.ca = s.write("ca.pem", w.token.CA())
	_, port, _ := net.SplitHostPort(s.addr)
	config := s.write("server.conf", fmt.Appendf(nil, `bind 127.0.0.1
port 0
tls-port %s
tls-cert-file %s
tls-key-file %s
tls-auth-clients no
unixsocket %s
unixsocketperm 700
tcp-backlog 2000
maxclients 5000
save ""
dir %s
user %s on >%s ~doks-auth:* -@all +get +set +del +eval +pexpire +ping +scan
`, port, s.write("server.pem", certificate), s.write("server.key", key), s.socket(), s.dir, sharedUser, sharedPassword))
	if s.daemon, err = startDaemon(s.dir, "redis-server", config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.daemon.cmd.Process.Signal(syscall.SIGCONT)
		s.daemon.stop()
	})
	syscall.Setpriority(syscall.PRIO_PROCESS, s.daemon.cmd.Process.Pid, -20) // as root; see fleet
	err = s.daemon.await(func() error {
		out, err := exec.Command("redis-cli", "-s", s.socket(), "ping").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "PONG" {
			return fmt.Errorf("%s: %v", out, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *shared) socket() string { return filepath.Join(s.dir, "socket") }

func (s *shared) write(name string, data []byte) string {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// cli runs a command on the server as its administrator.
func (s *shared) cli(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-s", s.socket()}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("redis-cli %q: %v: %s", args, err, out)
	}
	return string(out)
}

// url returns the address of the shared cache, or of something before it at addr.
func (s *shared) url(addr string) string {
	return fmt.Sprintf("rediss://%s:%s@%s?ca=%s", sharedUser, sharedPassword, addr, s.ca)
}

// fleet starts n machines, each a process with a cache of its own. All must get a valid token, which the API gives to
// nobody before all are waiting for it, or twelve seconds have passed. harm, if not nil, is called when half of them
// have started. fleet returns how long it took, how many tokens were minted, and how many machines found the server
// unusable.
func (s *shared) fleet(u *user, url string, n int, harm func()) (took time.Duration, mints, gaveUp int) {
	u.t.Helper()
	open := make(chan struct{})
	u.api.SetFault(func(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
		select {
		case <-open:
		case <-time.After(12 * time.Second): // soon the plugin gives up
		}
		json.NewEncoder(w).Encode(mint())
	})
	// A thousand machines have a thousand times the power of this one. So no more than a few start at the same time, and
	// the server, which has a machine of its own, goes first.
	const starting = 16
	var ended atomic.Int64
	await := func(n int) {
		for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			connected := s.count("clients", "connected_clients") - 1
			if connected+u.api.Calls()+int(ended.Load()) >= n {
				return
			}
		}
	}
	dir, began := u.t.TempDir(), time.Now()
	var wait sync.WaitGroup
	for i := range n {
		await(i - starting)
		if i == n/2 && harm != nil {
			harm()
		}
		env := append(u.env[:len(u.env):len(u.env)], "DOKS_AUTH_SHARED_CACHE="+url,
			fmt.Sprintf("DOKS_AUTH_CACHE_DIR=%s/%d", dir, i))
		wait.Go(func() {
			defer ended.Add(1)
			got := run(u.t, env, "", "nice", "-n", "19",
				plugin(), "exec-credential", "--api-version=v1", "--timeout=110s", tokenID)
			if got.code != 0 || got.stderr != "" || !u.api.Accepts(tokenID, tokenOf(got.stdout)) {
				u.t.Errorf("machine %d: got %+v, want exit code 0 and a valid token", i, got)
			}
		})
	}
	await(n)
	close(open)
	wait.Wait()
	memos, err := filepath.Glob(filepath.Join(dir, "*", "*.failure"))
	if err != nil {
		u.t.Fatal(err)
	}
	return time.Since(began), u.api.Mints(tokenID), len(memos)
}

// count returns a number that the server reports, including this question; 0 if it doesn't answer at once.
func (s *shared) count(section, name string) int {
	conn, err := net.Dial("unix", s.socket())
	if err != nil {
		return 0
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
	fmt.Fprintf(conn, "INFO %s\r\nQUIT\r\n", section)
	info, _ := io.ReadAll(conn)
	_, rest, _ := strings.Cut(string(info), name+":")
	text, _, _ := strings.Cut(rest, "\r\n")
	n, _ := strconv.Atoi(text)
	return n
}

// A thousand machines with a shared cache mint once.
func TestFleetSharesOneToken(t *testing.T) {
	n, s, u := machines(t), newShared(t), newUser(t, nil)
	took, mints, gaveUp := s.fleet(u, s.url(s.addr), n, nil)
	t.Logf("%d machines within %.1f s: %d mint, %d without the server; %d operations of the server", n, took.Seconds(),
		mints, gaveUp, s.count("stats", "total_commands_processed"))
	if mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}

	// A machine that starts later finds it there.
	u.env = append(u.env, "DOKS_AUTH_SHARED_CACHE="+s.url(s.addr))
	before := s.count("stats", "total_commands_processed")
	if got := u.plugin(); got.code != 0 || u.api.Mints(tokenID) != 1 {
		t.Errorf("got %+v with %d mints, want exit code 0 and 1 mint", got, u.api.Mints(tokenID))
	}
	t.Logf("a hit in it: %d operations", s.count("stats", "total_commands_processed")-before-2) // without those of count
}

// Whatever happens to the server, each machine gets a token: without the server, one of its own.
func TestFleetOutlivesItsServer(t *testing.T) {
	for name, harm := range map[string]func(*shared){
		"killed":  func(s *shared) { s.daemon.cmd.Process.Kill() },
		"stopped": func(s *shared) { s.daemon.cmd.Process.Signal(syscall.SIGSTOP) },
		"full": func(s *shared) {
			s.cli("config", "set", "maxmemory", "1", "maxmemory-policy", "noeviction")
		},
		"read-only": func(s *shared) { s.cli("replicaof", "127.0.0.1", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			n, s, u := machines(t), newShared(t), newUser(t, nil)
			took, mints, gaveUp := s.fleet(u, s.url(s.addr), n, func() { harm(s) })
			t.Logf("%d machines within %.1f s: %d mints, %d without the server", n, took.Seconds(), mints, gaveUp)
			if mints < 1 || mints > n {
				t.Errorf("got %d mints, want one for each machine at most", mints)
			}
		})
	}
}

// A shared cache that is far away, or behind a network that cuts connections, still spares nearly all mints: only a
// machine that found it unusable mints one of its own.
func TestFleetBehindABadNetwork(t *testing.T) {
	for name, relay := range map[string]func(client, server net.Conn){
		"200 ms away":             delay(100 * time.Millisecond),
		"connections cut at will": cut,
	} {
		t.Run(name, func(t *testing.T) {
			n, s, u := machines(t), newShared(t), newUser(t, nil)
			took, mints, gaveUp := s.fleet(u, s.url(relayTo(t, s.addr, relay)), n, nil)
			t.Logf("%d machines within %.1f s: %d mints, %d without the server", n, took.Seconds(), mints, gaveUp)
			if most := min(1+gaveUp, n/10); mints < 1 || mints > most {
				t.Errorf("got %d mints, want 1 to %d", mints, most)
			}
		})
	}
}

// relayTo returns the address of a relay before a server.
func relayTo(t *testing.T, addr string, relay func(client, server net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			go relay(client, server)
		}
	}()
	return listener.Addr().String()
}

// delay relays each way with a delay.
func delay(by time.Duration) func(client, server net.Conn) {
	oneWay := func(to, from net.Conn) {
		defer to.Close()
		type chunk struct {
			data []byte
			at   time.Time
		}
		chunks := make(chan chunk, 1000)
		go func() {
			defer close(chunks)
			buffer := make([]byte, 64<<10)
			for {
				n, err := from.Read(buffer)
				if n > 0 {
					chunks <- chunk{bytes.Clone(buffer[:n]), time.Now().Add(by)}
				}
				if err != nil {
					return
				}
			}
		}()
		for c := range chunks {
			time.Sleep(time.Until(c.at))
			to.Write(c.data)
		}
	}
	return func(client, server net.Conn) {
		go oneWay(client, server)
		oneWay(server, client)
	}
}

// cut relays, and cuts one connection in ten within a second.
func cut(client, server net.Conn) {
	if rand.N(10) == 0 {
		time.AfterFunc(rand.N(time.Second), func() { client.Close(); server.Close() })
	}
	go func() {
		defer client.Close()
		io.Copy(client, server)
	}()
	defer server.Close()
	io.Copy(server, client)
}

// Two accounts on one server don't get each other's tokens, and what the server holds says nothing to whoever reads it.
func TestSharedCacheIsSealed(t *testing.T) {
	s, u := newShared(t), newUser(t, nil)
	other := newUser(t, func(api *digitaloceantest.API) {
		api.SetScopes("dop_v1_other", digitaloceantest.ScopeCredentials)
	})
	other.env = append(other.env, "DIGITALOCEAN_ACCESS_TOKEN=dop_v1_other")
	tokens := make(map[string]bool)
	for _, who := range []*user{u, other} {
		who.env = append(who.env, "DOKS_AUTH_SHARED_CACHE="+s.url(s.addr))
		got := who.plugin()
		if got.code != 0 {
			t.Fatalf("got %+v, want exit code 0", got)
		}
		tokens[tokenOf(got.stdout)] = true
	}
	if mints := u.api.Mints(tokenID) + other.api.Mints(tokenID); len(tokens) != 2 || mints != 2 {
		t.Errorf("got %d tokens with %d mints, want 2 of each", len(tokens), mints)
	}
	s.cli("save")
	dump, err := os.ReadFile(filepath.Join(s.dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	dump = append(dump, s.cli("--scan")...)
	if !bytes.Contains(dump, []byte("doks-auth:")) {
		t.Fatal("the dump has nothing of ours")
	}
	clear := []string{tokenID, "ondigitalocean", accessToken, "dop_v1_", "k8s_v1_", "expires", "BEGIN CERTIFICATE"}
	for token := range tokens {
		clear = append(clear, token)
	}
	for _, text := range clear {
		if bytes.Contains(dump, []byte(text)) {
			t.Errorf("%q is in clear", text)
		}
	}
}
