package sharedcache

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

var (
	key    = credential.Key{APIURL: "https://api.example", ClusterID: "8d91899c-0739-4a1a-acc5-deadbeefbb8f", Auth: "access-token"}
	secret = credential.NewSecret("dop_v1_first")
)

func open(a Address, dir string) *Server {
	return Open(func() (Address, error) { return a, nil }, dir, nil)
}

// newStore returns a store on a server of the test's, as another machine would open it each time.
func newStore(t *testing.T, address string) *Store {
	t.Helper()
	a, err := ParseAddress(address, false)
	if err != nil {
		t.Fatal(err)
	}
	server := open(a, "")
	t.Cleanup(server.Close)
	return server.For(secret)
}

func newCredential(token string) credential.Credential {
	now := time.Now().UTC().Truncate(time.Second)
	return credential.Credential{
		Server: "https://cluster.example", CertificateAuthority: []byte("authority"), Token: credential.NewSecret(token),
		FetchedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

// expectToken compares what a store has with a token; "" is a miss.
func expectToken(t *testing.T, s *Store, key credential.Key, want string) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if _, isMiss := errors.AsType[*credential.MissError](err); got.Token.Reveal() != want || isMiss != (want == "") {
		t.Errorf("got %q, %v; want %q", got.Token.Reveal(), err, want)
	}
}

func TestPutGet(t *testing.T) {
	server := miniredis.RunT(t)
	a, b := newStore(t, "redis://"+server.Addr()), newStore(t, "redis://"+server.Addr())
	expectToken(t, b, key, "")
	want := newCredential("token-1")
	if err := a.Put(t.Context(), key, want); err != nil {
		t.Fatal(err)
	}
	got, err := b.Get(t.Context(), key)
	if err != nil || got.Token.Reveal() != "token-1" || got.Server != want.Server || !got.FetchedAt.Equal(want.FetchedAt) ||
		!got.ExpiresAt.Equal(want.ExpiresAt) || !bytes.Equal(got.CertificateAuthority, want.CertificateAuthority) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}

	// Other accounts, clusters and prefixes have nothing there.
	other := key
	other.ClusterID = "11111111-0739-4a1a-acc5-deadbeefbb8f"
	expectToken(t, b, other, "")
	expectToken(t, b.server.For(credential.NewSecret("dop_v1_second")), key, "")
	expectToken(t, newStore(t, "redis://"+server.Addr()+"?prefix=other:"), key, "")

	// The server drops it when it expires.
	server.FastForward(time.Hour - time.Second)
	expectToken(t, b, key, "token-1")
	server.FastForward(2 * time.Second)
	expectToken(t, b, key, "")
	expired := newCredential("token-2")
	expired.ExpiresAt = time.Now().Add(-time.Second)
	if err := a.Put(t.Context(), key, expired); err == nil {
		t.Error("an expired credential was put")
	}
}

// Nothing on the server says whose a credential is, or for what, or what it is.
func TestNothingIsInClear(t *testing.T) {
	server := miniredis.RunT(t)
	s := newStore(t, "redis://"+server.Addr())
	if err := s.Put(t.Context(), key, newCredential("token-1")); err != nil {
		t.Fatal(err)
	}
	unlock, err := s.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	dump := server.Dump()
	for _, name := range server.Keys() {
		value, _ := server.Get(name)
		dump += name + value
	}
	for _, clear := range []string{
		"token-1", "dop_v1", key.ClusterID, "cluster.example", "api.example", "authority", "fetched_at", time.Now().Format("2006"),
	} {
		if strings.Contains(dump, clear) {
			t.Errorf("%q is in clear", clear)
		}
	}
	if got := len(server.Keys()); got != 2 {
		t.Errorf("got %d values, want 2: a credential and a lock", got)
	}
}

// What isn't sealed for a key is a miss, whatever it is.
func TestForeignValues(t *testing.T) {
	server := miniredis.RunT(t)
	s := newStore(t, "redis://"+server.Addr())
	name, seal, _ := s.value(key)
	other := key
	other.Expiry = time.Hour
	if err := s.Put(t.Context(), other, newCredential("of another key")); err != nil {
		t.Fatal(err)
	}
	otherName, _, _ := s.value(other)
	moved, _ := server.Get(otherName)
	onDisk, err := seal.Entry(key, newCredential("on disk"))
	if err != nil {
		t.Fatal(err)
	}
	for what, value := range map[string]string{
		"garbage": "garbage", "nothing": "", "another key's": moved, "a file's": string(onDisk), "cut off": moved[:20],
	} {
		server.Set(name, value)
		t.Log(what)
		expectToken(t, s, key, "")
	}
	server.Del(name)
	server.HSet(name, "field", "value")
	expectToken(t, s, key, "")
	server.Del(name)
	if err := s.Put(t.Context(), key, newCredential("token-1")); err != nil {
		t.Fatal(err)
	}
	expectToken(t, s, key, "token-1")
}

