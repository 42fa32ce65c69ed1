package credential_test

import (
	"context"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// A program's own provider, cached in memory: two questions, one call.
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
