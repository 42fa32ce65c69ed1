package oidc_test

import (
	"context"
	"log"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// A program uses the session that 'doks-auth auth login --sso' started, and the cluster that it recorded. Nobody can
// sign in while the program runs: it fails if the session has ended.
func ExampleProvider() {
	ctx := context.Background()
	home, err := os.UserHomeDir()
	if err != nil {
		log.Fatal(err)
	}
	sessions := oidc.Sessions{
		StateDir: func() string { return filepath.Join(home, ".local", "state", "doks-auth") },
	}
	session, err := sessions.Find(oidc.Client{Issuer: "https://sso.example.com", ID: "doks-cluster-client"})
	if err != nil {
		log.Fatal(err)
	}
	cluster, err := sessions.Pinned("8d91899c-0739-4a1a-acc5-deadbeefbb8f")
	if err != nil {
		log.Fatal(err)
	}
	config, err := restconfig.New(ctx, &credential.Cached{
		Provider: &oidc.Provider{Session: session, Cluster: cluster},
		Key:      session.Key(cluster),
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Print("ready for ", config.Host)
}
