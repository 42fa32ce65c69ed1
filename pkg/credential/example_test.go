package credential_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// A custom provider, cached in memory: two credentials, one call.
func ExampleCached() {
	calls := 0
	provider := credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
		calls++
		now := time.Now()
		return credential.Credential{
			Server:    "https://kubernetes.example",
			Token:     credential.NewSecret("a-cluster-token"),
			FetchedAt: now,
			ExpiresAt: now.Add(time.Hour),
		}, nil
	})
	cached := &credential.Cached{Provider: provider, Store: new(credential.Memory)}
	for range 2 {
		c, err := cached.Credential(context.Background())
		fmt.Println(c.Server, c.Token, err)
	}
	fmt.Println("calls:", calls)
	// Output:
	// https://kubernetes.example [redacted] <nil>
	// https://kubernetes.example [redacted] <nil>
	// calls: 1
}

// fileStore is a custom Store that keeps one credential in a file. If others can read the disk, it should
// encrypt the token, as the plugin's cache does.
type fileStore struct {
	path  string
	locks credential.Memory // provides locks between the goroutines of one program
}

type fileEntry struct {
	Server, Token        string
	FetchedAt, ExpiresAt time.Time
}

// Get implements credential.Store.
func (s *fileStore) Get(context.Context, credential.Key) (credential.Credential, error) {
	data, err := os.ReadFile(s.path)
	if err != nil {
		return credential.Credential{}, &credential.MissError{Reason: "absent", Err: err}
	}
	var entry fileEntry
	if err := json.Unmarshal(data, &entry); err != nil {
		return credential.Credential{}, &credential.MissError{Reason: "corrupt", Err: err}
	}
	return credential.Credential{
		Server:    entry.Server,
		Token:     credential.NewSecret(entry.Token),
		FetchedAt: entry.FetchedAt,
		ExpiresAt: entry.ExpiresAt,
	}, nil
}

// Put implements credential.Store.
func (s *fileStore) Put(_ context.Context, _ credential.Key, c credential.Credential) error {
	data, err := json.Marshal(fileEntry{c.Server, c.Token.Reveal(), c.FetchedAt, c.ExpiresAt})
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(s.path), "*.tmp") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.Write(data); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), s.path) // so that readers never see a partial file
}

// Lock implements credential.Store.
func (s *fileStore) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	return s.locks.Lock(ctx, key)
}

// A custom Store: the next run finds the credential that this one fetched.
func ExampleStore() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	calls := 0
	provider := credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
		calls++
		now := time.Now()
		return credential.Credential{
			Token:     credential.NewSecret("a-cluster-token"),
			FetchedAt: now,
			ExpiresAt: now.Add(time.Hour),
		}, nil
	})
	for range 2 {
		store := &fileStore{path: filepath.Join(dir, "credential")}
		c, err := (&credential.Cached{Provider: provider, Store: store}).Credential(context.Background())
		fmt.Println(c.Token, err)
	}
	fmt.Println("calls:", calls)
	// Output:
	// [redacted] <nil>
	// [redacted] <nil>
	// calls: 1
}

func ExampleSecret() {
	secret := credential.NewSecret("hunter2")
	fmt.Printf("%v %q %+v\n", secret, secret, struct{ Password credential.Secret }{secret})
	fmt.Println(len(secret.Reveal()), "characters")
	// Output:
	// [redacted] [redacted] {Password:[redacted]}
	// 7 characters
}

func ExampleCredential_CheckServer() {
	c := credential.Credential{Server: "https://8d91899c-0739-4a1a-acc5-deadbeefbb8f.k8s.ondigitalocean.com"}
	fmt.Println(c.CheckServer("https://8d91899c-0739-4a1a-acc5-deadbeefbb8f.k8s.ondigitalocean.com:443/"))
	fmt.Println(credential.ClassOf(c.CheckServer("https://kubernetes.example")))
	// Output:
	// <nil>
	// unsafe
}
