package cmd

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
)

// newAuth returns the commands about logins.
func newAuth(opts *options) *cobra.Command {
	return newGroup("auth", "Sign in to DigitalOcean, and manage logins",
		newAuthLogin(opts), newAuthList(opts), newAuthSwitch(opts), newAuthStatus(opts), newAuthLogout(opts))
}

// The kinds of access tokens, as the commands show them.
const (
	kindSession     = "session"
	kindAccessToken = "access token"
)

func kindOf(isSession bool) string {
	if isSession {
		return kindSession
	}
	return kindAccessToken
}

// refuse returns an error if one of the flags is given that choose an account: the commands that it is for take the
// name of a login.
func (o *options) refuse(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			return usageErrorf("--%s can't be combined with '%s'", name, cmd.CommandPath())
		}
	}
	return nil
}

// access is what the API says about an access token.
type access struct {
	user    digitalocean.User // zero if the access token may not ask
	missing []string          // the scopes that it lacks, as far as that can be found out without minting a credential
}

// try asks the API what an access token may do. It returns an error if the API doesn't accept it.
func try(ctx context.Context, client *digitalocean.Client) (access, error) {
	var found access
	var err error
	if found.user, err = client.User(ctx); err != nil {
		if !isForbidden(err) {
			return access{}, err
		}
		found.missing = append(found.missing, scopeAccount)
	}
	if _, err = client.Probe(ctx); err != nil {
		if !isForbidden(err) {
			return access{}, err
		}
		found.missing = append(found.missing, scopeClusters)
	}
	return found, nil
}

func isForbidden(err error) bool { return credential.StatusOf(err) == http.StatusForbidden }

// The scopes that doks-auth needs, besides the one for credentials.
const (
	scopeAccount     = "account:read"
	scopeClusters    = "kubernetes:read"
	scopeCredentials = "kubernetes:access_cluster"
)

// neededFor says what doks-auth needs a scope for.
func neededFor(scope string) string {
	switch scope {
	case scopeAccount:
		return "to tell accounts apart"
	case scopeClusters:
		return "to list clusters"
	}
	return "to get credentials"
}

// missingNote returns a line about scopes that doks-auth needs, or "".
func missingNote(missing []string) string {
	if len(missing) == 0 {
		return ""
	}
	each := make([]string, len(missing))
	for i, scope := range missing {
		each[i] = scope + " (" + neededFor(scope) + ")"
	}
	noun := "scope"
	if len(missing) > 1 {
		noun += "s"
	}
	return fmt.Sprintf("the login lacks the %s %s\n", noun, strings.Join(each, ", "))
}

// userText returns who a user is, for people: "sam@example.com" (team "Acme").
func userText(user digitalocean.User) string {
	text := fmt.Sprintf("%q", user.Email)
	if user.TeamName != "" {
		text += fmt.Sprintf(" (team %q)", user.TeamName)
	}
	return text
}

// variableOf returns the environment variable that an account comes from, or "".
func (o *options) variableOf(found *accounts.Account) string {
	switch {
	case found.Login != "" || found.Context != "" || o.tokenFile != "":
		return ""
	case strings.HasPrefix(found.Source, "DIGITALOCEAN_"):
		return found.Source
	}
	return accounts.FileEnvVar
}

// outrankedNote returns a line that says what is used instead of the current login, or "".
func (o *options) outrankedNote(current string) string {
	found, err := o.sources().Find()
	if err != nil || strings.EqualFold(found.Login, current) {
		return ""
	}
	return fmt.Sprintf("%s is set and takes precedence over the current login: unset it, or use --account=%s\n",
		o.variableOf(found), strings.ToLower(current))
}
