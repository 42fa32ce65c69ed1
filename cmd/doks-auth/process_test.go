package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// plugin runs the test binary as the plugin, in its own environment.
type plugin struct {
	env []string
	dir string // the home directory
}

func newPlugin(tb testing.TB, apiURL string) plugin {
	dir := tb.TempDir()
	p := plugin{dir: dir, env: []string{
		asPlugin + "=1",
		noRaceDelay, noProxy,
		"HOME=" + dir, "USERPROFILE=" + dir,
		"APPDATA=" + filepath.Join(dir, ".config"), "LOCALAPPDATA=" + filepath.Join(dir, ".local", "state"),
		"DIGITALOCEAN_API_URL=" + apiURL,
		"DIGITALOCEAN_ACCESS_TOKEN=" + accessToken,
	}}
	if runtime.GOOS == "darwin" { // the same place as on Linux
		p.env = append(p.env, "XDG_STATE_HOME="+filepath.Join(dir, ".local", "state"))
	}
	return p
}

// result is the result of running a process.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// hung is how long to wait for a process that should exit much earlier.
const hung = time.Minute

func (p plugin) run(tb testing.TB, stdin io.Reader, args ...string) result {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), hung)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = p.env
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		tb.Fatal(err)
	}
	if ctx.Err() != nil {
		tb.Fatalf("got a running process after %s, want it to exit", hung)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
}

