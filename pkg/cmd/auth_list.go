package cmd

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
)

// authList is the command that lists logins.
type authList struct {
	*options

	output *output
}

// listedLogin is a login as the command prints it.
type listedLogin struct {
	Name     string    `json:"name"`
	Current  bool      `json:"current"`
	User     string    `json:"user"` // the email address; "" if unknown
	Team     string    `json:"team"`
	Kind     string    `json:"kind"`
	Storage  string    `json:"storage"`
	API      string    `json:"api"`
	Scopes   []string  `json:"scopes"` // of a session
	SignedIn time.Time `json:"signed_in_at,omitzero"`
	Problem  string    `json:"problem,omitempty"` // why it can't be used
}

func newAuthList(opts *options) *cobra.Command {
	l := &authList{options: opts}
	cmd := &cobra.Command{
		Use:        "list",
		Aliases:    []string{"ls"},
		SuggestFor: []string{"get"},
		Short:      "List the logins",
		Long: `list prints the logins that 'doks-auth auth login' created, and marks the current one. It makes no
network calls, and doesn't ask the keyring: 'doks-auth auth status' shows whether a login works.`,
		Example: `  doks-auth auth list
  doks-auth auth list -o json | jq -r '.[] | select(.current) | .name'`,
		Args:              usageArgs(noArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	list := opts.prints(func(context.Context, []string) ([]byte, error) {
		logins := l.list()
		if len(logins) == 0 && l.output.isTable() {
			_, err := io.WriteString(l.Stderr, "No logins. 'doks-auth auth login' creates one.\n")
			return nil, err
		}
		return l.output.render(logins, func(w io.Writer) { l.write(w, logins) })
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := l.refuse(cmd, "account", "context", "token-file"); err != nil {
			return err
		}
		return list(cmd, args)
	}
	l.output = opts.addListFlags(cmd, formatTable, formatName, formatJSON, formatYAML, formatJSONPath)
	return cmd
}

// list returns all logins, ordered by name. The result isn't nil.
func (l *authList) list() []listedLogin {
	sources := l.sources()
	current := sources.CurrentLogin()
	listed := []listedLogin{}
	for _, name := range sources.Logins() {
		one := listedLogin{Name: name, Current: name == current, Scopes: []string{}}
		login, err := sources.ReadLogin(name)
		if e, ok := errors.AsType[*accounts.LoginError](err); ok {
			err = e.Err // the rest is the name once more
		}
		if err != nil {
			one.Problem = oneLine(err.Error())
		} else {
			one.User, one.Team = login.User.Email, login.User.TeamName
			one.Kind, one.Storage, one.API = kindOf(login.IsSession), login.Storage, login.API
			one.Scopes, one.SignedIn = append(one.Scopes, login.Scopes...), login.Since
		}
		listed = append(listed, one)
	}
	return listed
}

// write writes the logins for people, or their names.
func (l *authList) write(w io.Writer, logins []listedLogin) {
	t := table{header: []string{"CURRENT", "NAME", "USER", "TEAM", "KIND", "STORAGE", "API"}}
	for _, one := range logins {
		if l.output.format == formatName {
			row(w, one.Name)
			continue
		}
		current, api := "", one.API
		if one.Current {
			current = "*"
		}
		if api == digitalocean.DefaultAPIURL {
			api = ""
		}
		if one.Problem != "" {
			one.Kind = "unusable: " + one.Problem
		}
		t.rows = append(t.rows, []string{current, one.Name, one.User, one.Team, one.Kind, one.Storage, api})
	}
	if l.output.format != formatName {
		l.output.write(w, t)
	}
}
