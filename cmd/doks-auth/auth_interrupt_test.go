package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// An interrupt ends a sign-in at once, whatever it waits for. Nothing is kept, no session goes on, and the next
// sign-in works.
func TestInterruptedSignIn(t *testing.T) {
	type fault = digitaloceantest.Fault
	tests := map[string]struct {
		browser string
		hang    func(*digitaloceantest.API, *auth, fault) // nil: nobody signs in
	}{
		"metadata": {"browser-approve", func(_ *digitaloceantest.API, a *auth, f fault) { a.SetMetadataFault(f) }},
		"register": {"browser-approve", func(_ *digitaloceantest.API, a *auth, f fault) { a.SetRegisterFault(f) }},
		"browser":  {"browser-closed", nil},
		"token":    {"browser-approve", func(_ *digitaloceantest.API, a *auth, f fault) { a.fail(f) }},
		"account":  {"browser-approve", func(api *digitaloceantest.API, _ *auth, f fault) { api.SetAccountFault(f) }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, api, auth := newUser(t, test.browser, 0)
			arrived := make(chan struct{}, 1)
			hang := func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
				select {
				case arrived <- struct{}{}:
				default:
				}
				digitaloceantest.Hang(w, r, mint)
			}
			var s *signIn
			if test.hang == nil {
				s = p.start(t, "--issuer="+auth.url)
			} else {
				test.hang(api, auth, hang)
				s = p.begin(t, "--issuer="+auth.url)
				select {
				case <-arrived:
				case <-time.After(hung):
					t.Fatalf("got no call after %s, want one", hung)
				}
			}
			interrupt(t, s.cmd)
			got := s.end()
			if got.code != 1 || got.stdout != "" || !strings.HasSuffix(got.stderr, "doks-auth: interrupted\n") {
				t.Errorf("got %+v, want exit code 1 and that it was interrupted", got)
			}
			if most := 10 * time.Second; got.took > most { // within one, but for a busy machine
				t.Errorf("it took %s, want at most %s", got.took, most)
			}
			if s.address != "" {
				checkFree(t, s.address)
			}
			p.keptNothing(t, auth)
			if n := auth.alive(); n != 0 {
				t.Errorf("got %d sessions, want none", n)
			}
			if test.hang != nil {
				test.hang(api, auth, nil)
			}
			p.env = append(p.env, "BROWSER="+os.Args[0]+" browser-approve")
			if got := p.run(t, nil, "auth", "login", "--issuer="+auth.url); got.code != 0 {
				t.Errorf("afterwards: got %+v, want exit code 0", got)
			}
		})
	}
}

// checkFree fails if the port in an authorization request's redirect URI is in use.
func checkFree(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	redirect, err := url.Parse(u.Query().Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", redirect.Host); err == nil {
		c.Close()
		t.Errorf("%s is still in use", redirect.Host)
	}
}

// The server has forgotten the registration, and says so in the browser only. Then the next sign-in registers again.
func TestForgottenRegistration(t *testing.T) {
	p, _, auth := newUser(t, "browser-approve", 0)
	login := []string{"auth", "login", "--issuer=" + auth.url}
	if got := p.run(t, nil, login...); got.code != 0 {
		t.Fatalf("got %+v, want exit code 0", got)
	}
	auth.ForgetClients()
	s := p.start(t, "--issuer="+auth.url)
	interrupt(t, s.cmd)
	s.end()
	if got := p.run(t, nil, login...); got.code != 0 || auth.Registrations() != 2 {
		t.Errorf("got %+v and %d registrations, want exit code 0 and 2", got, auth.Registrations())
	}
}
