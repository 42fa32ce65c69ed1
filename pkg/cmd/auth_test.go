package cmd_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
)

// safe is a keyring that counts its items and the calls.
type safe struct {
	keyring.Memory

	items map[string]bool
	calls int
}

func (s *safe) Set(ctx context.Context, name string, secret credential.Secret) error {
	s.calls++
	err := s.Memory.Set(ctx, name, secret)
	if err == nil {
		s.items[name] = true
	}
	return err
}

func (s *safe) Get(ctx context.Context, name string) (credential.Secret, error) {
	s.calls++
	return s.Memory.Get(ctx, name)
}

func (s *safe) Delete(ctx context.Context, name string) error {
	s.calls++
	err := s.Memory.Delete(ctx, name)
	if err == nil {
		delete(s.items, name)
	}
	return err
}

// person is somebody with a keyring, but without an access token in the environment.
type person struct {
	*world

	keyring *safe
	home    string
	typed   func(context.Context) ([]byte, error) // on the terminal; nil: standard input isn't one
	stdin   string
}

func newPerson(t *testing.T) *person {
	t.Helper()
	return &person{world: newWorld(t), keyring: &safe{items: make(map[string]bool)}, home: t.TempDir()}
}

func (p *person) run(args ...string) (code int, stdout, stderr string) {
	env := map[string]string{"DIGITALOCEAN_API_URL": p.url, "DOKS_AUTH_CACHE_DIR": p.cache}
	var out, err bytes.Buffer
	code = cmd.Run(p.stopped, cmd.Env{
		Args:            args,
		Stdin:           strings.NewReader(p.stdin),
		Stdout:          &out,
		Stderr:          &err,
		StdinIsTerminal: func() bool { return p.typed != nil },
		Getenv:          func(name string) string { return env[name] },
		Home:            p.home,
		Now:             time.Now,
		Executable:      func() (string, error) { return "/usr/local/bin/doks-auth", nil },
		ReadPassword:    p.typed,
		Keyring:         p.keyring,
	})
	return code, out.String(), err.String()
}

// login keeps the API's access token.
func (p *person) login(t *testing.T, args ...string) (stderr string) {
	t.Helper()
	p.stdin = "dop_v1_test\n"
	code, _, stderr := p.run(append([]string{"auth", "login", "--with-token"}, args...)...)
	if code != 0 || strings.Contains(stderr, "dop_v1_test") {
		t.Fatalf("login: got exit code %d, %q; want 0, no token", code, stderr)
	}
	return stderr
}

// A login has one item in the keyring, which a hit doesn't need.
func TestKeyring(t *testing.T) {
	p := newPerson(t)
	if got := p.login(t); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
	p.login(t) // once more
	if len(p.keyring.items) != 1 {
		t.Errorf("got the items %v, want one", p.keyring.items)
	}
	exec := []string{"exec-credential", "--api-version=v1", clusterID}
	if code, _, stderr := p.run(exec...); code != 0 {
		t.Fatalf("a miss: got exit code %d, %s; want 0", code, stderr)
	}

	calls, api := p.keyring.calls, p.api.Calls()
	p.keyring.Fail(keyring.ErrLocked)
	if code, _, stderr := p.run(exec...); code != 0 || p.keyring.calls != calls || p.api.Calls() != api {
		t.Errorf("a hit: got exit code %d, %s, %d calls of the keyring and %d of the API; want 0, none and none",
			code, stderr, p.keyring.calls-calls, p.api.Calls()-api)
	}
	code, stdout, stderr := p.run(append(exec, "--force-refresh")...)
	const want = "hint: unlock the keyring, or sign in without one: 'doks-auth auth login --storage=file'\n"
	if code != 3 || stdout != "" || !strings.HasSuffix(stderr, want) ||
		!strings.Contains(stderr, "the keyring is locked") {
		t.Errorf("a miss with a locked keyring: got exit code %d, %q, %q; want 3, nothing, %q", code, stdout, stderr, want)
	}
	if code, stdout, _ := p.run("auth", "list"); code != 0 || !strings.Contains(stdout, "keyring") {
		t.Errorf("list: got exit code %d, %q; want 0, where the login is", code, stdout)
	}
	if code, _, stderr := p.run("auth", "logout"); code != 0 || stderr != "" {
		t.Errorf("logout: got exit code %d, %q; want 0, nothing", code, stderr)
	}
	if _, stdout, _ := p.run("auth", "list", "-o", "json"); stdout != "[]\n" {
		t.Errorf("after logout: got %q, want no login", stdout)
	}

	p.keyring.Fail(nil)
	p.login(t)
	items := len(p.keyring.items)
	if p.run("auth", "logout"); len(p.keyring.items) != items-1 {
		t.Errorf("after logout: got the items %v, want one fewer than %d", p.keyring.items, items)
	}
}

// A keyring that can't be used is never gone around silently.
func TestKeyringThatCannotBeUsed(t *testing.T) {
	p := newPerson(t)
	p.keyring.Fail(keyring.ErrLocked)
	p.stdin = "dop_v1_test"
	code, _, stderr := p.run("auth", "login", "--with-token", "--storage=keyring")
	if code != 1 || !strings.Contains(stderr, "the keyring is locked\nhint: unlock the keyring, or use --storage=file\n") {
		t.Errorf("got exit code %d, %q; want 1, that the keyring is locked", code, stderr)
	}
	if calls := p.api.Calls(); calls != 0 {
		t.Errorf("got %d calls, want none before the keyring is tried", calls)
	}
	if _, stdout, _ := p.run("auth", "list", "-o", "json"); stdout != "[]\n" {
		t.Errorf("got %q, want no login", stdout)
	}
	const note = "the access token is kept in a file, not in a keyring: "
	if got, want := p.login(t), note+"the keyring is locked\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.keyring.Fail(nil)
	if got, want := p.login(t, "--storage=file"), note+"--storage=file was given\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(p.keyring.items) != 0 {
		t.Errorf("got the items %v, want none", p.keyring.items)
	}
	if code, _, stderr := p.run("exec-credential", "--api-version=v1", clusterID); code != 0 {
		t.Errorf("got exit code %d, %s; want 0", code, stderr)
	}
}

// On a terminal, the access token is asked for.
func TestAskingForToken(t *testing.T) {
	tests := map[string]struct {
		typed   func(context.Context) ([]byte, error)
		code    int
		says    string
		current string
	}{
		"typed": {
			func(context.Context) ([]byte, error) { return []byte(" dop_v1_test "), nil },
			0, "Access token (it isn't shown): \n", "the current login is \"work\"\n",
		},
		"nothing": {
			func(context.Context) ([]byte, error) { return nil, nil },
			2, "from the terminal can't be used", "",
		},
		"broken": {
			func(context.Context) ([]byte, error) { return nil, errors.New("gone") },
			1, "doks-auth: gone\n", "",
		},
		"interrupted": {
			func(context.Context) ([]byte, error) { return nil, context.Canceled },
			1, "doks-auth: interrupted\n", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPerson(t)
			p.typed, p.stdin = test.typed, "not this"
			code, stdout, stderr := p.run("auth", "login", "--with-token", "--name=work")
			if code != test.code || !strings.Contains(stderr, test.says) || !strings.HasSuffix(stdout, test.current) {
				t.Errorf("got exit code %d, %q, %q; want %d, %q, %q", code, stdout, stderr, test.code, test.current, test.says)
			}
			if code != 0 && stdout != "" {
				t.Errorf("got %q on standard output, want nothing", stdout)
			}
		})
	}
}
