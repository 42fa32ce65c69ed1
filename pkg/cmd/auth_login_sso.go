package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// ssoLogin signs in at an OpenID provider.
type ssoLogin struct {
	*options

	isSet     bool // --sso
	flags     ssoFlags
	files     kubeconfigFiles
	noBrowser bool
}

// isCalled reports whether the command is to sign in at an OpenID provider, and not to DigitalOcean.
func (l *ssoLogin) isCalled() bool { return l.isSet || l.flags.isSet() }

// checkArgs allows the name of a context with --sso.
func (l *ssoLogin) checkArgs(cmd *cobra.Command, args []string) error {
	switch {
	case l.isSet && l.flags.isSet() && len(args) > 0:
		return errors.New("a context can't be combined with --sso-issuer-url and --sso-client-id")
	case !l.isSet && len(args) > 0:
		return fmt.Errorf("'%s' takes a context only with --sso", cmd.CommandPath())
	}
	return cobra.MaximumNArgs(1)(cmd, args)
}

// run signs in, and records the provider. From a context of the kubeconfig it also records the cluster: a person who
// types this command trusts the kubeconfig. But one who doesn't sign in may have seen on the provider's page why not
// to.
func (l *ssoLogin) run(ctx context.Context, args []string) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	var cluster oidc.Cluster
	if l.flags.isSet() {
		if err := l.flags.check(); err != nil {
			return err
		}
	} else {
		entry, err := bounded(ctx, l.options, func(ctx context.Context) (ssoEntry, error) { return l.entry(ctx, args) })
		if err != nil {
			return err
		}
		entry.flags.port = cmp.Or(l.flags.port, entry.flags.port)
		l.flags, cluster = entry.flags, entry.cluster
	}
	_, err := l.sessions().Find(l.flags.client())
	isNew := errors.Is(err, oidc.ErrNotRecorded)
	session, err := l.sessions().Record(ctx, l.flags.client())
	if err != nil {
		return adviseOnState(err)
	}
	way := oidc.Way{Open: l.openBrowser, Out: l.Stderr, Port: l.flags.port, Time: signInTime, Timeout: l.timeout}
	if l.noBrowser {
		way.Open, way.Paste = nil, l.Stdin
	}
	if err := session.SignIn(ctx, way); err != nil {
		if isNew {
			l.forget(session)
		}
		if hint := adviceOnSSO(err, l.flags); hint != "" {
			err = &advised{err, hint}
		}
		return err
	}
	if cluster.ID != "" {
		if err := l.record(ctx, cluster); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(l.Stdout, "signed in as %s at %s\n", ssoUserText(session.User), shownURL(session.Issuer))
	return err
}

// forget removes the record of a provider at which nobody has signed in. ctx of run may have ended.
func (l *ssoLogin) forget(session *oidc.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := session.Forget(ctx); err != nil {
		l.log().Warn("the issuer stays recorded", "reason", err)
	}
}

func (l *ssoLogin) entry(ctx context.Context, args []string) (ssoEntry, error) {
	config, err := l.files.read(ctx, l.options)
	if err != nil {
		return ssoEntry{}, err
	}
	return l.ssoEntry(config, strings.Join(args, ""))
}

// ssoUserText returns who a user is, for people: "sam@example.com" (roles owner, member).
func ssoUserText(user oidc.User) string {
	name := user.Email
	if name == "" {
		name = user.Subject
	}
	text := fmt.Sprintf("%q", name)
	if len(user.Roles) > 0 {
		text += fmt.Sprintf(" (%s)", strings.Join(user.Roles, ", "))
	}
	return text
}

// until returns when an ID token expires, for people.
func until(s *oidc.Session) string { return untilText(s.ExpiresAt, s.Refreshes) }

func untilText(expiresAt time.Time, refreshes bool) string {
	text := expiresAt.UTC().Format(time.RFC3339)
	if refreshes {
		return text + ", then it is refreshed"
	}
	return text + ", then you must sign in again"
}

// completeContext completes the name of a context with single sign-on.
func (l *ssoLogin) completeContext(
	_ *cobra.Command, args []string, _ string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, name := range l.ssoContexts(l.knownConfig()) {
		if shellword.IsPlain(name) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