func TestStdinIsLeftAlone(t *testing.T) {
	_, url, _, _ := newAPI(t)
	request := `KUBERNETES_EXEC_INFO={"apiVersion":"client.authentication.k8s.io/v1"}`
	tests := map[string]struct {
		env  []string
		args []string
	}{
		"request in the environment": {[]string{request}, []string{"exec-credential", tokenCluster}},
		"version by flag":            {nil, []string{"exec-credential", "--api-version=v1", tokenCluster}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// A file, whose offset shows whether the plugin read from it.
			stdin, err := os.CreateTemp(t.TempDir(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			io.WriteString(stdin, "sentinel")
			stdin.Seek(0, io.SeekStart)

			p := newPlugin(t, url)
			p.env = append(p.env, test.env...)
			if got := p.run(t, stdin, test.args...); got.code != 0 || !strings.Contains(got.stdout, "k8s_v1_") {
				t.Fatalf("got %+v, want exit code 0 and a token", got)
			}
			rest, err := io.ReadAll(stdin)
			if err != nil || string(rest) != "sentinel" {
				t.Errorf("left on standard input: got %q, %v; want %q", rest, err, "sentinel")
			}
		})
	}
}

func TestSilentPipeIsNoRequest(t *testing.T) {
	_, url, _, _ := newAPI(t)
	stdin, silent, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	defer stdin.Close()
	got := newPlugin(t, url).run(t, stdin, "exec-credential", tokenCluster)
	if got.code != 0 || !strings.Contains(got.stdout, "client.authentication.k8s.io/v1\"") {
		t.Errorf("got %+v, want exit code 0 and a response in v1", got)
	}
}

func TestUnfinishedRequestIsAnError(t *testing.T) {
	_, url, _, _ := newAPI(t)
	stdin, slow, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	defer stdin.Close()
	io.WriteString(slow, `{"kind":`)
	got := newPlugin(t, url).run(t, stdin)
	if got.code != 2 || got.stdout != "" || !strings.Contains(got.stderr, "incomplete after 2s") {
		t.Errorf("got %+v, want exit code 2 and %q", got, "incomplete after 2s")
	}
}

// herd runs n concurrent processes of the plugin.
func herd(t *testing.T, p plugin, n int, args ...string) []result {
	results := make([]result, n)
	var wait sync.WaitGroup
	for i := range results {
		wait.Go(func() { results[i] = p.run(t, nil, args...) })
	}
	wait.Wait()
	return results
}

// herdSize returns how many processes to start at once.
func herdSize() int {
	if runtime.GOOS == "windows" {
		return 25 // in Wine, starting more takes longer than a call of the API may
	}
	return 100
}

func TestColdHerdMintsOnce(t *testing.T) {
	api, url, _, _ := newAPI(t)
	api.SetDelay(500 * time.Millisecond)
	results := herd(t, newPlugin(t, url), herdSize(), "exec-credential", "--api-version=v1", tokenCluster)
	for _, got := range results {
		if got.code != 0 || got.stdout != results[0].stdout || got.stderr != "" {
			t.Fatalf("got %+v, want exit code 0 and the response %s", got, results[0].stdout)
		}
	}
	if !strings.Contains(results[0].stdout, "k8s_v1_") {
		t.Errorf("got %+v, want a token", results[0])
	}
	if calls, mints := api.Calls(), api.Mints(tokenCluster); calls != 1 || mints != 1 {
		t.Errorf("got %d calls, %d mints; want 1, 1", calls, mints)
	}
}

func TestColdHerdFailsOnce(t *testing.T) {
	api, url, _, _ := newAPI(t)
	api.SetDelay(500 * time.Millisecond)
	api.SetFault(digitaloceantest.Status(403))
	start := time.Now()
	results := herd(t, newPlugin(t, url), herdSize(), "exec-credential", "--api-version=v1", tokenCluster)
	for _, got := range results {
		if got.code != 3 || got.stdout != "" || got.stderr != results[0].stderr {
			t.Fatalf("got %+v, want exit code 3 and the error %s", got, results[0].stderr)
		}
	}
	if !strings.Contains(results[0].stderr, "the API denied access") {
		t.Errorf("got %+v, want %q", results[0], "the API denied access")
	}
	// A failure is remembered for five seconds, and a slow machine takes longer to start them all.
	if most, calls := 1+int(time.Since(start)/(5*time.Second)), api.Calls(); calls == 0 || calls > most {
		t.Errorf("got %d calls, want 1 to %d", calls, most)
	}
}

func TestFaults(t *testing.T) {
	const timeout = 4 * time.Second
	tests := []struct {
		fault string
		code  int
		says  string
	}{
		{"401", 3, "the API refused the access token"},
		{"403", 3, "the API denied access"},
		{"404", 4, "the API knows no such cluster"},
		{"422", 1, "the API rejected the request: expiry_seconds is not valid (status 422"},
		{"429", 5, "rate limited by the API: API rate limit exceeded (status 429"},
		{"429-retry-after-1", 5, "rate limited by the API"},
		{"429-retry-after-huge", 5, "hint: try again after 20"},
		{"429-hourly", 5, "hint: try again after 20"},
		{"500", 5, "the API failed: Unexpected server-side error (status 500"},
		{"502", 5, "the API failed"},
		{"503", 5, "the API failed"},
		{"hang", 5, "no answer within "},
		{"reset", 5, "EOF"},
		{"cut", 5, "unexpected EOF"},
		{"html", 6, "it is not JSON"},
		{"truncated", 6, "it is truncated"},
		{"null", 6, "neither a token nor a client certificate"},
		{"empty", 6, "neither a token nor a client certificate"},
		{"bad-base64", 6, "its certificate data is not base64"},
		{"huge", 6, "it is too large"},
		{"expired", 6, "it expired at 20"},
		{"expired-skewed", 6, "the local clock is 2h0m"},
		{"redirect", 7, "refusing to follow a redirect"},
		{"redirect-nowhere", 7, "refusing to follow a redirect"},
		{"newline", 6, "the token contains a space, a control character"},
		{"no-server", 6, "it names no server"},
		{"no-server-field", 6, "it names no server"},
		{"server-http", 6, `its server is not a plain https address: "http://cluster.example"`},
		{"server-file", 6, "its server is not a plain https address: (not shown"},
		{"server-blank", 6, "its server is not a plain https address: (not shown"},
		{"server-unicode", 6, "its server is not a plain https address: (not shown"},
		{"server-number", 6, `its field "server" is of the wrong type`},
		{"ca-empty", 6, "it names no certificate authority"},
		{"ca-text", 6, "its certificate authority can't be used"},
		{"ca-key", 6, "its certificate authority can't be used"},
		{"expires-number", 6, "invalid expires_at"},
		{"expires-empty", 6, "invalid expires_at"},
		{"expires-garbage", 6, "invalid expires_at"},
		{"token-number", 6, `its field "token" is of the wrong type`},
		{"array", 6, "it is not a JSON object"},
		{"two", 6, "it is not JSON"},
		{"deep", 6, "it is not JSON"},
		{"504", 5, "the API failed"},
		{"reset-minted", 5, "EOF"},
		{"cut-minted", 5, "unexpected EOF"},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			api, url, _, _ := newAPI(t)
			api.SetFault(digitaloceantest.Named()[test.fault])
			p := newPlugin(t, url)
			got := p.run(t, nil, "exec-credential", "--api-version=v1", "--timeout="+timeout.String(), tokenCluster)
			if got.code != test.code || !strings.Contains(got.stderr, test.says) {
				t.Errorf("got exit code %d and %q, want %d and %q", got.code, got.stderr, test.code, test.says)
			}
			if got.stdout != "" {
				t.Errorf("got %q on standard output, want nothing", got.stdout)
			}
			lines := strings.Split(strings.TrimSuffix(got.stderr, "\n"), "\n")
			if !strings.HasPrefix(lines[0], "doks-auth: ") || len(lines) > 2 ||
				len(lines) == 2 && !strings.HasPrefix(lines[1], "hint: ") {
				t.Errorf("got %q, want one line and at most one hint", got.stderr)
			}
			for _, secret := range []string{accessToken, "k8s_v1_", "PRIVATE KEY"} {
				if strings.Contains(got.stderr, secret) {
					t.Errorf("got %q, want no %q in it", got.stderr, secret)
				}
			}
			// Allow for the time that a busy machine takes to start a process.
			if most := timeout + 10*time.Second; got.took > most {
				t.Errorf("got the result after %s, want at most %s", got.took, most)
			}
		})
	}
}

