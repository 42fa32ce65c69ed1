package accounts_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
)

// approve is a browser whose user approves.
func approve(ctx context.Context, url string) error {
	redirect, err := digitaloceantest.Approve(http.DefaultClient, url)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, redirect, nil)
	if err != nil {
		return err
	}
	go func() { // the page appears after the exchange
		if response, err := http.DefaultClient.Do(request); err == nil {
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	}()
	return nil
}

// signIn signs in.
func (w *world) signIn(scopes ...string) accounts.SignedIn {
	w.t.Helper()
	in, err := w.sources().SignIn(w.t.Context(), accounts.SignInRequest{Issuer: w.iss, Scopes: scopes, Open: approve})
	if err != nil {
		w.t.Fatal(err)
	}
	in.API = w.url
	return in
}

// record records the tokens that the authorization server issues from now on, and returns a function that returns them.
func (w *world) record() func() []string {
	var mu sync.Mutex
	var tokens []string
	w.auth.SetTokenFault(func(rw http.ResponseWriter, r *http.Request, mint func() map[string]any) {
		digitaloceantest.Change(nil)(rw, r, func() map[string]any {
			answer := mint()
			mu.Lock()
			defer mu.Unlock()
			if token, ok := answer["refresh_token"].(string); ok {
				tokens = append(tokens, token)
			}
			return answer
		})
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(tokens)
	}
}

// login signs in, and saves the login. It returns its identity.
func (w *world) login(s accounts.Sources, name, storage string, scopes ...string) string {
	w.t.Helper()
	if err := s.SaveLogin(w.t.Context(), name, w.signIn(scopes...), storage); err != nil {
		w.t.Fatal(err)
	}
	return w.identityOf(s, name)
}

func (w *world) identityOf(s accounts.Sources, name string) string {
	w.t.Helper()
	s.Login = name
	found, err := s.Find()
	if err != nil {
		w.t.Fatal(err)
	}
	identity, known := found.Identity(clusterID)
	if !known {
		w.t.Fatalf("the identity of %q isn't known", name)
	}
	return identity.Reveal()
}

// A login is one account as long as it is of one user in one team with the same scopes.
func TestIdentityOfLogin(t *testing.T) {
	w := newWorld(t)
	s := w.sources()
	first := w.login(s, "work", accounts.StorageFile)
	if got := w.login(s, "WORK", accounts.StorageFile); got != first {
		t.Error("the same user, again: got another identity, want the same")
	}
	if got := w.login(s, "other", accounts.StorageFile); got == first {
		t.Error("the same user, under another name: got the same identity, want another")
	}
	fewer := w.login(s, "work", accounts.StorageFile, "kubernetes:access_cluster")
	if fewer == first {
		t.Error("with fewer scopes: got the same identity, want another")
	}
	w.auth.SetUsers(samAtHome)
	home := w.login(s, "work", accounts.StorageFile)
	if home == first || home == fewer {
		t.Error("in another team: got the same identity, want another")
	}
	in := accounts.WithToken(credential.NewSecret("dop_v1_mine"))
	in.API = w.url
	var tokens []string
	for range 2 {
		if err := s.SaveLogin(t.Context(), "work", in, accounts.StorageFile); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, w.identityOf(s, "work"))
	}
	if tokens[0] == home || tokens[0] == tokens[1] {
		t.Error("with an access token: got an identity that was there before, want another")
	}
	if got, want := s.Logins(), []string{"other", "work"}; !slices.Equal(got, want) {
		t.Errorf("got the logins %q, want %q", got, want)
	}
	if n := w.auth.Registrations(); n != 1 {
		t.Errorf("got %d registrations, want 1", n)
	}
}

