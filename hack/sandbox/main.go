// Command sandbox demonstrates doks-auth without a DigitalOcean account and without leaving the
// loopback interface, with stand-ins for the DigitalOcean API and two clusters, a kubeconfig, and real
// clients that use it. It verifies everything it prints, and fails if anything is untrue.
//
//	go run ./hack/sandbox bin/doks-auth
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	accessToken      = "dop_v1_sandbox"
	wrongAccessToken = "dop_v1_somebody_else"
	tokensID         = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	certificatesID   = "c0ffee11-5a1e-4b0b-9e55-feedfacecafe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Closing a pager early must not kill the sandbox before it has cleaned up.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 1:
		err = show(ctx, args[0], os.Stdout)
	case len(args) == 2 && args[0] == clientCommand:
		err = runClient(ctx, args[1], os.Stdout)
	default:
		fmt.Fprintln(os.Stderr, "usage: sandbox path/to/doks-auth")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// show runs the demo in a temporary directory and removes it.
func show(ctx context.Context, plugin string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "doks-auth-sandbox-")
	if err != nil {
		return err
	}
	err = showIn(ctx, dir, plugin, out)
	if err != nil && ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out,
		"\nAll of this was verified as it was printed. The temporary directory has been removed.")
	return err
}

// showIn starts the stand-ins and runs the steps of the demo.
func showIn(ctx context.Context, dir, plugin string, out io.Writer) error {
	api := digitaloceantest.NewAPI(accessToken)
	digitaloceantest.NewAuthServer(api) // so that tokens can be revoked
	apiServer := httptest.NewServer(api)
	defer apiServer.Close()
	tokens, err := startCluster(api, tokensID, "tokens", false)
	if err != nil {
		return err
	}
	defer tokens.Close()
	certificates, err := startCluster(api, certificatesID, "certificates", true)
	if err != nil {
		return err
	}
	defer certificates.Close()
	clusters := []*digitaloceantest.Cluster{tokens, certificates}
	proxy := httptest.NewServer(digitaloceantest.Proxy(map[string]string{
		tokens.Host():       tokens.Addr(),
		certificates.Host(): certificates.Addr(),
	}))
	defer proxy.Close()

	box, err := newSandbox(dir, plugin, apiServer.URL, proxy.URL)
	if err != nil {
		return err
	}
	introduce(out, apiServer.URL, clusters)
	d := &demo{sandbox: box, out: out, api: api}
	if err := d.saveClusters(ctx, clusters); err != nil {
		return err
	}
	if err := d.callClusters(ctx, clusters); err != nil {
		return err
	}
	if err := d.examine(ctx, tokens); err != nil {
		return err
	}
	if err := d.lookIntoCache(ctx, clusters); err != nil {
		return err
	}
	if err := d.useWrongAccessToken(ctx, tokens); err != nil {
		return err
	}
	return d.revoke(ctx, tokens)
}

// startCluster starts a cluster that uses tokens or client certificates.
func startCluster(api *digitaloceantest.API, id, name string, certificates bool) (*digitaloceantest.Cluster, error) {
	cluster, err := digitaloceantest.NewCluster(id)
	if err != nil {
		return nil, fmt.Errorf("creating cluster %q: %w", name, err)
	}
	cluster.Name = name
	cluster.Certificates = certificates
	if err := cluster.Serve(api); err != nil {
		return nil, fmt.Errorf("starting cluster %q: %w", name, err)
	}
	api.AddCluster(cluster)
	return cluster, nil
}
