package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
)

// authLogin is the command that signs in.
type authLogin struct {
	*options

	name      string
	scopes    []string
	noBrowser bool
	withToken bool
	storage   string // "": the keyring, or a file if that can't be used
	issuer    string
	sso       ssoLogin
}

// defaultLogin is the name of a login that was given no other.
const defaultLogin = "default"

// signInTime is how long people may take to sign in.
const signInTime = 5 * time.Minute

func newAuthLogin(opts *options) *cobra.Command {
	l := &authLogin{options: opts, name: defaultLogin, scopes: accounts.DefaultScopes(), sso: ssoLogin{options: opts}}
	cmd := &cobra.Command{
		Use:   "login [--sso [CONTEXT]]",
		Short: "Sign in to DigitalOcean, or to single sign-on",
		Long: `login signs in to DigitalOcean in a browser, keeps the session as a login, and makes that the current
one. doks-auth refreshes the session when it has to. With --with-token, login keeps an access token
instead. It reads the token from standard input; on a terminal it asks for it without showing it.

The login is kept in the system's keyring. If there is none, or it is locked, the login is kept in a
file that only this user can read, and a line on standard error says so.

With --no-browser, open the address that is printed in a browser, on this or another machine, and sign
in. On another machine, the browser ends at an address that can't be loaded: paste that address.

A login that already has the name is replaced. Signing in may take 5 minutes; --timeout applies to
everything else.

With --sso, login signs in at the OpenID provider of a context's user, by default of the current context, or
at the one that --sso-issuer-url and --sso-client-id name. It then records the provider and, for a context,
the cluster's server and certificate authority. When a client runs doks-auth, only what is recorded counts,
so use a kubeconfig that you trust. With --no-browser, login prints a code to enter in any browser, if the
provider supports that.`,
		Example: `  doks-auth auth login
  doks-auth auth login --name work
  doks-auth auth login --no-browser
  doks-auth auth login --with-token <token.txt
  doks-auth auth login --sso do-fra1-production`,
		Args:              usageArgs(l.sso.checkArgs),
		ValidArgsFunction: l.sso.completeContext,
		RunE: func(cmd *cobra.Command, args []string) error {
			if l.sso.isCalled() {
				if err := l.checkSSOFlags(cmd); err != nil {
					return err
				}
				l.sso.noBrowser = l.noBrowser
				return l.sso.run(cmd.Context(), args)
			}
			if err := l.checkFlags(cmd); err != nil {
				return err
			}
			return l.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.Var(given{&l.name}, "name", "`name` of the login")
	flags.Var(scopeList{&l.scopes}, "scopes", "`scopes` to ask for, separated by commas")
	flags.Lookup("scopes").DefValue = "those that doks-auth needs"
	flags.BoolVar(&l.noBrowser, "no-browser", false,
		"print the address to open, and accept the one that the browser ends at")
	flags.BoolVar(&l.withToken, "with-token", false, "keep an access token from standard input instead of signing in")
	flags.Var(storage{given{&l.storage}}, "storage",
		"`place` for the login: keyring or file (default keyring, or file if there is no keyring)")
	flags.Var(given{&l.issuer}, "issuer", "`address` of the authorization server (default "+accounts.DefaultIssuer+")")
	flags.BoolVar(&l.sso.isSet, "sso", false, "sign in at the OpenID provider of a context's user")
	l.sso.flags.addTo(flags)
	l.sso.files.addFlag(flags)
	cmd.RegisterFlagCompletionFunc("name", opts.completeLogins)
	cmd.RegisterFlagCompletionFunc("storage", cobra.FixedCompletions(
		[]cobra.Completion{accounts.StorageKeyring, accounts.StorageFile}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// checkSSOFlags returns an error if a flag is given that means nothing for single sign-on.
func (l *authLogin) checkSSOFlags(cmd *cobra.Command) error {
	for _, name := range []string{"name", "scopes", "with-token", "storage", "issuer", "account", "context", "token-file"} {
		if cmd.Flags().Changed(name) {
			return usageErrorf("--%s can't be combined with single sign-on", name)
		}
	}
	return nil
}

// checkFlags returns an error if the flags contradict each other, or can't be used.
func (l *authLogin) checkFlags(cmd *cobra.Command) error {
	if cmd.Flags().Changed("token-file") && l.withToken {
		return advise(credential.Usage, errors.New("--token-file can't be combined with --with-token"),
			"'doks-auth auth login --with-token <FILE' reads the access token from a file")
	}
	if err := l.refuse(cmd, "account", "context", "token-file"); err != nil {
		return err
	}
	for _, name := range []string{"scopes", "no-browser", "issuer"} {
		if l.withToken && cmd.Flags().Changed(name) {
			return usageErrorf("--%s can't be combined with --with-token", name)
		}
	}
	for _, name := range []string{"sso-callback-port", "kubeconfig"} {
		if cmd.Flags().Changed(name) {
			return usageErrorf("--%s is for single sign-on: use it with --sso", name)
		}
	}
	if err := accounts.CheckLoginName(l.name); err != nil {
		return err
	}
	return digitalocean.CheckAPIURL(l.apiAddress(nil))
}

// run signs in, and keeps the result.
func (l *authLogin) run(ctx context.Context) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	_, err := bounded(ctx, l.options, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, adviseOnState(l.sources().CheckLogin(ctx, l.name, l.storage))
	})
	if err != nil {
		return err
	}
	in, err := l.signIn(ctx)
	if err != nil {
		return err
	}
	in.API = l.apiAddress(nil)
	who, err := bounded(ctx, l.options, func(ctx context.Context) (identified, error) { return l.identify(ctx, in) })
	var note string
	if err == nil {
		note, err = bounded(ctx, l.options, func(ctx context.Context) (string, error) { return l.save(ctx, who.SignedIn) })
	}
	if err != nil {
		l.discard(ctx, in)
		return err
	}
	return l.report(who, note)
}

// report prints who signed in. note is about where the login is kept.
func (l *authLogin) report(who identified, note string) error {
	io.WriteString(l.Stderr, note+missingNote(who.missing)+l.outrankedNote(l.name))
	line := "signed in as " + userText(who.User)
	if who.User == (digitalocean.User{}) {
		line = "signed in; the access token may not say as whom"
	}
	_, err := fmt.Fprintf(l.Stdout, "%s\nthe current login is %q\n", line, l.sources().CurrentLogin())
	return err
}

// signIn has the user sign in, or bring an access token.
func (l *authLogin) signIn(ctx context.Context) (accounts.SignedIn, error) {
	if l.withToken {
		token, err := l.readToken(ctx)
		return accounts.WithToken(token), err
	}
	request := accounts.SignInRequest{
		Issuer: l.issuer, Scopes: l.scopes, Timeout: l.timeout, Open: l.openBrowser, Out: l.Stderr,
	}
	if l.noBrowser {
		request.Open, request.Paste = nil, l.Stdin
	}
	timely, cancel := context.WithTimeout(ctx, signInTime)
	defer cancel()
	in, err := l.sources().SignIn(timely, request)
	if err != nil && ctx.Err() == nil && timely.Err() != nil {
		err = advise(credential.Refused, err, "if your browser is on another machine, use --no-browser")
	}
	return in, err
}

// openBrowser opens the user's browser, or says what to do without one.
func (o *options) openBrowser(ctx context.Context, url string) error {
	err := signin.Browser(o.Getenv)(ctx, url)
	if err != nil && ctx.Err() == nil {
		o.log().Info("no browser was opened", "reason", err)
		fmt.Fprintln(o.Stderr, "If your browser is on another machine, press Ctrl-C and use --no-browser.")
	}
	return err
}

// identified is a sign-in with its user, if that is known, and the scopes that are missing.
type identified struct {
	accounts.SignedIn
	missing []string
}

// identify finds out who signed in, and which scopes are missing.
func (l *authLogin) identify(ctx context.Context, in accounts.SignedIn) (identified, error) {
	client, err := digitalocean.NewClient(digitalocean.Options{
		AccessToken: in.Bearer(), APIURL: in.API, UserAgent: userAgent(), Now: l.Now, Log: l.log(),
	})
	if err != nil {
		return identified{}, err
	}
	defer l.waiting(theAPI)()
	if in.IsSession() {
		err := in.Identify(ctx, client)
		return identified{in, accounts.MissingScopes(in.Scopes)}, err
	}
	found, err := try(ctx, client)
	in.User = found.user
	return identified{in, found.missing}, err
}

// save keeps the login. It returns a line if that isn't in the keyring.
func (l *authLogin) save(ctx context.Context, in accounts.SignedIn) (note string, err error) {
	reason := "--storage=file was given"
	if l.storage != accounts.StorageFile {
		err := l.sources().SaveLogin(ctx, l.name, in, accounts.StorageKeyring)
		if l.storage != "" || !errors.Is(err, keyring.ErrUnavailable) {
			return "", adviseOnState(err)
		}
		e, _ := errors.AsType[*keyring.Error](err)
		reason = e.Err.Error()
	}
	if err := l.sources().SaveLogin(ctx, l.name, in, accounts.StorageFile); err != nil {
		return "", adviseOnState(err)
	}
	return fmt.Sprintf("the %s is kept in a file, not in a keyring: %s\n", kindOf(in.IsSession()), oneLine(reason)), nil
}

// discard ends a session that couldn't be kept. It takes little time, above all after an interrupt.
func (l *authLogin) discard(ctx context.Context, in accounts.SignedIn) {
	budget := 5 * time.Second
	if ctx.Err() != nil {
		budget = 500 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(budget, l.timeout))
	defer cancel()
	if err := l.sources().Discard(ctx, in); err != nil {
		l.log().Warn("the session wasn't revoked", "reason", err)
	}
}

// adviseOnState adds a hint to an error about a login that can't be kept.
func adviseOnState(err error) error {
	if err == nil || errors.Is(err, keyring.ErrUnavailable) || errors.Is(err, accounts.ErrLoginName) ||
		errors.Is(err, context.Canceled) {
		return err
	}
	return advise(credential.ClassOf(err), err,
		"make sure that this user can write to the directory for logins; XDG_STATE_HOME chooses another one")
}