func TestLock(t *testing.T) {
	server := miniredis.RunT(t)
	var holders, most, count int
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range 20 {
		s := newStore(t, "redis://"+server.Addr())
		wait.Go(func() {
			unlock, err := s.Lock(t.Context(), key)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			holders++
			count++
			most = max(most, holders)
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			holders--
			mu.Unlock()
			unlock()
		})
	}
	wait.Wait()
	if most != 1 || count != 20 {
		t.Errorf("%d held it, %d at once; want 20, one at a time", count, most)
	}
	if got := len(server.Keys()); got != 0 {
		t.Errorf("got %d values left, want none", got)
	}
}

func TestLockIsGivenUpWithTheContext(t *testing.T) {
	server := miniredis.RunT(t)
	a, b := newStore(t, "redis://"+server.Addr()), newStore(t, "redis://"+server.Addr())
	unlock, err := a.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Lock(done, key); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	unlock()
	unlock, err = b.Lock(done, key) // it tries once all the same
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// Whoever waits is told when the holder has stored a credential.
func TestLockReportsWhatIsStored(t *testing.T) {
	server := miniredis.RunT(t)
	a, b := newStore(t, "redis://"+server.Addr()), newStore(t, "redis://"+server.Addr())
	unlock, err := a.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	got := make(chan error)
	go func() {
		_, err := b.Lock(t.Context(), key)
		got <- err
	}()
	// Whether it already waits or not, it sees that a value appears or changes: put until it does.
	for {
		if err := a.Put(t.Context(), key, newCredential("token-1")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-got:
			if !errors.Is(err, credential.ErrStored) {
				t.Errorf("got %v, want ErrStored", err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// A lock that its holder lost, because it was stopped, say, isn't released by it.
func TestLostLock(t *testing.T) {
	server := miniredis.RunT(t)
	a, b := newStore(t, "redis://"+server.Addr()), newStore(t, "redis://"+server.Addr())
	unlockA, err := a.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	server.FastForward(lockTime + time.Second)
	unlockB, err := b.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	unlockA()
	if got := len(server.Keys()); got != 1 {
		t.Errorf("got %d values, want the second one's lock", got)
	}
	unlockB()
	if got := len(server.Keys()); got != 0 {
		t.Errorf("got %d values, want none", got)
	}
}

// A user who may not read the lock knows from the answer to SET that it has it, or else doesn't wait for it.
func TestLockThatCannotBeRead(t *testing.T) {
	shared := miniredis.RunT(t)
	shared.Server().SetPreHook(func(c *server.Peer, _ string, args ...string) bool {
		if len(args) == 1 && strings.HasSuffix(args[0], lockSuffix) {
			c.WriteError("NOPERM this user has no permissions to run the 'get' command")
			return true
		}
		return false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	unlock, err := newStore(t, "redis://"+shared.Addr()).Lock(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newStore(t, "redis://"+shared.Addr()).Lock(ctx, key); err == nil || err.Error() != "the user may not do that" {
		t.Errorf("got %v, want that the user may not do that", err)
	}
	unlock()
}

func TestRemoveReportsFailures(t *testing.T) {
	server := miniredis.RunT(t)
	s := newStore(t, "redis://"+server.Addr())
	if err := s.Remove(t.Context(), key, newCredential("token-1")); err != nil {
		t.Errorf("removing what isn't there: got %v", err)
	}
	server.Close()
	if err := s.Remove(t.Context(), key, newCredential("token-1")); err == nil {
		t.Error("without a server: got no error, though the credential may still be there")
	}
}

func TestRemoveCompares(t *testing.T) {
	server := miniredis.RunT(t)
	s := newStore(t, "redis://"+server.Addr())
	old, current := newCredential("token-1"), newCredential("token-2")
	for _, step := range []struct {
		remove credential.Credential
		left   string
	}{{old, "token-2"}, {current, ""}, {current, ""}} {
		if step.left != "" {
			if err := s.Put(t.Context(), key, current); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Remove(t.Context(), key, step.remove); err != nil {
			t.Error(err)
		}
		expectToken(t, s, key, step.left)
	}
}
