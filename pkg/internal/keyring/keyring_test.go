package keyring

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

var (
	_ Keyring = System{}
	_ Keyring = (*Memory)(nil)
)

func TestMemory(t *testing.T) {
	testKeyring(t, &Memory{})
}

// testKeyring tests what every working Keyring does.
func testKeyring(t *testing.T, k Keyring) {
	t.Helper()
	ctx := t.Context()
	if _, err := k.Get(ctx, "a"); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnavailable) {
		t.Errorf("reading what isn't there: got %v, want %v only", err, ErrNotFound)
	}
	if err := k.Delete(ctx, "a"); err != nil {
		t.Errorf("deleting what isn't there: got %v, want no error", err)
	}
	one, two := credential.NewSecret(strings.Repeat("01", 32)), credential.NewSecret(strings.Repeat("ab", 32))
	for name, secret := range map[string]credential.Secret{"a": one, "a b/ü@'\"": two} {
		if err := k.Set(ctx, name, secret); err != nil {
			t.Fatalf("storing %q: got %v, want no error", name, err)
		}
	}
	if got, err := k.Get(ctx, "a"); err != nil || !got.Equal(one) {
		t.Errorf("reading a: got %q, %v; want %q", got.Reveal(), err, one.Reveal())
	}
	if err := k.Set(ctx, "a", two); err != nil {
		t.Errorf("replacing a: got %v, want no error", err)
	}
	if got, err := k.Get(ctx, "a"); err != nil || !got.Equal(two) {
		t.Errorf("reading the replaced a: got %q, %v; want %q", got.Reveal(), err, two.Reveal())
	}
	if err := k.Delete(ctx, "a"); err != nil {
		t.Errorf("deleting a: got %v, want no error", err)
	}
	if got, err := k.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("reading the deleted a: got %q, %v; want %v", got.Reveal(), err, ErrNotFound)
	}
	if got, err := k.Get(ctx, "a b/ü@'\""); err != nil || !got.Equal(two) {
		t.Errorf("reading the other: got %q, %v; want %q", got.Reveal(), err, two.Reveal())
	}

	ended, cancel := context.WithCancel(ctx)
	cancel()
	for op, err := range callAll(ended, k) {
		if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnavailable) {
			t.Errorf("%s after the context ended: got %v, want %v only", op, err, context.Canceled)
		}
	}
}

// callAll returns the errors of one call of each kind.
func callAll(ctx context.Context, k Keyring) map[string]error {
	_, err := k.Get(ctx, "a")
	return map[string]error{
		"reading":  err,
		"storing":  k.Set(ctx, "a", credential.NewSecret("x")),
		"deleting": k.Delete(ctx, "a"),
	}
}

func TestMemoryFails(t *testing.T) {
	m := &Memory{}
	m.Fail(ErrLocked)
	for op, err := range callAll(t.Context(), m) {
		if want := op + ` "a": the keyring is locked`; !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrLocked) ||
			err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	m.Fail(nil)
	testKeyring(t, m)
}

func TestSystemRefusesBadNames(t *testing.T) {
	for name, want := range map[string]string{
		"":       "empty",
		"a\nb":   "control character",
		"a\x00b": "control character",
		"a\x7f":  "control character",
		"a\xff":  "UTF-8",
	} {
		for op, err := range map[string]error{
			"storing":  System{}.Set(t.Context(), name, credential.NewSecret("x")),
			"deleting": System{}.Delete(t.Context(), name),
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %q: got %v, want an error with %q", op, name, err, want)
			}
		}
	}
	err := System{}.Set(t.Context(), "a", credential.Secret{})
	if err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("storing the empty secret: got %v, want an error with %q", err, "empty")
	}
}

func TestCallSurvivesAPanic(t *testing.T) {
	// check must pass for the call to be made at all.
	if check() != nil {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
	}
	_, err := call(t.Context(), "reading", "a", func() (string, error) { panic("an odd answer") })
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want %v", err, ErrUnavailable)
	}
}

func TestExplain(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{errNone, "there is no keyring"},
		{ErrLocked, "the keyring is locked"},
		{errors.New("odd"), "the keyring can't be used: odd"},
		{&exec.Error{Name: "security", Err: exec.ErrNotFound}, "the keyring can't be used: exec: \"security\""},
	}
	for _, test := range tests {
		if got := explain(test.err).Error(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}
