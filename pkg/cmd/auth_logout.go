package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// authLogout is the command that removes logins.
type authLogout struct {
	*options

	all bool
	sso ssoLogout
}

func newAuthLogout(opts *options) *cobra.Command {
	l := &authLogout{options: opts, sso: ssoLogout{options: opts}}
	cmd := &cobra.Command{
		Use:        "logout [NAME | --sso [CONTEXT]] [--all]",
		SuggestFor: []string{"rm", "remove", "delete"},
		Short:      "Sign out, and remove what is kept and cached of a login",
		Long: `logout revokes the session of a login, by default of the current one, and removes the login and the
credentials that are cached for it. It doesn't revoke an access token that was given to 'doks-auth auth
login --with-token', nor the credentials that clusters accept until they expire.

If the session can't be revoked, for example without a network, everything is removed all the same. A
line on standard error says so, and the exit code is 0.

With --sso, logout ends the session of a context's user, by default of the current context, or with --all
every session for single sign-on. It revokes the session and signs out at the OpenID provider, as far as the
provider supports that.`,
		Example: `  doks-auth auth logout
  doks-auth auth logout work
  doks-auth auth logout --all
  doks-auth auth logout --sso do-fra1-production`,
		Args:              usageArgs(l.checkArgs),
		ValidArgsFunction: opts.completeLogin,
	}
	remove := opts.prints(func(ctx context.Context, args []string) ([]byte, error) {
		names, err := l.names(args)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			_, err = io.WriteString(l.Stderr, "No logins.\n")
			return nil, err
		}
		var out strings.Builder
		var failures []error
		for _, name := range names {
			if err := l.logout(ctx, &out, name); err != nil {
				failures = append(failures, err)
			}
		}
		if sources := l.sources(); len(failures) == 0 && sources.CurrentLogin() == "" && len(sources.Logins()) > 0 {
			out.WriteString("there is no current login: 'doks-auth auth switch NAME' chooses one\n")
		}
		return []byte(out.String()), firstOf(failures)
	})
	endSession := opts.prints(l.sso.run)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if l.sso.isSet {
			l.sso.all = l.all
			if err := l.refuse(cmd, "account", "context", "token-file"); err != nil {
				return err
			}
			return endSession(cmd, args)
		}
		if err := l.refuse(cmd, "context", "token-file"); err != nil {
			return err
		}
		return remove(cmd, args)
	}
	cmd.Flags().BoolVar(&l.all, "all", false, "sign out of all logins, or with --sso of all its sessions")
	cmd.Flags().BoolVar(&l.sso.isSet, "sso", false, "sign out of single sign-on")
	l.sso.files.addFlag(cmd.Flags())
	return cmd
}

// checkArgs allows the name of a login or, with --sso, of a context.
func (l *authLogout) checkArgs(cmd *cobra.Command, args []string) error {
	if l.sso.isSet {
		return cobra.MaximumNArgs(1)(cmd, args)
	}
	if len(args) == 0 {
		return nil
	}
	return oneLogin(cmd, args)
}

// names returns the logins to sign out of.
func (l *authLogout) names(args []string) ([]string, error) {
	named := l.login
	if len(args) > 0 {
		if named != "" {
			return nil, usageErrorf("--account can't be combined with the name of a login")
		}
		named = args[0]
	}
	sources := l.sources()
	switch {
	case l.all && named != "":
		return nil, usageErrorf("--all can't be combined with the name of a login")
	case l.all:
		return sources.Logins(), nil
	}
	if named = cmp.Or(named, sources.CurrentLogin()); named != "" {
		return []string{named}, nil
	}
	hint := "'doks-auth auth login' creates one"
	if logins := sources.Logins(); len(logins) > 0 {
		hint = "name one of: " + strings.Join(logins, ", ")
	}
	return nil, advise(credential.Usage, errors.New("there is no current login"), hint)
}

// logout signs out of a login. It writes a line for what it removed.
func (l *authLogout) logout(ctx context.Context, out *strings.Builder, name string) error {
	inventory := l.cachedBy(name) // while the login is there to tell
	revokeErr, err := l.sources().Logout(ctx, name)
	if revokeErr != nil {
		fmt.Fprintf(l.Stderr, "the session of the login %q wasn't revoked: %s; "+
			"revoke it among the authorized applications in DigitalOcean's control panel\n",
			name, oneLine(revokeErr.Error()))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "signed out of the login %q\n", name)
	return inventory.removeOwned(ctx, out)
}

// cachedBy returns an inventory that knows the login only. There may be entries of the cache for the API's address that
// the login has and for another one that the options choose.
func (l *authLogout) cachedBy(name string) *inventory {
	inventory := &inventory{options: l.options}
	sources := l.sources()
	sources.File, sources.Login = "", name
	add := func(a *account) { inventory.owners = append(inventory.owners, owner{a.Source, a, a.entryOf}) }
	if found, err := sources.Find(); err == nil {
		add(l.accountOf(found))
	}
	if found, err := sources.Find(); err == nil && found.APIURL != l.apiAddress(found) {
		own := l.accountOf(found)
		own.API = found.APIURL
		add(own)
	}
	return inventory
}
