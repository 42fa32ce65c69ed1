package keyring

import (
	"context"
	"sync"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Memory is a Keyring in memory, for tests. The zero value is empty and ready to use. It must not be copied after
// first use.
type Memory struct {
	mu      sync.Mutex
	secrets map[string]credential.Secret
	err     error
}

// Fail makes every later call fail as System does, with err as the cause. With nil, calls succeed again.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// Set implements [Keyring].
func (m *Memory) Set(ctx context.Context, name string, secret credential.Secret) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(ctx, "storing", name); err != nil {
		return err
	}
	if m.secrets == nil {
		m.secrets = make(map[string]credential.Secret)
	}
	m.secrets[name] = secret
	return nil
}

// Get implements [Keyring].
func (m *Memory) Get(ctx context.Context, name string) (credential.Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(ctx, "reading", name); err != nil {
		return credential.Secret{}, err
	}
	secret, ok := m.secrets[name]
	if !ok {
		return credential.Secret{}, ErrNotFound
	}
	return secret, nil
}

// Delete implements [Keyring].
func (m *Memory) Delete(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failure(ctx, "deleting", name); err != nil {
		return err
	}
	delete(m.secrets, name)
	return nil
}

func (m *Memory) failure(ctx context.Context, op, name string) error {
	err := ctx.Err()
	if err == nil {
		err = m.err
	}
	if err == nil {
		return nil
	}
	return &Error{Op: op, Name: name, Err: err}
}
