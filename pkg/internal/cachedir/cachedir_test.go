package cachedir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

var (
	accessToken = credential.NewSecret("dop_v1_access")
	key         = credential.Key{
		APIURL:    "https://api.digitalocean.com",
		ClusterID: "8d91899c-0739-4a1a-acc5-deadbeefbb8f",
		Auth:      "access-token",
		Identity:  credential.Identity(accessToken),
	}
)

func newCredential(token string) credential.Credential {
	now := time.Now().UTC()
	return credential.Credential{
		Server:               "https://cluster.example",
		CertificateAuthority: []byte("authority"),
		Token:                credential.NewSecret(token),
		ClientCertificate:    []byte("certificate"),
		ClientKey:            credential.NewSecret("private-key"),
		FetchedAt:            now,
		ExpiresAt:            now.Add(time.Hour).Truncate(time.Second),
	}
}

func mustPut(t *testing.T, d *Dir, key credential.Key, c credential.Credential) {
	t.Helper()
	if err := d.Put(t.Context(), key, c); err != nil {
		t.Fatal(err)
	}
}

// missReason returns the reason why Get misses, or "" if it doesn't.
func missReason(t *testing.T, d *Dir, key credential.Key) string {
	t.Helper()
	_, err := d.Get(t.Context(), key)
	if err == nil {
		return ""
	}
	return missOf(t, err)
}

// missOf returns the reason for a miss.
func missOf(t *testing.T, err error) string {
	t.Helper()
	miss, ok := errors.AsType[*credential.MissError](err)
	if !ok {
		t.Fatalf("got error %v, want a miss", err)
	}
	return miss.Reason
}

// entryPath returns the path of the only entry in a directory.
func entryPath(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+entrySuffix))
	if err != nil || len(paths) != 1 {
		t.Fatalf("got entries %v, %v; want one", paths, err)
	}
	return paths[0]
}

func TestPutGet(t *testing.T) {
	d := Open(filepath.Join(t.TempDir(), "a", "b"), accessToken)
	if got := missReason(t, d, key); got != absent {
		t.Errorf("got %q, want %q", got, absent)
	}
	for _, token := range []string{"first", "second"} {
		want := newCredential(token)
		mustPut(t, d, key, want)
		got, err := d.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("credential (-want +got):\n%s", diff)
		}
	}
}

func TestDirectoryIsPrivateAndSealed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("cluster-token"))
	unlock, err := d.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := d.PutFailure(t.Context(), key, credential.Failure{Message: "failed"}); err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := fileownertest.CheckPrivate(path); err != nil {
			t.Errorf("%s: got %v, want no access for others", path, err)
		}
		if entry.IsDir() {
			return nil
		}
		files++
		data, err := os.ReadFile(path)
		for _, secret := range []string{accessToken.Reveal(), "cluster-token", "private-key"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s: got %s in it, want no secret", path, secret)
			}
		}
		if strings.Contains(path, key.ClusterID) {
			t.Errorf("got path %s, want one that doesn't reveal the cluster", path)
		}
		return err
	})
	if err != nil || files != 4 {
		t.Errorf("got %d files, %v; want 4", files, err)
	}
}

func TestKeysAreSeparate(t *testing.T) {
	dir := t.TempDir()
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("t"))
	entry := entryPath(t, dir)

	changes := map[string]func(k *credential.Key){
		"API":      func(k *credential.Key) { k.APIURL += "x" },
		"cluster":  func(k *credential.Key) { k.ClusterID += "x" },
		"expiry":   func(k *credential.Key) { k.Expiry++ },
		"auth":     func(k *credential.Key) { k.Auth += "x" },
		"identity": func(k *credential.Key) { k.Identity += "x" },
		"shifted":  func(k *credential.Key) { k.APIURL, k.ClusterID = k.APIURL+k.ClusterID, "" },
	}
	for name, change := range changes {
		other := key
		change(&other)
		if got := missReason(t, d, other); got != absent {
			t.Errorf("%s: got %q, want %q", name, got, absent)
		}
		// An entry renamed to another key's name is sealed under the wrong key.
		data, err := os.ReadFile(entry)
		if err != nil {
			t.Fatal(err)
		}
		moved := newSeal(dir, other, accessToken).path(entrySuffix)
		if err := os.WriteFile(moved, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := missReason(t, d, other); got != "corrupt entry" {
			t.Errorf("%s, moved: got %q, want %q", name, got, "corrupt entry")
		}
	}
	if got := missReason(t, Open(dir, credential.NewSecret("other")), key); got != absent {
		t.Errorf("another access token: got %q, want %q", got, absent)
	}
}

