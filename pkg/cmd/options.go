package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
	"github.com/doks-auth/doks-auth/pkg/internal/userdir"
)

// options are the flags that all commands share, and what follows from them.
type options struct {
	Env

	login     string
	context   string
	tokenFile string
	apiURL    string
	cacheDir  string
	shared    sharedFlags
	timeout   time.Duration
	verbose   bool

	signInTime  time.Duration // that somebody may take to sign in, in addition to timeout
	forClient   bool          // the options are those of a kubeconfig entry
	later       *later        // what is left to do after the answer
	waits       *waits        // what the run waits for; nil: it doesn't say
	unattended  bool          // the output goes to a program, which may be a client that passes no request
	helpRefused error         // set if --help was refused; see newRoot
	roots       []string      // variables that name certificate authorities and were ignored; see distrustRoots
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.Var(given{&o.login}, "account", "use the login `name` of 'doks-auth auth login'")
	flags.Var(given{&o.context}, "context", "use doctl's auth context `name`")
	flags.Var(given{&o.tokenFile}, "token-file", "read the access token from this `file`")
	flags.Var(given{&o.apiURL}, "api-url",
		"`address` of the DigitalOcean API (default $DIGITALOCEAN_API_URL, or "+digitalocean.DefaultAPIURL+")")
	flags.Var(directory{given{&o.cacheDir}}, "cache-dir", "cache `directory`, an absolute path "+
		"(default $DOKS_AUTH_CACHE_DIR, $KUBECACHEDIR/doks-auth, or ~/.kube/cache/doks-auth)")
	o.shared.addTo(flags)
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "give up after this `duration`, such as 30s or 1m")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "log to standard error")
}

// sources returns where accounts are looked for.
func (o *options) sources() accounts.Sources {
	return accounts.Sources{
		File:      o.tokenFile,
		Login:     o.login,
		Context:   o.context,
		Getenv:    o.Getenv,
		Home:      o.Home,
		OwnFiles:  o.byClient(),
		StateDir:  sync.OnceValue(o.statePath),
		Hold:      o.later.hold,
		OnWait:    o.waiting,
		UserAgent: userAgent(),
		Keyring:   o.Keyring,
		Now:       o.Now,
		Log:       o.log(),
	}
}

// apiAddress returns the API's address: the user's choice, else that of the account's source, else the default.
func (o *options) apiAddress(of *accounts.Account) string {
	source := ""
	if of != nil {
		source = of.APIURL
	}
	return digitalocean.NormalAPIURL(cmp.Or(o.apiURL, o.Getenv("DIGITALOCEAN_API_URL"), source))
}

// statePath returns the directory for logins and what is known about sessions; "" if there is no place for one.
func (o *options) statePath() string {
	return userdir.Finder(statedir.Find).ForUser(o.Getenv, o.Home, o.userHome)
}

// cachePath returns the cache's directory; "" if there is no place for one.
func (o *options) cachePath() string {
	if o.cacheDir != "" {
		return o.cacheDir
	}
	return cachedir.ForUser(o.Getenv, o.Home, o.userHome)
}

func (o *options) userHome() string {
	if o.UserHome == nil {
		return ""
	}
	return o.UserHome()
}

// log returns the logger for -v. Secrets redact themselves.
func (o *options) log() *slog.Logger {
	if !o.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(o.Stderr, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// prints returns a RunE function that calls do within the time limit and writes its output. The output is
// written even if do fails, as do may have succeeded in part.
func (o *options) prints(do func(context.Context, []string) ([]byte, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		out, err := bounded(cmd.Context(), o, func(ctx context.Context) ([]byte, error) { return do(ctx, args) })
		if len(out) == 0 {
			return err
		}
		_, writeErr := o.Stdout.Write(out)
		return cmp.Or(err, writeErr)
	}
}

// maxGrace is the largest part of --timeout that is reserved for a step to return after its context has
// expired: its error says more than that time is up.
const maxGrace = 500 * time.Millisecond

// bounded runs a step until it returns, its time is up or ctx ends. That time is --timeout, and what somebody may take
// to sign in. It returns in time even if the step is stuck in something that ignores its context, such as a file on a
// dead network disk.
func bounded[T any](ctx context.Context, o *options, step func(context.Context) (T, error)) (T, error) {
	var none T
	if o.timeout <= 0 {
		return none, usageErrorf("--timeout %s: it must be positive", o.timeout)
	}
	limit, grace := o.timeout+o.signInTime, min(o.timeout/10, maxGrace)
	ctx, cancel := context.WithTimeout(ctx, limit-grace)
	defer cancel()

	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := step(ctx)
		done <- result{value, err}
	}()
	timedOut := errors.New("something doesn't answer")
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		if !errors.Is(r.err, context.DeadlineExceeded) || credential.ClassOf(r.err) != credential.Other {
			return r.value, r.err
		}
		timedOut = r.err
	case <-time.After(grace):
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return none, ctx.Err()
	}
	return none, advise(credential.Unreachable, fmt.Errorf("gave up after %s: %w", limit, timedOut),
		"check the network, and the file systems of the token file, doctl's configuration and the cache")
}
