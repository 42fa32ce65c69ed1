package oidc_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// A record that can't be used is as good as none: a client's run goes no further, and whoever may record replaces it.
func TestBrokenRecords(t *testing.T) {
	write := func(text string) func(*world, string) error {
		return func(_ *world, path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	tests := map[string]struct {
		spoil func(w *world, path string) error
		says  string
	}{
		"removed":     {func(_ *world, path string) error { return os.Remove(path) }, "isn't recorded on this machine"},
		"empty":       {write(""), "its record can't be used: not a record"},
		"cut off":     {write(`{"issuer":"`), "its record can't be used: not a record"},
		"null":        {write("null"), "it is incomplete, or another client's"},
		"no root":     {write(`{"issuer":"https://a.example","client_id":"b"}`), "it is incomplete, or another client's"},
		"another's":   {write(`{"issuer":"https://a.example","client_id":"b","root":"AAAA"}`), "another client's"},
		"too large":   {write(strings.Repeat(" ", 2<<20)), "its record can't be used: too large"},
		"a directory": {func(_ *world, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }, ""},
		"a link": {func(_ *world, path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.Symlink(path+".old", path))
		}, "its record can't be used: "},
		"group-readable": {func(_ *world, path string) error { return fileownertest.LetOthersRead(path) }, "others have access"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && name == "a link" {
				t.Skip("links need rights on Windows")
			}
			w := newWorld(t)
			w.must(w.way())
			if err := test.spoil(w, w.record()); err != nil {
				t.Fatal(err)
			}
			_, err := w.sessions().Find(w.client())
			want{credential.Unsafe, "refusing to sign in at"}.check(t, err)
			if !errors.Is(err, oidc.ErrNotRecorded) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q, want it to say that it isn't recorded, and %q", err, test.says)
			}
			if got := w.sessions().All(); len(got) != 0 {
				t.Errorf("got %d sessions, want none", len(got))
			}
			if s := w.session(); s.SignedIn {
				t.Error("got somebody signed in, want a new record")
			}
			w.must(w.way())
			w.counts(2, 2, 0)
			if got := w.sessions().All(); len(got) != 1 || got[0].Client != w.client() {
				t.Errorf("got %d sessions, want the client's", len(got))
			}
		})
	}
}

// A record that is spoilt while a process has its session is an error, and nobody is asked.
func TestRecordIsSpoiltMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	provider, session := w.provider(w.way()), w.session()
	if err := os.WriteFile(w.record(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := provider.Credential(t.Context())
	want{credential.Other, "reading the session at"}.check(t, err)
	want{credential.Other, "reading the session at"}.check(t, session.SignIn(t.Context(), w.way()))
	_, err = session.SignOut(t.Context())
	want{credential.Other, "reading the session at"}.check(t, err)
	w.counts(1, 1, 0)
}

// Tokens that can't be unsealed are lost. Somebody must sign in; the same user's cached credentials remain.
func TestTokensCannotBeUnsealed(t *testing.T) {
	edit := func(change func(record map[string]any)) func(*world) error {
		return func(w *world) error {
			text, err := os.ReadFile(w.record())
			if err != nil {
				return err
			}
			var record map[string]any
			if err := json.Unmarshal(text, &record); err != nil {
				return err
			}
			change(record)
			if text, err = json.Marshal(record); err != nil {
				return err
			}
			return os.WriteFile(w.record(), text, 0o600)
		}
	}
	tests := map[string]func(*world) error{
		"the key is lost": func(w *world) error { return os.Remove(filepath.Join(w.dir, "key.json")) },
		"changed":         edit(func(record map[string]any) { record["sealed"] = "AAAA" + record["sealed"].(string)[4:] }),
		"cut off":         edit(func(record map[string]any) { record["sealed"] = "AAAA" }),
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.way())
			identity := w.session().Identity()
			if err := spoil(w); err != nil {
				t.Fatal(err)
			}
			_, err := w.get(oidc.Way{Reason: errors.New("there is no desktop")})
			want{credential.Refused, "signing in at"}.check(t, err)
			w.must(w.way())
			w.counts(2, 2, 0)
			if !w.session().Identity().Equal(identity) {
				t.Error("got another identity, want the same")
			}
		})
	}
}