// External text must neither control the terminal nor echo secrets.
func TestHostileErrorMessage(t *testing.T) {
	api, url, _, _ := newAPI(t)
	hostile := fmt.Sprintf(`{"id":"forbidden","message":"\u001b[2Jline\nbreak %s https://user:password@proxy %s"}`,
		accessToken, strings.Repeat("long ", 1000))
	api.SetFault(digitaloceantest.Answer(403, "application/json", hostile))
	got := newPlugin(t, url).run(t, nil, "exec-credential", "--api-version=v1", tokenCluster)
	if got.code != 3 || !strings.Contains(got.stderr, "line break") {
		t.Errorf("got %+v, want exit code 3 and %q", got, "line break")
	}
	for _, bad := range []string{"\x1b", accessToken, "password"} {
		if strings.Contains(got.stderr, bad) {
			t.Errorf("got %q, want no %q in it", got.stderr, bad)
		}
	}
	if strings.Count(got.stderr, "\n") != 2 || len(got.stderr) > 1000 {
		t.Errorf("got %d bytes, want two lines of at most 1000 bytes: %q", len(got.stderr), got.stderr)
	}
}

// noInterrupts is why tests with signals are skipped on Windows.
const noInterrupts = "on Windows, Ctrl-C and Ctrl-Break need a console, which tests in Wine don't have"

// interrupt sends a process an interrupt, or ends it and skips the test on Windows.
func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if runtime.GOOS == "windows" {
		cmd.Process.Kill()
		t.Skip(noInterrupts)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// A run that is interrupted during a call exits, and the interrupt isn't remembered as a failure.
func TestInterrupt(t *testing.T) {
	api, url, _, _ := newAPI(t)
	api.SetFault(digitaloceantest.Hang)
	p := newPlugin(t, url)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "exec-credential", "--api-version=v1", tokenCluster)
	cmd.Env = p.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); api.Calls() == 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > hung {
			t.Fatalf("got no call after %s, want one", hung)
		}
	}
	interrupt(t, cmd)
	cmd.Wait()
	const want = "doks-auth: interrupted\n"
	if code := cmd.ProcessState.ExitCode(); code != 1 || stdout.Len() > 0 || stderr.String() != want {
		t.Errorf("got exit code %d, %q, %q; want 1, nothing, %q", code, stdout.String(), stderr.String(), want)
	}
	api.SetFault(nil)
	if got := p.run(t, nil, "exec-credential", "--api-version=v1", tokenCluster); got.code != 0 {
		t.Errorf("after the interrupt: got %+v, want exit code 0", got)
	}
}

// A run ends in time even if it blocks on something that ignores its context: here, a named pipe.
func TestDeadlineEndsWhatBlocks(t *testing.T) {
	_, url, _, _ := newAPI(t)
	p := newPlugin(t, url)
	pipe := filepath.Join(p.dir, "pipe")
	if err := mkfifo(pipe); err != nil {
		t.Skip(err)
	}
	got := p.run(t, nil, "exec-credential", "--api-version=v1", "--timeout=100ms", "--token-file="+pipe, tokenCluster)
	if got.code != 5 || got.stdout != "" || !strings.Contains(got.stderr, "gave up after 100ms") {
		t.Errorf("got %+v, want exit code 5 and %q", got, "gave up after 100ms")
	}
}

func TestUserAgent(t *testing.T) {
	api, url, _, _ := newAPI(t)
	newPlugin(t, url).run(t, nil, "exec-credential", "--api-version=v1", tokenCluster)
	if got := api.UserAgent(); !strings.HasPrefix(got, "doks-auth/") || !strings.Contains(got, " godo/") {
		t.Errorf("User-Agent: got %q, want doks-auth's and godo's", got)
	}
}