// A login's session is refreshed, and keeps its identity. A login in a keyring can't be used without that.
func TestLoginIsRefreshed(t *testing.T) {
	for _, storage := range []string{accounts.StorageFile, accounts.StorageKeyring} {
		t.Run(storage, func(t *testing.T) {
			w := newWorld(t)
			ring := new(keyring.Memory)
			s := w.sources()
			s.Keyring = ring
			identity := w.login(s, "default", storage)
			for i := range 5 {
				w.clock.Add(2 * time.Hour)
				found, err := s.Find()
				if err != nil {
					t.Fatal(err)
				}
				found.API = w.url
				if user, err := w.client(found).User(t.Context()); err != nil || user.Email != sam.Email {
					t.Fatalf("got %+v, %v; want sam", user, err)
				}
				w.refreshed(i + 1)
				if got, _ := found.Identity(clusterID); got.Reveal() != identity {
					t.Error("got another identity, want the same")
				}
				session, err := found.Session(t.Context())
				if err != nil || !session.Refreshes || !session.ExpiresAt.After(w.clock.Now()) || len(session.Scopes) != 3 {
					t.Errorf("got %+v, %v; want a session that is valid, and is refreshed", session, err)
				}
			}
			if storage == accounts.StorageFile {
				return
			}
			ring.Fail(keyring.ErrLocked)
			found, err := s.Find()
			if err != nil {
				t.Fatal(err)
			}
			if _, known := found.Identity(clusterID); !known {
				t.Error("with a locked keyring: got no identity, want one")
			}
			_, err = found.Token(t.Context())
			if !errors.Is(err, keyring.ErrLocked) || credential.ClassOf(err) != credential.Refused {
				t.Errorf("with a locked keyring: got %v, want that it is locked", err)
			}
		})
	}
}

// Logging out ends the session, whatever the state of its tokens, and leaves nothing.
func TestLogout(t *testing.T) {
	tests := map[string]struct {
		before func(*world, *keyring.Memory) // nil: the session ends
		ended  bool
		reason string // why the session wasn't revoked
	}{
		"at once":         {func(*world, *keyring.Memory) {}, true, ""},
		"expired":         {func(w *world, _ *keyring.Memory) { w.clock.Add(2 * time.Hour) }, true, ""},
		"revoked already": {nil, true, ""},
		"locked":          {func(_ *world, k *keyring.Memory) { k.Fail(keyring.ErrLocked) }, false, "the keyring is locked"},
		"server fails": {
			func(w *world, _ *keyring.Memory) { w.auth.SetRevokeFault(digitaloceantest.Status(503)) }, false, "503",
		},
		"server's page": {
			func(w *world, _ *keyring.Memory) { w.auth.SetRevokeFault(digitaloceantest.Named()["html"]) }, false, "HTML",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			issued := w.record()
			ring := new(keyring.Memory)
			s := w.sources()
			s.Keyring = ring
			w.login(s, "default", accounts.StorageKeyring)
			if test.before == nil {
				w.auth.EndSession(issued()[0])
			} else {
				test.before(w, ring)
			}
			revokeErr, err := s.Logout(t.Context(), "default")
			if err != nil {
				t.Fatal(err)
			}
			if test.reason == "" && revokeErr != nil ||
				test.reason != "" && (revokeErr == nil || !strings.Contains(revokeErr.Error(), test.reason)) {
				t.Errorf("got %v, want %q", revokeErr, test.reason)
			}
			if got := !w.auth.SessionAlive(issued()[0]); got != test.ended {
				t.Errorf("got the session's end %t, want %t", got, test.ended)
			}
			if len(s.Logins()) > 0 || s.CurrentLogin() != "" {
				t.Errorf("got the logins %q and %q, want none", s.Logins(), s.CurrentLogin())
			}
			if _, err := s.Logout(t.Context(), "default"); !errors.Is(err, accounts.ErrNoLogin) {
				t.Errorf("again: got %v, want %v", err, accounts.ErrNoLogin)
			}
		})
	}
}

