package credential

import (
	"context"
	"sync"
)

// Memory is a Store in memory. The zero value is empty and ready to use. A Memory must not be copied after
// first use. It never evicts: it keeps one credential per key, valid or not.
type Memory struct {
	mu          sync.Mutex
	credentials map[Key]Credential
	failures    map[Key]Failure
	judgments   map[Key]Judgment
	locks       map[Key]chan struct{}
}

// Get implements [Store].
func (m *Memory) Get(_ context.Context, key Key) (Credential, error) {
	return lookUp(m, &m.credentials, key)
}

// Put implements [Store].
func (m *Memory) Put(_ context.Context, key Key, c Credential) error {
	keep(m, &m.credentials, key, c)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.failures, key)
	return nil
}

// Failure implements [FailureStore].
func (m *Memory) Failure(_ context.Context, key Key) (Failure, error) {
	return lookUp(m, &m.failures, key)
}

// PutFailure implements [FailureStore].
func (m *Memory) PutFailure(_ context.Context, key Key, f Failure) error {
	keep(m, &m.failures, key, f)
	return nil
}

// Judgment implements [JudgmentStore].
func (m *Memory) Judgment(_ context.Context, key Key) (Judgment, error) {
	return lookUp(m, &m.judgments, key)
}

// PutJudgment implements [JudgmentStore].
func (m *Memory) PutJudgment(_ context.Context, key Key, j Judgment) error {
	keep(m, &m.judgments, key, j)
	return nil
}

// lookUp returns what one of m's maps has for key.
func lookUp[V any](m *Memory, values *map[Key]V, key Key) (V, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := (*values)[key]
	if !ok {
		return v, &MissError{Reason: "absent"}
	}
	return v, nil
}

// keep puts v into one of m's maps.
func keep[V any](m *Memory, values *map[Key]V, key Key, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if *values == nil {
		*values = make(map[Key]V)
	}
	(*values)[key] = v
}

// Lock implements [Store].
func (m *Memory) Lock(ctx context.Context, key Key) (unlock func(), err error) {
	lock := m.lock(key)
	unlock = func() { <-lock }
	select {
	case lock <- struct{}{}:
		return unlock, nil
	default:
	}
	select {
	case lock <- struct{}{}:
		return unlock, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lock returns the lock of key: a channel with a buffer of one, which the holder fills.
func (m *Memory) lock(key Key) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks == nil {
		m.locks = make(map[Key]chan struct{})
	}
	if m.locks[key] == nil {
		m.locks[key] = make(chan struct{}, 1)
	}
	return m.locks[key]
}