// With a key that can't be used nothing can be kept, so nobody is asked.
func TestKeyCannotBeUsed(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	w.clock.Add(oidctest.DefaultLifetime)
	if err := os.WriteFile(filepath.Join(w.dir, "key.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := w.get(w.way())
	want{credential.Other, "not a record"}.check(t, err)
	if _, ok := errors.AsType[*oidc.KeepError](err); !ok {
		t.Errorf("got %#v, want a KeepError", err)
	}
	w.counts(1, 1, 0)
}

// A record of the future, as a clock leaves it that was wrong, isn't believed.
func TestRecordOfTheFuture(t *testing.T) {
	w := newWorld(t)
	first := w.must(w.way())
	w.clock.Add(-4 * time.Minute)
	if got := w.must(oidc.Way{}); !got.Token.Equal(first.Token) {
		t.Error("fetched in four minutes: got another token, want the same")
	}
	w.clock.Add(-2 * time.Minute)
	got := w.must(oidc.Way{})
	if got.Token.Equal(first.Token) || got.FetchedAt.After(w.clock.Now()) {
		t.Error("fetched in six minutes: got the same token, want another one")
	}
	w.counts(1, 1, 1)
}

func TestNoStateDirectory(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, sessions := range map[string]oidc.Sessions{
		"none":        {},
		"no path":     {StateDir: func() string { return "" }},
		"a file":      {StateDir: func() string { return file }},
		"missing":     {StateDir: func() string { return filepath.Join(t.TempDir(), "state") }},
		"below files": {StateDir: func() string { return filepath.Join(file, "state") }},
	} {
		_, err := sessions.Find(w.client())
		want{credential.Unsafe, "the issuer isn't recorded on this machine"}.check(t, err)
		_, err = sessions.Pinned(clusterID)
		want{credential.Unsafe, "the cluster's server isn't recorded on this machine"}.check(t, err)
		if got := sessions.All(); len(got) != 0 {
			t.Errorf("%s: got %d sessions, want none", name, len(got))
		}
		if name == "missing" {
			continue
		}
		_, err = sessions.Record(t.Context(), w.client())
		want{credential.Other, "recording the issuer"}.check(t, err)
		want{credential.Other, "recording the server of cluster"}.check(t, sessions.Pin(w.cluster()))
	}
}

// makeUnwritable takes away the permission to write to a directory.
func makeUnwritable(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 && runtime.GOOS != "windows" {
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir, 0o700) })
		return
	}
	if out, err := exec.Command("chattr", "+i", dir).CombinedOutput(); err != nil {
		t.Skipf("chattr: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("chattr", "-i", dir).Run() })
}

// Without a place for the session, nothing is begun that can't be kept. An ID token serves as long as it is valid.
func TestReadOnlyState(t *testing.T) {
	for _, name := range []string{"signed out", "signed in"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.session()
			var first credential.Credential
			if name == "signed in" {
				first = w.must(w.way())
			}
			// Locks that are there can be taken.
			for _, lock := range []string{"", "-sign-in"} {
				if name == "signed in" && os.WriteFile(strings.TrimSuffix(w.record(), ".json")+lock+".lock", nil, 0o600) != nil {
					t.Fatal("can't write a lock")
				}
			}
			makeUnwritable(t, filepath.Join(w.dir, "sso"))
			if name == "signed in" {
				if got := w.must(oidc.Way{}); !got.Token.Equal(first.Token) {
					t.Error("got another token, want the one that is kept")
				}
				w.clock.Add(first.RenewAt().Sub(w.clock.Now()))
				if got := w.must(oidc.Way{}); !got.Token.Equal(first.Token) {
					t.Error("due for renewal: got another token, want the one that is kept")
				}
				w.clock.Add(oidctest.DefaultLifetime)
			}
			before := w.opened.Load()
			_, err := w.get(w.way())
			want{credential.Other, "the state directory can't be written: "}.check(t, err)
			if _, ok := errors.AsType[*oidc.KeepError](err); !ok {
				t.Errorf("got %#v, want a KeepError", err)
			}
			err = w.session().SignIn(t.Context(), w.way())
			want{credential.Other, "the state directory can't be written: "}.check(t, err)
			if got := w.opened.Load(); got != before {
				t.Errorf("got %d browsers, want none", got-before)
			}
			if w.Refreshes() != 0 {
				t.Errorf("got %d refreshes, want none", w.Refreshes())
			}
		})
	}
}

// On a full disk, likewise: the session that is there isn't spent.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows can't limit the size of files")
	}
	w := newWorld(t)
	w.clock.Add(time.Since(w.clock.Now())) // processes have the real one
	w.session()
	run := func(says string) {
		t.Helper()
		_, lines := w.start(8 << 10)
		var all []string
		for line := range lines {
			all = append(all, line)
		}
		if len(all) != 1 || !strings.Contains(all[0], says) {
			t.Errorf("got %q, want one line with %q", all, says)
		}
	}
	run("the state directory can't be written: file too large")
	w.must(w.way())
	run("token ")
	w.clock.Add(-2 * oidctest.DefaultLifetime)
	if err := w.session().SignIn(t.Context(), w.way()); err != nil {
		t.Fatal(err)
	}
	w.clock.Add(2 * oidctest.DefaultLifetime) // the token has expired
	run("the state directory can't be written: file too large")
	w.counts(2, 2, 0)
	w.must(oidc.Way{})
	w.counts(2, 2, 1)
}

// A record with a session isn't forgotten: another process may have had somebody sign in meanwhile.
func TestForget(t *testing.T) {
	w := newWorld(t)
	if err := w.session().Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := w.sessions().Find(w.client())
	want{unsafe, "the issuer isn't recorded on this machine"}.check(t, err)
	session := w.session()
	w.must(w.way())
	if err := session.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.must(oidc.Way{})
}