// If a login can't be saved, the one that has the name stays, and nothing of the new one.
func TestSaveLoginFails(t *testing.T) {
	w := newWorld(t)
	s := w.sources()
	ring := new(keyring.Memory)
	s.Keyring = ring
	first := w.login(s, "default", accounts.StorageKeyring)
	ring.Fail(errors.New("no answer"))
	w.auth.SetUsers(samAtHome)
	err := s.SaveLogin(t.Context(), "default", w.signIn(), accounts.StorageKeyring)
	if !errors.Is(err, keyring.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, keyring.ErrUnavailable)
	}
	ring.Fail(nil)
	if got := w.identityOf(s, "default"); got != first {
		t.Error("got another identity, want the same")
	}
	if got, err := s.ReadLogin("default"); err != nil || got.User.TeamName != sam.TeamName {
		t.Errorf("got %+v, %v; want the first login", got, err)
	}
	if _, err := w.client(w.findIn(s)).User(t.Context()); err != nil {
		t.Errorf("got %v, want that the first login works", err)
	}
}

func (w *world) findIn(s accounts.Sources) *accounts.Account {
	w.t.Helper()
	found, err := s.Find()
	if err != nil {
		w.t.Fatal(err)
	}
	found.API = w.url
	return found
}

// A session that isn't saved can be discarded. An access token stays valid.
func TestDiscard(t *testing.T) {
	w := newWorld(t)
	issued := w.record()
	in := w.signIn()
	if err := w.sources().Discard(t.Context(), in); err != nil || w.auth.SessionAlive(issued()[0]) {
		t.Errorf("got %v, want that the session has ended", err)
	}
	if err := w.sources().Discard(t.Context(), accounts.WithToken(credential.NewSecret("dop_v1_mine"))); err != nil {
		t.Errorf("an access token: got %v, want nothing", err)
	}
	if n := w.auth.Revocations(); n != 1 {
		t.Errorf("got %d revocations, want 1", n)
	}
}

// The API says whose a sign-in is, and the authorization server if the API doesn't.
func TestIdentify(t *testing.T) {
	w := newWorld(t)
	for _, scope := range []string{"account:read", "kubernetes:read"} {
		in := w.signIn(scope)
		client, err := digitalocean.NewClient(digitalocean.Options{AccessToken: in.Bearer(), APIURL: w.url})
		if err != nil {
			t.Fatal(err)
		}
		if err := in.Identify(t.Context(), client); err != nil || in.User.Email != sam.Email ||
			in.User.TeamUUID != sam.TeamUUID {
			t.Errorf("%s: got %+v, %v; want sam", scope, in.User, err)
		}
	}
	in := w.signIn()
	w.api.SetAccountFault(digitaloceantest.Status(503))
	client, err := digitalocean.NewClient(digitalocean.Options{AccessToken: in.Bearer(), APIURL: w.url})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := in.Identify(ctx, client); credential.ClassOf(err) != credential.Unreachable {
		t.Errorf("got %v, want that the API failed", err)
	}
}

// CheckLogin finds what would keep a login from being saved, and writes nothing that stays.
func TestCheckLogin(t *testing.T) {
	w := newWorld(t)
	s := w.sources()
	ring := new(keyring.Memory)
	s.Keyring = ring
	for _, storage := range []string{"", accounts.StorageFile, accounts.StorageKeyring} {
		if err := s.CheckLogin(t.Context(), "default", storage); err != nil {
			t.Errorf("%q: got %v, want nothing", storage, err)
		}
	}
	files, err := os.ReadDir(filepath.Join(w.home, "state", "logins"))
	if err != nil || len(files) > 0 {
		t.Errorf("got %v, %v; want no files", files, err)
	}
	if err := s.CheckLogin(t.Context(), "a b", ""); !errors.Is(err, accounts.ErrLoginName) {
		t.Errorf("got %v, want %v", err, accounts.ErrLoginName)
	}
	ring.Fail(keyring.ErrLocked)
	if err := s.CheckLogin(t.Context(), "default", accounts.StorageKeyring); !errors.Is(err, keyring.ErrLocked) {
		t.Errorf("got %v, want %v", err, keyring.ErrLocked)
	}
	s.StateDir = nil
	if err := s.CheckLogin(t.Context(), "default", ""); credential.ClassOf(err) != credential.Usage {
		t.Errorf("without a state directory: got %v, want an error of class %s", err, credential.Usage)
	}
}
