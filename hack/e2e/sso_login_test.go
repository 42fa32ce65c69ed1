//go:build linux

package e2e

import (
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// loginArgs returns the command that sign in at the desk's provider.
func (d *desk) loginArgs(more ...string) []string {
	return append([]string{
		deskPlugin, "auth", "login", "--sso-issuer-url=" + d.provider.issuer, "--sso-client-id=" + ssoClient,
		"--sso-callback-port=" + strconv.Itoa(d.port),
	}, more...)
}

// Somebody signs in before the first kubectl, which then needs no browser.
func TestSSOLogin(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, w.providers[name])
			d.save(ssoClient)
			d.sit(nil, allow)
			got := d.run(nil, d.loginArgs()...)
			if got.code != 0 || !strings.Contains(got.stdout, d.login) {
				t.Errorf("got %+v, want who signed in", got)
			}
			d.reaches()
			d.expect(counts{SignIns: 1}, 1)
			// By the context's name, and although there is a session.
			if got := d.run(nil, deskPlugin, "auth", "login", "--sso"); got.code != 0 {
				t.Errorf("got %+v, want exit code 0", got)
			}
			d.expect(counts{SignIns: 2}, 2)
		})
	}
}

var (
	userCodePattern = regexp.MustCompile(`\b[A-Z]{4}-[A-Z]{4}\b`)
	addressPattern  = regexp.MustCompile(`https://127\.0\.0\.1:\d+/\S+`)
)

// withCode signs in at another machine with the code that a program prints.
func (d *desk) withCode(p *program) {
	d.t.Helper()
	code := p.find(userCodePattern)
	at := p.find(addressPattern)
	if !strings.Contains(at, code) {
		at += "?user_code=" + code
	}
	signInAt(browser(d.t), d.t, at, d.login, allow)
}

// Without a browser at the desk, somebody signs in with a code.
func TestSSODeviceCode(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, w.providers[name])
			d.save(ssoClient)
			p := d.start(nil, d.loginArgs("--no-browser")...)
			d.withCode(p)
			if got := p.wait(); got.code != 0 || !strings.Contains(got.stdout, d.login) {
				t.Errorf("got %+v, want who signed in", got)
			}
			d.reaches()
			d.expect(counts{SignIns: 1}, 0)
		})
	}
}

// The browser runs on another machine, where the redirect leads nowhere; somebody pastes the address.
func TestSSOPastedRedirect(t *testing.T) {
	d := newDesk(t, w.providers["zitadel"])
	d.provider.hideDevices(t)
	d.save(ssoClient)
	p := d.start(nil, d.loginArgs("--no-browser")...)
	elsewhere := browser(t, chromedp.Flag("host-resolver-rules", "MAP localhost ~NOTFOUND"))
	if err := chromedp.Do(elsewhere, chromedp.Navigate(p.find(addressPattern))); err != nil {
		t.Fatal(err)
	}
	if text, err := clickThrough(elsewhere, d.login, allow); !errors.Is(err, errErrorPage) {
		t.Fatalf("got page %q, %v; want that the redirect leads nowhere", text, err)
	}
	entries, err := chromedp.Run(elsewhere, chromedp.NavigationEntries())
	if err != nil {
		t.Fatal(err)
	}
	redirect := entries.Entries[entries.CurrentIndex].URL
	if !strings.HasPrefix(redirect, "http://localhost:"+strconv.Itoa(d.port)+"/callback?") {
		t.Fatalf("the browser ended at %s, want the callback", redirect)
	}
	p.stdin.Write([]byte("nonsense\n" + redirect + "\n"))
	if got := p.wait(); got.code != 0 || !strings.Contains(got.stdout, d.login) {
		t.Errorf("got %+v, want who signed in", got)
	}
	d.reaches()
	d.expect(counts{SignIns: 1}, 0)
}

// Without a desktop, kubectl fails at once with the command to run; on a terminal somebody can sign in with a code.
func TestSSOWithoutDesktop(t *testing.T) {
	d := newDesk(t, w.providers["oidc-provider"])
	d.save(ssoClient)
	const noDesktop = "DISPLAY="
	kubectl := filepath.Join(deskBin, "kubectl")
	got := d.run([]string{noDesktop}, kubectl, "get", "--raw=/api")
	if !strings.Contains(got.stderr, "exit code 3") || !strings.Contains(got.stderr, "doks-auth auth login --sso") {
		t.Errorf("got %+v, want exit code 3 of the plugin and a command", got)
	}
	if got.took > 20*time.Second { // instead of three minutes
		t.Errorf("got a failure after %s, want it at once", got.took)
	}
	d.expect(counts{}, 0)
	// script makes a terminal.
	p := d.start([]string{noDesktop, "TERM=dumb"}, "script", "-qec", kubectl+" get --raw=/api", "/dev/null")
	d.withCode(p)
	if got := p.wait(); got.code != 0 {
		t.Errorf("on a terminal: got %+v, want exit code 0", got)
	}
	d.expect(counts{SignIns: 1}, 0)
}

