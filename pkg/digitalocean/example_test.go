package digitalocean_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// Gets a credential for one cluster from a fake API. A real program omits APIURL and finds
// the access token with package account.
func ExampleClient_Credential() {
	const id = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	api := digitaloceantest.NewAPI("dop_v1_example")
	cluster, err := digitaloceantest.NewCluster(id)
	if err != nil {
		fmt.Println(err)
		return
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(api)
	defer server.Close()

	client, err := digitalocean.NewClient(digitalocean.Options{
		AccessToken: digitalocean.AccessToken{Secret: credential.NewSecret("dop_v1_example"), Source: "the example"},
		APIURL:      server.URL,
		UserAgent:   "example/1.0",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := client.Credential(ctx, id, time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Server)
	fmt.Println(c.Token, "for", c.ExpiresAt.Sub(c.FetchedAt).Round(time.Minute))
	// Output:
	// https://8d91899c-0739-4a1a-acc5-deadbeefbb8f.k8s.ondigitalocean.com
	// [redacted] for 1h0m0s
}
