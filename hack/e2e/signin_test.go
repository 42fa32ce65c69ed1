//go:build linux

package e2e

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// noKeyring makes the keyring unavailable.
const noKeyring = "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"

// newNewcomer returns a user without an access token, without doctl and without a keyring, who has a proxy to the
// clusters.
func newNewcomer(t *testing.T) *sessionUser {
	t.Helper()
	u := newSessionUser(t)
	if err := os.RemoveAll(filepath.Join(u.home, ".config")); err != nil {
		t.Fatal(err)
	}
	u.env = append(u.env, "HTTPS_PROXY="+w.proxyURL, noKeyring)
	return u
}

// browser returns a headless Chromium, which ends with the test.
func browser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, // root has none
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("ignore-certificate-errors-spki-list", w.providersKeyPin))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, hung)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// decide opens an address in the browser, clicks a button of the authorization server's page, and returns the text of
// the page that the browser ends at.
func decide(t *testing.T, address, button string) string {
	t.Helper()
	ctx := browser(t)
	err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.Click(button))
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	for at, start := "", time.Now(); at != "/callback complete"; time.Sleep(10 * time.Millisecond) {
		// It fails while the browser goes from one page to the other.
		at, err = chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + " " + document.readyState`))
		if time.Since(start) > hung {
			t.Fatalf("the browser: got page %q, %v; want the callback", at, err)
		}
	}
	text, err := chromedp.Run(ctx, chromedp.Text("body"))
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	if path := os.Getenv("E2E_SCREENSHOT"); path != "" {
		if shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
			os.WriteFile(path, shot, 0o600)
		}
	}
	return text
}

// login is a running sign-in.
type login struct {
	u              *sessionUser
	cmd            *exec.Cmd
	stdout, stderr output
	stdin          *os.File // what is typed
	opened         string   // the file to which $BROWSER writes the address
}

// start starts 'auth login', whose browser is a script that notes the address.
func (u *sessionUser) start(args ...string) *login {
	u.t.Helper()
	dir := u.t.TempDir()
	l := &login{u: u, opened: filepath.Join(dir, "opened")}
	script := filepath.Join(dir, "browser")
	text := "#!/bin/sh\nprintf %s \"$1\" >" + l.opened + ".new && mv " + l.opened + ".new " + l.opened + "\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		u.t.Fatal(err)
	}
	stdin, typed, err := os.Pipe()
	if err != nil {
		u.t.Fatal(err)
	}
	l.stdin = typed
	u.t.Cleanup(func() { stdin.Close(); typed.Close() })
	args = append([]string{"auth", "login", "--issuer=" + u.issuer}, args...)
	l.cmd = exec.CommandContext(u.t.Context(), plugin(), args...)
	l.cmd.Env = append(u.env, "BROWSER="+script)
	l.cmd.Stdin, l.cmd.Stdout, l.cmd.Stderr = stdin, &l.stdout, &l.stderr
	if err := l.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	return l
}

// address waits for the address that the browser is told to open.
func (l *login) address() string {
	l.u.t.Helper()
	for start := time.Now(); time.Since(start) < hung; time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(l.opened); err == nil {
			return string(text)
		}
	}
	l.u.t.Fatalf("got no browser, want one: %s", l.stderr.String())
	return ""
}

// wait waits until the sign-in ends, and returns what it printed.
func (l *login) wait(code int) (stdout, stderr string) {
	l.u.t.Helper()
	l.cmd.Wait()
	if got := l.cmd.ProcessState.ExitCode(); got != code {
		l.u.t.Fatalf("got exit code %d, want %d: %s%s", got, code, l.stdout.String(), l.stderr.String())
	}
	return l.stdout.String(), l.stderr.String()
}

// From nothing: somebody signs in with a browser and saves a cluster, and kubectl works in a new shell, also after the
// access token has expired.
func TestFromNothing(t *testing.T) {
	u := newNewcomer(t)
	l := u.start()
	page := decide(t, l.address(), "#authorize")
	stdout, stderr := l.wait(0)
	t.Logf("the page says %q; stdout %q; stderr %q", page, stdout, stderr)
	if !strings.Contains(page, "signed in") || !strings.Contains(stdout, acme.Email) {
		t.Errorf("got page %q and output %q, want that both say who signed in", page, stdout)
	}
	if !strings.Contains(stderr, "not in a keyring") {
		t.Errorf("got %q, want a line about the keyring", stderr)
	}
	u.doksAuth("kubeconfig", "save", tokenID)
	u.env = []string{"HOME=" + u.home, "PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=" + w.proxyURL, noKeyring} // a new shell
	config := filepath.Join(u.home, ".kube", "config")
	names := u.mustKubectl("kubectl", config, "", "get", "ns", "-o", "name")
	if !strings.Contains(names, "namespace/default") {
		t.Errorf("got %q, want the namespaces", names)
	}
	if got := u.kubectl("kubectl-old", config, "", "get", "ns", "-o", "name"); got.code != 0 {
		t.Errorf("the older kubectl: got %+v, want exit code 0", got)
	}
	if mints := u.api.Mints(tokenID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
	if calls := u.auth.Registrations(); calls != 1 {
		t.Errorf("got %d registrations, want 1", calls)
	}
	u.doksAuth("auth", "logout")
	if got := u.kubectl("kubectl", config, "", "get", "ns"); got.code == 0 || !strings.Contains(got.stderr, "auth login") {
		t.Errorf("after the logout: got %+v, want a failure that says how to sign in", got)
	}
}

// Somebody denies the access in the browser.
func TestDeniedInTheBrowser(t *testing.T) {
	u := newNewcomer(t)
	l := u.start()
	page := decide(t, l.address(), "#deny")
	_, stderr := l.wait(3)
	if !strings.Contains(stderr, "access_denied") || !strings.Contains(page, "access_denied") {
		t.Errorf("got page %q and %q, want that both say why", page, stderr)
	}
}

// The browser runs on another machine, where the redirect leads nowhere; somebody pastes the address.
func TestPastedRedirect(t *testing.T) {
	u := newNewcomer(t)
	l := u.start("--no-browser")
	address := ""
	for start := time.Now(); address == "" && time.Since(start) < hung; time.Sleep(10 * time.Millisecond) {
		for word := range strings.FieldsSeq(l.stderr.String()) {
			if strings.HasPrefix(word, u.issuer) {
				address = word
			}
		}
	}
	redirect, err := digitaloceantest.Approve(http.DefaultClient, address)
	if err != nil {
		t.Fatalf("approving %q: %v", address, err)
	}
	l.stdin.WriteString("nonsense\n" + redirect + "\n")
	stdout, stderr := l.wait(0)
	if !strings.Contains(stdout, acme.Email) {
		t.Errorf("got %q, %q; want who signed in", stdout, stderr)
	}
	u.delivered(u.plugin())
}

// output is what a running program has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns the output.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// A login in a real keyring.
func TestKeyring(t *testing.T) {
	u := newNewcomer(t)
	u.env = append(u.env, "XDG_DATA_HOME="+filepath.Join(u.home, "data"))
	// in runs the plugin in a session with a keyring; unlocked says whether it is.
	in := func(unlocked bool, stdin string, args ...string) result {
		t.Helper()
		unlock := "printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1"
		if !unlocked {
			unlock = "gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1 </dev/null"
		}
		env := []string{}
		for _, v := range u.env {
			if v != noKeyring {
				env = append(env, v)
			}
		}
		// Before the daemon has its name on the bus, whoever asks for it makes the bus start another, which is locked.
		const owned = "dbus-send --session --print-reply --dest=org.freedesktop.DBus / " +
			"org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets >/dev/null 2>&1"
		wait := "; for i in $(seq 300); do " + owned + " && break; sleep 0.1; done"
		// The bus has its own complaints on standard error.
		inner := unlock + wait + `; exec "$@" 2>&3`
		return run(t, env, stdin, append([]string{
			"sh", "-c", `exec dbus-run-session -- sh -c '` + inner + `' sh "$@" 3>&2 2>/dev/null`, "sh", plugin(),
		}, args...)...)
	}
	exec := []string{"exec-credential", "--api-version=v1", tokenID}
	got := in(true, u.auth.Start(acme).AccessToken+"\n", "auth", "login", "--with-token", "--storage=keyring")
	if got.code != 0 || strings.Contains(got.stderr, "not in a keyring") {
		t.Fatalf("got %+v, want a login in the keyring", got)
	}
	u.delivered(in(true, "", exec...))
	if calls := u.api.Calls(); calls == 0 {
		t.Error("got no call, want a mint")
	}
	u.delivered(u.plugin()) // a hit needs no keyring
	got = u.plugin("--force-refresh")
	if got.code == 0 || !strings.Contains(got.stderr, "keyring") ||
		!strings.Contains(got.stderr, "hint: unlock the keyring") {
		t.Errorf("without a keyring: got %+v, want a failure and a hint", got)
	}
	got = in(false, "", append(exec, "--force-refresh")...)
	if got.code == 0 || !strings.Contains(got.stderr, "locked") {
		t.Errorf("with a locked keyring: got %+v, want a failure that says so", got)
	}

	silent := filepath.Join(u.home, "bus")
	listener, err := net.Listen("unix", silent) // a bus that never answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	u.env = append(u.env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+silent)
	hit := u.plugin()
	u.delivered(hit)
	if hit.took > 2*time.Second {
		t.Errorf("a hit took %s with a bus that never answers, want it at once", hit.took)
	}
	got = u.plugin("--force-refresh")
	if got.code == 0 || !strings.Contains(got.stderr, "doesn't answer within 3s") {
		t.Errorf("with a bus that never answers: got %+v, want a failure that says so", got)
	}

	got = in(true, "", "auth", "logout")
	if got.code != 0 {
		t.Errorf("got %+v, want exit code 0", got)
	}
	if got := u.plugin(); got.code == 0 {
		t.Errorf("after the logout: got %+v, want a failure", got)
	}
}
