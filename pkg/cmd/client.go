package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// When a Kubernetes client runs doks-auth, arguments and environment come from a kubeconfig, which may be a
// stranger's; kubectl's allowlist, for example, restricts only the command. So such a run is allowed less than
// a person's, as this file says.

// byClient reports whether a Kubernetes client runs us, or these options are those of a kubeconfig entry.
func (o *options) byClient() bool { return o.forClient || o.Getenv(execcredential.EnvVar) != "" }

// checkForClients returns an error if a client couldn't use an entry with these options.
func (o *options) checkForClients() error {
	clients := *o
	clients.forClient = true
	found, err := clients.sources().Find()
	if err != nil {
		return clients.notFound(err)
	}
	return clients.checkAPIAddress(found)
}

// refuseAll makes the root refuse cobra's own commands, and arguments that aren't commands.
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

// refused returns a command that fails with any arguments.
func refused(name string) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		DisableFlagParsing: true,
		RunE:               func(*cobra.Command, []string) error { return refusal() },
	}
}

func refusal() error {
	return advise(credential.Unsafe,
		errors.New("refusing to run for a Kubernetes client: only exec-credential and version are allowed"),
		"in a kubeconfig, the user's args begin with exec-credential; in a terminal, unset "+execcredential.EnvVar)
}

// checkAPIAddress returns an error if the access token must not be sent to the API's address. When a client
// runs us, it may go only to DigitalOcean's address, a loopback address, or the one that the access token's own
// source names: otherwise a kubeconfig could steal it.
func (o *options) checkAPIAddress(of *accounts.Account) error {
	address := o.apiAddress(of)
	if err := digitalocean.CheckAPIURL(address); err != nil {
		return err
	}
	if !o.byClient() || digitalocean.IsLoopback(address) || sameServer(address, digitalocean.DefaultAPIURL) ||
		of.APIURL != "" && sameServer(address, of.APIURL) {
		return nil
	}
	return advise(credential.Unsafe,
		fmt.Errorf("refusing to send the access token to %s: a kubeconfig can't choose the API's address",
			show.URL(address)),
		adviceOnAddress(of))
}

// adviceOnAddress returns what makes a client's run accept an address of the API for an account.
func adviceOnAddress(of *accounts.Account) string {
	fix := "set it as api-url in the doctl configuration that contains the access token"
	if of.Login != "" {
		fix = loginCommand(of.Login, " --api-url=ADDRESS") + " records it"
	}
	return "if the address is yours, " + fix + "; otherwise don't use this kubeconfig"
}

func sameServer(a, b string) bool { return (credential.Credential{Server: a}).CheckServer(b) == nil }
