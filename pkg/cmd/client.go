package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
)

// A run by a Kubernetes client has the arguments and the environment that a kubeconfig says, which may be
// a stranger's: kubectl's allowlist, for one, restricts the command alone. What follows is what such a run
// heeds of them less than a person's.

// byClient reports whether a Kubernetes client runs us, or would run what these options are for.
func (o *options) byClient() bool { return o.forClient || o.Getenv(execcredential.EnvVar) != "" }

// checkForClients reports what keeps clients from using an entry of these options.
func (o *options) checkForClients() error {
	clients := *o
	clients.forClient = true
	token, err := clients.accessToken()
	if err != nil {
		return err
	}
	return clients.checkAPIAddress(token)
}

// refuseAll has cobra's own commands and whatever isn't a command refused.
func refuseAll(root *cobra.Command) {
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(refused("help"))
	for _, name := range []string{"completion", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd} {
		root.AddCommand(refused(name))
	}
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return refusal()
	}
}

// refused returns a command that is refused, whatever its arguments.
func refused(name string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		DisableFlagParsing: true,
		RunE:               func(*cobra.Command, []string) error { return refusal() },
	}
}

func refusal() error {
	return advise(credential.Unsafe, errors.New("refusing to run for a Kubernetes client what isn't exec-credential or version"),
		"in a kubeconfig the user's args begin with exec-credential; in a terminal, unset "+execcredential.EnvVar)
}

// checkAPIAddress reports an address of the API that the access token must not be sent to. In a client's
// run that is any but DigitalOcean's, this machine's own, and the one that the access token's own source
// names: else a kubeconfig could collect the access token.
func (o *options) checkAPIAddress(token digitalocean.AccessToken) error {
	address := o.apiAddress(token)
	if err := digitalocean.CheckAPIURL(address); err != nil {
		return err
	}
	if !o.byClient() || digitalocean.IsLoopback(address) || sameServer(address, digitalocean.DefaultAPIURL) ||
		token.APIURL != "" && sameServer(address, token.APIURL) {
		return nil
	}
	return advise(credential.Unsafe,
		fmt.Errorf("refusing to send the access token to %s: a kubeconfig can't choose the API's address", credential.ShowURL(address)),
		"if the address is yours, put it beside the access token, as api-url in doctl's configuration; else don't use this kubeconfig")
}

func sameServer(a, b string) bool { return (credential.Credential{Server: a}).CheckServer(b) == nil }
