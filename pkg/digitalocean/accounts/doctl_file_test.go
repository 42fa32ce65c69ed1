package accounts_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
)

// One value of an odd form doesn't disable the other contexts.
func TestOddDoctlConfigurations(t *testing.T) {
	const good = "auth-contexts:\n  work: of-work\ncontext: work\n"
	tests := map[string]struct{ text, want, err string }{
		"list for contexts":       {"access-token: of-default\nauth-contexts: []\n", "of-default", ""},
		"null for contexts":       {"access-token: of-default\nauth-contexts:\n", "of-default", ""},
		"word for contexts":       {"access-token: of-default\nauth-contexts: x\n", "of-default", ""},
		"number for a token":      {"auth-contexts:\n  a: 5\n  work: of-work\ncontext: work\n", "of-work", ""},
		"list for a token":        {"auth-contexts:\n  a: [x]\n  work: of-work\ncontext: work\n", "of-work", ""},
		"null for a token":        {"auth-contexts:\n  a: null\n  work: of-work\ncontext: work\n", "of-work", ""},
		"mapping for the default": {"access-token: {a: b}\n" + good, "of-work", ""},
		"list for the address":    {"api-url: [x]\n" + good, "of-work", ""},
		"list for the context":    {"access-token: of-default\ncontext: [work]\n", "of-default", ""},
		"list of sessions":        {good + "oauth-tokens: []\n", "of-work", ""},
		"odd session":             {good + "oauth-tokens: {work: 5, a: [b]}\n", "of-work", ""},
		"odd expiry": {
			good + "oauth-tokens:\n  work:\n    refresh-token: r\n    expires-at: tomorrow\n", "of-work", "",
		},
		"dotted context":      {"auth-contexts:\n  my.company: of-company\ncontext: my.company\n", "of-company", ""},
		"as doctl rewrote it": {"auth-contexts:\n  my:\n    company: of-company\ncontext: my.company\n", "of-company", ""},
		"two dots":            {"auth-contexts:\n  a:\n    b:\n      c: of-abc\ncontext: A.B.C\n", "of-abc", ""},
		"one part of a dotted name": {
			"auth-contexts:\n  my:\n    company: of-company\ncontext: my\n", "", `no access token for the context "my"`,
		},
		"empty":       {"", "", "is empty"},
		"white space": {" \n\n", "", "is empty"},
		"cut off before the context": {
			"access-token: of-default\nauth-contexts:\n  work: of-w", "", "ends in the middle",
		},
		"not YAML": {"{", "", "is not YAML with doctl's fields"},
		"a list":   {"- a\n", "", "is not YAML with doctl's fields"},
		"bomb": {
			"access-token: of-default\nauth-contexts:\n  a: &a {x: y}\n" +
				"  b: &b {x: *a, y: *a}\n  c: &c {x: *b, y: *b}\n", "of-default", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(test.text)
			got, err := w.sources().Find()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got error %v, want %q", err, test.err)
			}
			if accounts.TokenOf(got) != test.want {
				t.Errorf("got %q, want %q", accounts.TokenOf(got), test.want)
			}
		})
	}
}

