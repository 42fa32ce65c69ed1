package accounts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
)

// The account's access token is never one of another account, even if the file changes after the account was found.
func TestAnotherAccountInTheMiddle(t *testing.T) {
	w := newWorld(t)
	w.doctl(w.auth.Start(sam))
	w.identity()
	found := w.find()
	other := w.auth.Start(samAtHome)
	w.doctl(other)
	if got, err := found.Token(t.Context()); !errors.Is(err, accounts.ErrChanged) {
		t.Errorf("got %q, %v; want that the account has changed", got.Reveal(), err)
	}
	if got, err := found.Replace(t.Context(), credential.NewSecret("refused")); !errors.Is(err, accounts.ErrChanged) {
		t.Errorf("in place of a refused one: got %q, %v; want that the account has changed", got.Reveal(), err)
	}
	if got, err := w.token(); err != nil || got != other.AccessToken {
		t.Errorf("found again: got %q, %v; want %q", got, err, other.AccessToken)
	}
}

// A personal access token that was pasted over a session's is not the session's account, and is never overwritten.
func TestPersonalTokenBesideASession(t *testing.T) {
	w := newWorld(t)
	grant := w.auth.Start(sam)
	w.doctl(grant)
	session := w.identity()
	w.write(strings.ReplaceAll(w.read(), grant.AccessToken, "dop_v1_pasted"))
	if w.identity() == session {
		t.Error("got the session's identity for another access token")
	}
	w.clock.Add(2 * time.Hour)
	if got, err := w.token(); err != nil || got != "dop_v1_pasted" {
		t.Errorf("got %q, %v; want the pasted token", got, err)
	}
	w.refreshed(0)
	if !strings.Contains(w.read(), "dop_v1_pasted") {
		t.Error("doctl's configuration lost the pasted token")
	}
}

// However a session is come by, its refresh token is used once.
func TestOneSessionInSeveralPlaces(t *testing.T) {
	tests := map[string]func(w *world, stale string){
		"a context renamed": func(w *world, stale string) {
			w.write(strings.NewReplacer("  work:", "  renamed:", "context: work", "context: renamed").Replace(stale))
		},
		"a copy of the file": func(w *world, stale string) {
			w.env["DIGITALOCEAN_CONFIG"] = filepath.Join(w.home, "copy.yaml")
			w.write(stale)
		},
		"a link to the file": func(w *world, stale string) {
			w.write(stale)
			link := filepath.Join(w.home, "link.yaml")
			symlink(w.t, w.path(), link)
			w.env["DIGITALOCEAN_CONFIG"] = link
		},
		"another context": func(w *world, stale string) {
			_, session, _ := strings.Cut(stale, "oauth-tokens:\n  work:\n")
			session, _, _ = strings.Cut(session, "output")
			token, _, _ := strings.Cut(strings.SplitN(stale, "  work: ", 2)[1], "\n")
			stale = strings.Replace(stale, "auth-contexts:\n", "auth-contexts:\n  second: "+token+"\n", 1)
			stale = strings.Replace(stale, "output:", "  second:\n"+session+"output:", 1)
			w.write(strings.Replace(stale, "context: work\n", "context: second\n", 1))
		},
	}
	for name, move := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.doctl(w.auth.Start(sam))
			stale := w.read()
			w.clock.Add(2 * time.Hour)
			first, err := w.token()
			if err != nil {
				t.Fatal(err)
			}
			move(w, stale)
			if got, err := w.token(); err != nil || got != first {
				t.Errorf("got %q, %v; want the session that is newer than the file, with %q", got, err, first)
			}
			w.clock.Add(2 * time.Hour)
			if _, err := w.token(); err != nil {
				t.Error(err)
			}
			w.refreshed(2)
		})
	}
}

// A file with two names stays one file.
func TestHardLinkedConfiguration(t *testing.T) {
	w := newWorld(t)
	first := w.auth.Start(sam)
	w.doctl(first)
	other := filepath.Join(w.home, "other.yaml")
	if err := os.Link(w.path(), other); err != nil {
		t.Skip(err)
	}
	w.clock.Add(2 * time.Hour)
	if _, err := w.token(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != w.read() {
		t.Errorf("by its other name: got %q, %v; want %q", text, err, w.read())
	}
	w.shows(first)
}

// Names that differ only in case are different contexts if both are there.
func TestContextsThatDifferInCase(t *testing.T) {
	w := newWorld(t)
	for range 20 { // the order of a map is random
		grant := w.auth.Start(sam)
		w.doctl(grant)
		w.write(strings.Replace(w.read(), "  work: ", "  Work: dop_v1_precious\n  work: ", 1))
		w.clock.Add(2 * time.Hour)
		if _, err := w.token(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(w.read(), "  Work: dop_v1_precious\n") {
			t.Fatalf("the other context's token is gone: %s", w.read())
		}
		w.shows(grant)
	}
}

// What can't be read isn't taken for absent: the key of a session isn't replaced, and a token that has been used isn't
// used again.
func TestRecordsThatOthersMayRead(t *testing.T) {
	w := newWorld(t)
	first := w.auth.Start(sam)
	w.doctl(first)
	stale := w.read()
	w.clock.Add(2 * time.Hour)
	if _, err := w.token(); err != nil {
		t.Fatal(err)
	}
	w.write(stale)
	change := func(change func(path string) error) {
		t.Helper()
		err := filepath.Walk(filepath.Join(w.home, "state"), func(path string, info os.FileInfo, err error) error {
			if err != nil || info.IsDir() {
				return err
			}
			return change(path)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(fileownertest.LetOthersRead)
	if got, err := w.token(); err == nil || !strings.Contains(err.Error(), "not private") {
		t.Errorf("got %q, %v; want that a record isn't private", got, err)
	}
	w.refreshed(1)
	change(fileownertest.KeepPrivate)
	if _, err := w.token(); err != nil {
		t.Error(err)
	}
	w.clock.Add(2 * time.Hour)
	if _, err := w.token(); err != nil {
		t.Error(err)
	}
	w.refreshed(2)
}

// Pruning leaves what is in use.
func TestPrune(t *testing.T) {
	w := newWorld(t)
	w.doctl(w.auth.Start(sam))
	want := w.identity()
	w.clock.Add(2 * time.Hour)
	if _, err := w.token(); err != nil {
		t.Fatal(err)
	}
	w.sources().Prune()
	if got, known := w.find().Identity(clusterID); !known || got.Reveal() != want {
		t.Error("after pruning: got another identity, want the same")
	}
	old := time.Now().Add(-100 * 24 * time.Hour)
	records := 0
	err := filepath.Walk(filepath.Join(w.home, "state"), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		records++
		return os.Chtimes(path, old, old)
	})
	if err != nil || records == 0 {
		t.Fatalf("got %d records, %v; want some", records, err)
	}
	w.sources().Prune()
	for _, folder := range []string{"bearers", "accounts", "sessions", "refresh"} {
		if left, err := os.ReadDir(filepath.Join(w.home, "state", folder)); err != nil || len(left) > 0 {
			t.Errorf("in %s: got %v, %v; want nothing", folder, left, err)
		}
	}
}
