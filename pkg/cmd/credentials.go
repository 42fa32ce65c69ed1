package cmd

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

// credentials is the command that prints a cluster's credential for programs other than Kubernetes clients.
type credentials struct {
	*options

	fetch  fetch
	output *output
}

// credentialsResource is the API's resource, with its names and encodings.
type credentialsResource struct {
	Server                   string     `json:"server"`
	CertificateAuthorityData []byte     `json:"certificate_authority_data"` // base64 in JSON; nil is null
	ClientCertificateData    []byte     `json:"client_certificate_data"`
	ClientKeyData            []byte     `json:"client_key_data"`
	Token                    string     `json:"token"`
	ExpiresAt                *time.Time `json:"expires_at"`
}

func newCredentials(opts *options) *cobra.Command {
	c := &credentials{options: opts, fetch: fetch{ignoreFailures: true}}
	cmd := &cobra.Command{
		Use:   "credentials CLUSTER",
		Short: "Print a cluster's server, authority and credential",
		Long: `credentials prints the API's credentials resource for a cluster, given by id or name, for programs
that can't read a kubeconfig. Its fields are server, certificate_authority_data,
client_certificate_data, client_key_data, token and expires_at. As in the API, the data fields are
base64-encoded PEM. A cluster has either a token or a client certificate and key; the other fields are
empty or null. expires_at is null if unknown; without a token it is the certificate's expiry.

On a terminal the default format is a table, without the secrets. All other formats contain them: keep
them out of logs. jsonpath templates have kubectl's syntax. As in kubectl, no newline is added, and
null is printed as null; a field that doesn't exist is an error.

The credential comes from the cache unless it is due for renewal. It is the same one that kubectl gets
from exec-credential. To look up a name, the access token needs the scope kubernetes:read as well.`,
		Example: `  doks-auth credentials production
  doks-auth credentials 8d91899c-0739-4a1a-acc5-deadbeefbb8f -o json
  token=$(doks-auth credentials production -o jsonpath={.token})
  doks-auth credentials production -o jsonpath={.certificate_authority_data} | base64 -d >ca.pem
  doks-auth credentials production --expiry-seconds=600 --no-cache -o yaml`,
		Args:              usageArgs(oneCluster),
		ValidArgsFunction: opts.completeCluster,
	}
	cmd.RunE = opts.prints(func(ctx context.Context, args []string) ([]byte, error) {
		id, got, err := c.get(ctx, args)
		if err != nil {
			return nil, err
		}
		if c.StdoutIsTerminal != nil && c.StdoutIsTerminal() && !cmd.Flags().Changed("output") {
			c.output.format = formatTable
		}
		return c.output.render(resourceOf(got), func(w io.Writer) { credentialTable(w, id, got) })
	})
	c.output = addOutputFlag(cmd, formatJSON, formatYAML, formatTable, formatJSONPath)
	flags := cmd.Flags()
	flags.Lookup("output").DefValue = "json; table on a terminal"
	c.fetch.addExpiryFlag(flags)
	c.fetch.addCacheFlags(flags)
	return cmd
}

// get returns the credential of the cluster that the argument names.
func (c *credentials) get(
	ctx context.Context, args []string,
) (id digitalocean.ClusterID, got credential.Credential, err error) {
	ids, account, err := c.lookUpIDs(ctx, args)
	if err != nil {
		return id, got, err
	}
	if account == nil {
		account, err = c.account()
	}
	if err != nil {
		return ids[0], got, getting(ids[0], err)
	}
	got, err = account.credential(ctx, ids[0], c.fetch)
	return ids[0], got, err
}

// resourceOf returns a credential as the API's resource. It contains the secrets in clear text.
func resourceOf(c credential.Credential) credentialsResource {
	resource := credentialsResource{
		Server:                   c.Server,
		CertificateAuthorityData: data(string(c.CertificateAuthority)),
		ClientCertificateData:    data(string(c.ClientCertificate)),
		ClientKeyData:            data(c.ClientKey.Reveal()),
		Token:                    c.Token.Reveal(),
	}
	if !c.ExpiresAt.IsZero() {
		expiresAt := c.ExpiresAt.UTC().Truncate(time.Second) // every parser accepts whole seconds
		resource.ExpiresAt = &expiresAt
	}
	return resource
}

// data returns text as bytes, which JSON encodes as base64, or nil, which it encodes as null, if text is empty.
func data(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// credentialTable writes a credential without its secrets: they redact themselves.
func credentialTable(w io.Writer, id digitalocean.ClusterID, c credential.Credential) {
	expiresAt := ""
	if !c.ExpiresAt.IsZero() {
		expiresAt = c.ExpiresAt.UTC().Format(time.RFC3339)
	}
	row(w, "CLUSTER", "SERVER", "TOKEN", "CLIENT KEY", "EXPIRES AT")
	row(w, string(id), c.Server, c.Token.String(), c.ClientKey.String(), expiresAt)
}