func TestUnreadableDoctlConfigurations(t *testing.T) {
	w := newWorld(t)
	if err := os.Mkdir(w.path(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := w.sources().Find(); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: got error %v, want that it isn't a regular file", err)
	}
}

func TestSnap(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("snaps are for Linux")
	}
	w := newWorld(t)
	delete(w.env, "DIGITALOCEAN_CONFIG")
	path := filepath.Join(w.home, "snap", "doctl", "current", ".config", "doctl", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("access-token: of-snap\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := w.sources().Find(); err != nil || accounts.TokenOf(got) != "of-snap" {
		t.Errorf("got %q, %v; want %q", accounts.TokenOf(got), err, "of-snap")
	}
}

// doctl truncates its configuration before it writes it.
func TestConfigurationThatIsBeingWritten(t *testing.T) {
	w := newWorld(t)
	const whole = "access-token: of-default\nauth-contexts:\n  work: of-work\ncontext: work\n"
	for _, cut := range []int{0, 10, 25, len(whole) - 20, len(whole) - 1} {
		if err := os.WriteFile(w.path(), []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		written := make(chan error)
		go func() {
			time.Sleep(30 * time.Millisecond) // as long as doctl may take
			written <- os.WriteFile(w.path(), []byte(whole), 0o600)
		}()
		got, err := w.sources().Find()
		if writeErr := <-written; writeErr != nil {
			t.Fatal(writeErr)
		}
		if err != nil || accounts.TokenOf(got) != "of-work" {
			t.Errorf("cut off after %d bytes: got %q, %v; want %q", cut, accounts.TokenOf(got), err, "of-work")
		}
	}
}

// A file system may truncate a file a moment before it changes the time.
func TestConfigurationThatWasJustTruncated(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.path(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(w.path(), old, old); err != nil {
		t.Fatal(err)
	}
	written := make(chan error)
	go func() {
		time.Sleep(30 * time.Millisecond)
		written <- os.WriteFile(w.path(), []byte("access-token: of-default\ncontext: default\n"), 0o600)
	}()
	got, err := w.sources().Find()
	if writeErr := <-written; writeErr != nil {
		t.Fatal(writeErr)
	}
	if err != nil || accounts.TokenOf(got) != "of-default" {
		t.Errorf("got %q, %v; want %q", accounts.TokenOf(got), err, "of-default")
	}
}

// Only the session's values change in the file, whatever its form, and its mode, links and owner stay.
func TestSessionIsWrittenInPlace(t *testing.T) {
	forms := map[string]string{
		"quoted": "auth-contexts:\n    work: \"ACCESS\" # ours\noauth-tokens:\n    work:\n" +
			"        expires-at: \"EXPIRES\"\n        issuer: ISSUER\n        client-id: CLIENT\n" +
			"        refresh-token: 'REFRESH'\n        scope: SCOPE\ncontext: work\n",
		"time": "context: work\noauth-tokens:\n  work:\n    expires-at: EXPIRES\n    issuer: ISSUER\n" +
			"    client-id: CLIENT\n    refresh-token: REFRESH\n    scope: SCOPE\nauth-contexts:\n  work: ACCESS\n",
		"flow": "auth-contexts: {work: ACCESS, b: c} # mine\ncontext: work\noauth-tokens: {work: {expires-at: \"EXPIRES\", " +
			"issuer: \"ISSUER\", client-id: CLIENT, refresh-token: REFRESH, scope: \"SCOPE\"}}\n",
		"default": "access-token: ACCESS\ncontext: default\noauth-tokens:\n  default:\n    expires-at: \"EXPIRES\"\n" +
			"    issuer: ISSUER\n    client-id: CLIENT\n    refresh-token: REFRESH\n    scope: SCOPE\n",
		"dotted": "auth-contexts:\n  my:\n    company: ACCESS\ncontext: my.company\noauth-tokens:\n  my:\n    company:\n" +
			"      expires-at: \"EXPIRES\"\n      issuer: ISSUER\n      client-id: CLIENT\n      refresh-token: REFRESH\n" +
			"      scope: SCOPE\n",
		"crlf": "auth-contexts:\r\n  work: ACCESS\r\ncontext: work\r\noauth-tokens:\r\n  work:\r\n" +
			"    expires-at: \"EXPIRES\"\r\n    issuer: ISSUER\r\n    client-id: CLIENT\r\n    refresh-token: REFRESH\r\n" +
			"    scope: SCOPE\r\n",
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.auth.Start(sam)
			fill := func(access, refresh, expires string) string {
				return strings.NewReplacer("ACCESS", access, "REFRESH", refresh, "EXPIRES", expires, "ISSUER", w.iss,
					"CLIENT", first.ClientID, "SCOPE", first.Scope).Replace(form)
			}
			real := filepath.Join(w.home, "real.yaml")
			w.env["DIGITALOCEAN_CONFIG"] = real
			w.write(fill(first.AccessToken, first.RefreshToken, first.ExpiresAt.UTC().Format(time.RFC3339)))
			if err := fileownertest.LetOthersRead(real); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(w.home, "link.yaml")
			symlink(t, real, link)
			w.env["DIGITALOCEAN_CONFIG"] = link
			w.clock.Add(2 * time.Hour)
			token, err := w.token()
			if err != nil {
				t.Fatal(err)
			}
			text := w.read()
			refresh := ""
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \"',{}\r\n", r) }) {
				if strings.HasPrefix(word, "dor_v1_") {
					refresh = word
				}
			}
			want := fill(token, refresh, w.clock.Now().Add(time.Hour).UTC().Format(time.RFC3339))
			if want = strings.Replace(want, "'"+refresh+"'", refresh, 1); strings.ReplaceAll(text, "'"+refresh+"'", refresh) != want &&
				strings.NewReplacer(`"`, "", "'", "").Replace(text) != strings.NewReplacer(`"`, "", "'", "").Replace(want) {
				t.Errorf("got %q, want %q", text, want)
			}
			if !w.auth.Alive(refresh) {
				t.Errorf("the session in the file isn't alive: %q", text)
			}
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link: got %v, %v; want a link", info, err)
			}
			if info, err := os.Stat(real); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
				t.Errorf("got %v, %v; want mode 0640", info, err)
			}
			if fileownertest.CheckPrivate(real) == nil {
				t.Error("got a private file; want that others may still read it")
			}
		})
	}
}

// symlink makes a link, or skips the test on Windows, where that may need rights, and Wine does nothing.
func symlink(t *testing.T, target, path string) {
	t.Helper()
	err := os.Symlink(target, path)
	if _, statErr := os.Lstat(path); statErr != nil && runtime.GOOS == "windows" {
		t.Skipf("links can't be created here: %v", errors.Join(err, statErr))
	}
	if err != nil {
		t.Fatal(err)
	}
}
