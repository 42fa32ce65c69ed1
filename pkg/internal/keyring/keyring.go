// Package keyring keeps short secrets in the operating system's keyring: the keychain of macOS, the credential manager
// of Windows, or on other systems a Secret Service on the session bus (GNOME Keyring, KWallet, KeePassXC).
package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/zalando/go-keyring"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Keyring keeps secrets by name. Get returns ErrNotFound for a name that isn't there. Deleting it is no error.
type Keyring interface {
	Set(ctx context.Context, name string, secret credential.Secret) error
	Get(ctx context.Context, name string) (credential.Secret, error)
	Delete(ctx context.Context, name string) error
}

const (
	// service is what our secrets have in common in the keyring. Its window shows it to people.
	service = "doks-auth"

	// patience bounds every call. Nothing in D-Bus ends a call to a service that never answers.
	patience = 3 * time.Second
)

// System is the operating system's Keyring. It doesn't ask the user to unlock the keyring, because nobody can type a
// password in the time that a call may take. macOS's keychain may still ask on its own.
//
// A call that takes too long is abandoned, not undone: Set may still store the secret, and Delete may still delete it.
// Later calls in the same process may take as long, because they share its connection.
type System struct{}

// Set stores a secret, replacing any that has the same name. It reads the secret back to make sure that it was stored.
func (System) Set(ctx context.Context, name string, secret credential.Secret) error {
	if secret.IsZero() {
		return &Error{Op: "storing", Name: name, Err: errors.New("the secret is empty")}
	}
	_, err := call(ctx, "storing", name, func() (string, error) {
		if err := keyring.Set(service, name, secret.Reveal()); err != nil {
			return "", err
		}
		// On macOS, the library doesn't see every failure of the program that it runs.
		stored, err := keyring.Get(service, name)
		if err == nil && !secret.Equal(credential.NewSecret(stored)) {
			err = errors.New("reading back what was stored returned something else")
		}
		return "", err
	})
	if errors.Is(err, ErrNotFound) {
		err = &Error{Op: "storing", Name: name, Err: errors.New("the keyring didn't keep the secret")}
	}
	return err
}

// Get returns the secret with the given name, or ErrNotFound.
func (System) Get(ctx context.Context, name string) (credential.Secret, error) {
	text, err := call(ctx, "reading", name, func() (string, error) { return keyring.Get(service, name) })
	return credential.NewSecret(text), err
}

// Delete deletes the secret with the given name, if there is one.
func (System) Delete(ctx context.Context, name string) error {
	_, err := call(ctx, "deleting", name, func() (string, error) { return "", keyring.Delete(service, name) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// call returns what do returns, in the errors of this package, or an error if ctx ends or do takes too long.
func call(ctx context.Context, op, name string, do func() (string, error)) (string, error) {
	fail := func(err error) (string, error) { return "", &Error{Op: op, Name: name, Err: err} }
	if err := checkName(name); err != nil {
		return fail(err)
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	type result struct {
		text string
		err  error
	}
	results := make(chan result, 1)
	go func() {
		defer func() {
			// The library asserts the types in a service's answers.
			if p := recover(); p != nil {
				results <- result{err: fmt.Errorf("the keyring's answer can't be used: %v", p)}
			}
		}()
		if err := check(); err != nil {
			results <- result{err: err}
			return
		}
		text, err := do()
		results <- result{text: text, err: err}
	}()
	select {
	case r := <-results:
		switch {
		case errors.Is(r.err, keyring.ErrNotFound):
			return "", ErrNotFound
		case r.err != nil:
			return fail(explain(r.err))
		}
		return r.text, nil
	case <-time.After(patience):
		return fail(fmt.Errorf("the keyring doesn't answer within %s", patience))
	case <-ctx.Done():
		return fail(ctx.Err())
	}
}

// checkName refuses names that can't be sent: D-Bus closes the connection on a string that isn't UTF-8, and macOS's
// program reads its commands by line.
func checkName(name string) error {
	if name == "" {
		return errors.New("the name is empty")
	}
	if !utf8.ValidString(name) {
		return errors.New("the name is not valid UTF-8")
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return errors.New("the name contains a control character")
		}
	}
	return nil
}