// If another program uses the redirect's port, one line says so.
func TestSSOTakenPort(t *testing.T) {
	d := newDesk(t, w.providers["zitadel"])
	d.save(ssoClient)
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(d.port))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	got := d.run(nil, append([]string{deskPlugin}, d.execCredential(ssoClient)...)...)
	if got.code == 0 || !strings.Contains(got.stderr, strconv.Itoa(d.port)) ||
		!strings.Contains(got.stderr, "--sso-callback-port") || strings.Count(got.stderr, "\n") > 2 {
		t.Errorf("got %+v, want one line and a hint that name the port and the flag", got)
	}
	if got.took > 20*time.Second {
		t.Errorf("got a failure after %s, want it at once", got.took)
	}
	d.expect(counts{}, 0)
}

// Who refuses to sign in isn't asked again by each kubectl, but can sign in with a command.
func TestSSODenied(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, w.providers[name])
			d.save(ssoClient)
			pages := d.sit(nil, deny, allow)
			got := d.kubectl("kubectl", "get", "--raw=/api")
			page := <-pages
			t.Logf("kubectl says %q, the page says %q", got.stderr, page)
			if got.code == 0 || !strings.Contains(got.stderr, "access_denied") || !strings.Contains(got.stderr, "exit code 3") ||
				!strings.Contains(page, "access_denied") {
				t.Errorf("got %+v and page %q, want that both say why", got, page)
			}
			for range 3 {
				if got := d.kubectl("kubectl", "get", "--raw=/api"); !strings.Contains(got.stderr, "doks-auth auth login") {
					t.Errorf("got %+v, want the command that signs in", got)
				}
			}
			d.expect(counts{}, 1)
			if got := d.run(nil, d.loginArgs()...); got.code != 0 {
				t.Errorf("got %+v, want exit code 0", got)
			}
			d.reaches()
			d.expect(counts{SignIns: 1}, 2)
		})
	}
}

// Nobody is at the desk, and whoever waited for the sign-in was killed. Programs that ask again and again open no other
// browser, but a command does.
func TestSSOUnanswered(t *testing.T) {
	d := newDesk(t, w.providers["zitadel"])
	d.save(ssoClient)
	p := d.start(nil, append([]string{deskPlugin}, d.execCredential(ssoClient)...)...)
	until(t, "a browser is opened", func() bool { return len(d.opened()) == 1 })
	p.kill()
	for range 5 {
		got := d.kubectl("kubectl", "get", "--raw=/api")
		if !strings.Contains(got.stderr, "exit code 3") || !strings.Contains(got.stderr, "doks-auth auth login") {
			t.Errorf("got %+v, want the plugin's exit code 3 and the command that signs in", got)
		}
		if got.took > 20*time.Second {
			t.Errorf("got a failure after %s, want it at once", got.took)
		}
	}
	d.expect(counts{}, 1)
	d.sit(nil, allow)
	if got := d.run(nil, d.loginArgs()...); got.code != 0 {
		t.Errorf("got %+v, want exit code 0", got)
	}
	d.reaches()
	d.expect(counts{SignIns: 1}, 2)
}

// An ID token's expiry is that of the credential.
func TestSSOExpiry(t *testing.T) {
	d := newDesk(t, w.providers["oidc-provider"])
	d.save(ssoClient)
	d.sit(nil, allow)
	d.reaches()
	got := d.tryTyped(d.execCredential(ssoClient)...)
	var response struct {
		Status struct {
			ExpirationTimestamp time.Time
			Token               string
		}
	}
	if err := json.Unmarshal([]byte(got.stdout), &response); err != nil {
		t.Fatalf("got %+v, %v; want an ExecCredential", got, err)
	}
	expiry, ok := claims(t, response.Status.Token)["exp"].(float64)
	left := time.Unix(int64(expiry), 0).Sub(response.Status.ExpirationTimestamp)
	if !ok || left < 0 || left > 5*time.Minute {
		t.Errorf("got %s, %s before the ID token's expiry; want at most five minutes before it",
			response.Status.ExpirationTimestamp, left)
	}
}
