package accounts_test

import (
	"context"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
)

func ExampleSources() {
	environment := map[string]string{"DIGITALOCEAN_ACCESS_TOKEN": "dop_v1_example"}
	found, err := accounts.Sources{
		Getenv: func(name string) string { return environment[name] },
	}.Find()
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := found.Token(context.Background())
	fmt.Println(token, "from", found.Source, err)
	// Output: [redacted] from DIGITALOCEAN_ACCESS_TOKEN <nil>
}
