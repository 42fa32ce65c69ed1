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
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.credentials[key]
	if !ok {
		return Credential{}, &MissError{Reason: "absent"}
	}
	return c, nil
}

// Put implements [Store].
func (m *Memory) Put(_ context.Context, key Key, c Credential) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.credentials == nil {
		m.credentials = make(map[Key]Credential)
	}
	m.credentials[key] = c
	delete(m.failures, key)
	return nil
}

// Failure implements [FailureStore].
func (m *Memory) Failure(_ context.Context, key Key) (Failure, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.failures[key]
	if !ok {
		return Failure{}, &MissError{Reason: "absent"}
	}
	return f, nil
}

// Judgment implements [JudgmentStore].
func (m *Memory) Judgment(_ context.Context, key Key) (Judgment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j, ok := m.judgments[key]
	if !ok {
		return Judgment{}, &MissError{Reason: "absent"}
	}
	return j, nil
}

// PutJudgment implements [JudgmentStore].
func (m *Memory) PutJudgment(_ context.Context, key Key, j Judgment) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.judgments == nil {
		m.judgments = make(map[Key]Judgment)
	}
	m.judgments[key] = j
	return nil
}

// PutFailure implements [FailureStore].
func (m *Memory) PutFailure(_ context.Context, key Key, f Failure) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failures == nil {
		m.failures = make(map[Key]Failure)
	}
	m.failures[key] = f
	return nil
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