// Each of these is a miss, not an error or a hang, and the next Put replaces it.
func TestUnusableEntriesHeal(t *testing.T) {
	rewrite := func(change func(entry []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	constant := func(text string) func(t *testing.T, path string) {
		return rewrite(func([]byte) []byte { return []byte(text) })
	}
	replace := func(old, text string) func(t *testing.T, path string) {
		return rewrite(func(b []byte) []byte { return []byte(strings.Replace(string(b), old, text, 1)) })
	}
	must := func(change func(path string) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := change(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	headerOnly := func(b []byte) []byte { return b[:strings.IndexByte(string(b), '\n')+1] }
	tests := map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"empty":            {constant(""), "corrupt entry"},
		"null":             {constant("null"), "corrupt entry"},
		"null and a line":  {constant("null\nnull"), "entry of schema 0"},
		"text":             {constant("text\ntext"), "corrupt entry"},
		"other schema":     {constant(`{"schema":2}` + "\n"), "entry of schema 2"},
		"header only":      {rewrite(headerOnly), "corrupt entry"},
		"truncated":        {rewrite(func(b []byte) []byte { return b[:len(b)-1] }), "corrupt entry"},
		"longer":           {rewrite(func(b []byte) []byte { return append(b, 0) }), "corrupt entry"},
		"last byte":        {rewrite(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), "corrupt entry"},
		"another cluster":  {replace("8d9", "8d8"), "corrupt entry"},
		"another server":   {replace("cluster.ex", "evil.ex"), "corrupt entry"},
		"a later expiry":   {replace(`expires_at":"2`, `expires_at":"3`), "corrupt entry"},
		"huge":             {func(t *testing.T, path string) { os.Truncate(path, 1<<40) }, "too large"},
		"group-readable":   {must(fileownertest.LetOthersRead), "not private"},
		"others' writable": {must(fileownertest.LetOthersWrite), "not private"},
		"directory": {func(t *testing.T, path string) {
			os.Remove(path)
			os.Mkdir(path, 0o700)
		}, "not a regular file"},
		"full directory": {func(t *testing.T, path string) {
			os.Remove(path)
			os.MkdirAll(filepath.Join(path, "x"), 0o700)
		}, "not a regular file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := Open(dir, accessToken)
			mustPut(t, d, key, newCredential("first"))
			test.spoil(t, entryPath(t, dir))
			if got := missReason(t, d, key); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			mustPut(t, d, key, newCredential("second"))
			if got := missReason(t, d, key); got != "" {
				t.Errorf("after a Put: got %q, want a hit", got)
			}
		})
	}
}

func TestFailure(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	if f, err := d.Failure(t.Context(), key); err == nil {
		t.Errorf("in an empty directory: got %+v, want a miss", f)
	}
	want := credential.Failure{
		At: time.Now().UTC(), Class: credential.NotFound, Message: "message", Status: 404, ClockSkew: time.Hour,
	}
	if err := d.PutFailure(t.Context(), key, want); err != nil {
		t.Fatal(err)
	}
	got, err := d.Failure(t.Context(), key)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got error %v, want none (-want +got):\n%s", err, diff)
	}
	mustPut(t, d, key, newCredential("t"))
	if f, err := d.Failure(t.Context(), key); err == nil {
		t.Errorf("after a Put: got %+v, want a miss", f)
	}
}

func TestLock(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	unlock, err := d.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Lock(done, key); !errors.Is(err, context.Canceled) {
		t.Errorf("a held lock: got %v, want %v", err, context.Canceled)
	}
	other := key
	other.ClusterID = "other"
	if unlockOther, err := d.Lock(done, other); err != nil {
		t.Errorf("another key's lock: got %v, want the lock", err)
	} else {
		defer unlockOther()
	}
	got := make(chan error)
	go func() {
		again, err := d.Lock(t.Context(), key)
		if err == nil {
			again()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Errorf("after unlock: got %v, want the lock", err)
	}
	if again, err := d.Lock(done, key); err != nil {
		t.Errorf("a free lock with a canceled context: got %v, want the lock", err)
	} else {
		again()
	}
}

func TestNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", filepath.Join(file, "below")} {
		d := Open(path, accessToken)
		if _, err := d.Get(t.Context(), key); err == nil {
			t.Errorf("%q: Get: got no error, want one", path)
		}
		if err := d.Put(t.Context(), key, newCredential("t")); err == nil {
			t.Errorf("%q: Put: got no error, want one", path)
		}
		if _, err := d.Lock(t.Context(), key); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%q: Lock: got error %v, want another", path, err)
		}
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	d := Open(dir, accessToken)
	put := func(cluster string, lifetime time.Duration) credential.Key {
		k := key
		k.ClusterID = cluster
		c := newCredential("t")
		c.ExpiresAt = time.Now().Add(lifetime)
		mustPut(t, d, k, c)
		unlock, err := d.Lock(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		return k
	}
	short, long := put("short", time.Minute), put("long", 100*time.Hour)
	inUse := put("in use", time.Minute)
	unlock, err := d.Lock(t.Context(), inUse)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	write := func(name string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	leftover := write(strings.Repeat("0", 32) + entrySuffix + ".123" + privatefile.TempSuffix)
	unlocked := write(strings.Repeat("1", 32) + entrySuffix)
	others := []string{write("yarn.lock"), write("notes.tmp"), write("list.entry"), write("abc.lock")}

	d.now = func() time.Time { return time.Now().Add(30 * time.Minute) }
	d.prune(0)
	if _, err := os.Stat(leftover); err != nil {
		t.Errorf("after half an hour: got %v, want the temporary file kept", err)
	}
	d.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	put("another", 100*time.Hour)
	d.Prune() // a day has passed since the last pruning
	for _, path := range []string{leftover, unlocked} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("got %s, want it removed", path)
		}
	}
	for _, path := range others {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("got %v, want other programs' files kept", err)
		}
	}
	for k, want := range map[credential.Key]string{short: "absent", long: "", inUse: ""} {
		if got := missReason(t, d, k); got != want {
			t.Errorf("%s: got %q, want %q", k.ClusterID, got, want)
		}
	}
	if _, err := os.Stat(newSeal(dir, short, accessToken).path(lockSuffix)); err == nil {
		t.Error("got the expired entry's lock, want it removed")
	}
}

