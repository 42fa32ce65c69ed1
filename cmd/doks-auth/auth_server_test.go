package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// noKeyring makes sure that tests don't use the keyring of whoever runs them, where it's reached by D-Bus.
const noKeyring = "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"

var sam = digitaloceantest.User{
	Name: "Sam", Email: "sam@example.com", UUID: "11111111-aaaa-4aaa-8aaa-111111111111",
	TeamUUID: "22222222-bbbb-4bbb-8bbb-222222222222", TeamName: "Acme",
}

// auth is an authorization server that records the tokens that it issues.
type auth struct {
	*digitaloceantest.AuthServer

	url string

	mu     sync.Mutex
	issued []string
}

// newAuth starts an authorization server for an API, where sam can sign in. Access tokens live for lifetime; 0 means an
// hour.
func newAuth(tb testing.TB, api *digitaloceantest.API, lifetime time.Duration) *auth {
	tb.Helper()
	a := &auth{AuthServer: digitaloceantest.NewAuthServer(api, sam)}
	a.AccessLifetime = lifetime
	a.fail(nil)
	server := httptest.NewServer(a)
	tb.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// fail makes calls for tokens answer with a fault; nil means none.
func (a *auth) fail(fault digitaloceantest.Fault) {
	if fault == nil {
		fault = digitaloceantest.Change(nil)
	}
	a.SetTokenFault(func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
		fault(w, r, func() map[string]any {
			answer := mint()
			a.mu.Lock()
			defer a.mu.Unlock()
			for _, name := range []string{"access_token", "refresh_token"} {
				if token, ok := answer[name].(string); ok {
					a.issued = append(a.issued, token)
				}
			}
			return maps.Clone(answer)
		})
	})
}

// tokens returns all tokens that were issued.
func (a *auth) tokens() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string{}, a.issued...)
}

// alive returns how many of the sessions haven't ended.
func (a *auth) alive() int {
	n := 0
	for _, token := range a.tokens() {
		if strings.HasPrefix(token, "dor_") && a.Alive(token) {
			n++
		}
	}
	return n
}

type authKey struct{}

func authOf(ts *testscript.TestScript) *auth { return ts.Value(authKey{}).(*auth) }

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func with(more, commands map[string]scriptCommand) map[string]scriptCommand {
	maps.Copy(commands, more)
	return commands
}

// authCommands are the scripts' commands for the authorization server at AUTH_URL:
//
//	authfault NAME|none  apply a named fault to calls for tokens
//	revokefault NAME|none  apply a named fault to revocations
//	lost                 drop all registrations
//	endsessions          end all sessions, as the user can do in the control panel
//	user EMAIL TEAM      this user signs in from now on
//	alive N              fail unless N sessions can be refreshed
//	refreshes N          fail unless sessions were refreshed N times
//	registrations N      fail unless N clients registered
//	unseen DIR…          fail if a token is in the output of the last command, or in a file in DIR
var authCommands = map[string]scriptCommand{
	"authfault": func(ts *testscript.TestScript, _ bool, args []string) { authOf(ts).fail(authFault(ts, args[0])) },
	"revokefault": func(ts *testscript.TestScript, _ bool, args []string) {
		authOf(ts).SetRevokeFault(authFault(ts, args[0]))
	},
	"endsessions": func(ts *testscript.TestScript, _ bool, _ []string) {
		for _, token := range authOf(ts).tokens() {
			authOf(ts).EndSession(token)
		}
	},
	"lost": func(ts *testscript.TestScript, _ bool, _ []string) { authOf(ts).ForgetClients() },
	"user": func(ts *testscript.TestScript, _ bool, args []string) {
		authOf(ts).SetUsers(digitaloceantest.User{
			Email: args[0], UUID: "uuid-" + args[0], TeamUUID: "uuid-" + args[1], TeamName: args[1],
		})
	},
	"alive":         counts(func(a *auth) int { return a.alive() }),
	"refreshes":     counts(func(a *auth) int { return a.Refreshes() }),
	"registrations": counts(func(a *auth) int { return a.Registrations() }),
	"unseen": func(ts *testscript.TestScript, _ bool, args []string) {
		tokens := authOf(ts).tokens()
		if len(tokens) == 0 {
			ts.Fatalf("no token was issued")
		}
		for _, token := range tokens {
			if strings.Contains(ts.ReadFile("stdout")+ts.ReadFile("stderr"), token) {
				ts.Fatalf("the output shows the token %s", token)
			}
		}
		for _, dir := range args {
			ts.Check(checkSealed(ts.MkAbs(dir), tokens...))
		}
	},
}

// authFault returns the fault of a name, or nil for "none".
func authFault(ts *testscript.TestScript, name string) digitaloceantest.Fault {
	name, once := strings.CutSuffix(name, "-once")
	fault, ok := digitaloceantest.NamedOfAuth()[name]
	if !ok {
		fault, ok = digitaloceantest.Named()[name]
	}
	if !ok && name != "none" {
		ts.Fatalf("there is no fault named %q", name)
	}
	if once {
		fault = digitaloceantest.Times(1, fault)
	}
	return fault
}

func counts(count func(*auth) int) scriptCommand {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if got := count(authOf(ts)); strconv.Itoa(got) != args[0] {
			ts.Fatalf("got %d, want %s", got, args[0])
		}
	}
}

// browsers are the programs that tests use as a browser.
var browsers = []string{
	"browser-approve", "browser-deny", "browser-stray", "browser-twice", "browser-closed", "browser-fails",
	"browser-follow",
}

// browse plays a user with a browser, who approves or denies the sign-in, and exits.
func browse(browser, address string) {
	decide := digitaloceantest.Approve
	switch browser {
	case "browser-deny":
		decide = digitaloceantest.Deny
	case "browser-closed": // before the user decided
		os.Exit(0)
	case "browser-follow":
		follow(address)
	}
	redirect, err := decide(http.DefaultClient, address)
	if err == nil && browser == "browser-stray" { // another page knows the port, but not the state
		err = visit(withState(redirect, "guessed"), "Not accepted")
	}
	if err == nil {
		title := "Signed in"
		if browser == "browser-deny" || browser == "browser-fails" {
			title = "Sign-in failed"
		}
		err = visit(redirect, title)
	}
	if err == nil && browser == "browser-twice" {
		visit(redirect, "") // there may be nobody any more
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// visit opens a page, which must contain a text.
func visit(address, want string) error {
	response, err := http.Get(address)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err == nil && !strings.Contains(string(page), want) {
		err = fmt.Errorf("got the page %s, want %q in it", page, want)
	}
	return err
}

// withState returns an address with another state.
func withState(address, state string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	query := u.Query()
	query.Set("state", state)
	u.RawQuery = query.Encode()
	return u.String()
}