// Locks remain exclusive while pruning removes their files.
func TestLockSurvivesPruning(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	if err := d.create(); err != nil {
		t.Fatal(err)
	}
	d.now = func() time.Time { return time.Now().Add(25 * time.Hour) } // all files are old
	stop := make(chan struct{})
	pruned := make(chan struct{})
	go func() {
		defer close(pruned)
		for {
			select {
			case <-stop:
				return
			default:
				d.prune(0)
			}
		}
	}()
	var inside atomic.Int32
	done := make(chan struct{})
	const workers = 4
	for range workers {
		go func() {
			for range 200 {
				unlock, err := d.Lock(t.Context(), key)
				if err != nil {
					t.Errorf("got %v, want the lock", err)
					continue
				}
				if n := inside.Add(1); n != 1 {
					t.Errorf("got %d holders, want 1", n)
				}
				runtime.Gosched()
				inside.Add(-1)
				unlock()
			}
			done <- struct{}{}
		}()
	}
	for range workers {
		<-done
	}
	close(stop)
	<-pruned
}

func TestDefault(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		home string
		want string
	}{
		"home":      {nil, "/home/u", "/home/u/.kube/cache/doks-auth"},
		"kubectl's": {map[string]string{"KUBECACHEDIR": "/k"}, "/home/u", "/k/doks-auth"},
		"own":       {map[string]string{"KUBECACHEDIR": "/k", EnvVar: "/d"}, "/home/u", "/d"},
		"relative ones": {
			env:  map[string]string{"KUBECACHEDIR": "k", EnvVar: "d"},
			home: "/home/u",
			want: "/home/u/.kube/cache/doks-auth",
		},
		"relative home": {nil, ".", ""},
		"none":          {nil, "", ""},
	}
	for name, test := range tests {
		got := Default(func(name string) string { return test.env[name] }, test.home)
		if filepath.ToSlash(got) != test.want && os.PathSeparator == '/' {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// readSchema1 returns an entry written by an earlier version. Later versions must be able to read it, or use
// another schema number.
func readSchema1(tb testing.TB) []byte {
	tb.Helper()
	entry, err := os.ReadFile(filepath.Join("testdata", "schema-1.entry"))
	if err != nil {
		tb.Fatal(err)
	}
	return entry
}

func TestSchema1(t *testing.T) {
	got, err := newSeal("", key, accessToken).open(readSchema1(t))
	if err != nil {
		t.Fatal(err)
	}
	want := newCredential("t")
	want.FetchedAt = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	want.ExpiresAt = want.FetchedAt.Add(time.Hour)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("credential (-want +got):\n%s", diff)
	}
}

func FuzzOpenEntry(f *testing.F) {
	good := readSchema1(f)
	for _, seed := range []string{string(good), "", "null", "null\n", "{}\n{}", `{"schema":1}` + "\n", "\n"} {
		f.Add([]byte(seed))
	}
	seal := newSeal("", key, accessToken)
	f.Fuzz(func(t *testing.T, entry []byte) {
		_, err := seal.open(entry)
		if err == nil {
			if string(entry) != string(good) {
				t.Errorf("got a credential from the forged entry %q, want a miss", entry)
			}
		} else if _, ok := errors.AsType[*credential.MissError](err); !ok {
			t.Errorf("got error %v, want a miss", err)
		}
	})
}
