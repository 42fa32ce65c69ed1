package cmd

import (
	"cmp"
	"errors"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
)

// adviceOnFile returns what to do about a file that can't be read. named is the flag or the variable that names it.
func adviceOnFile(named string) string {
	return "check that the path in " + named + " is right, and that the secret is mounted"
}

// adviceOnForeignFile returns what to do about a file that a client's run doesn't read.
func adviceOnForeignFile(named string) string {
	return "in a kubeconfig, " + named + " must name a regular file that belongs to you or root"
}

// notFound adds to an error about a missing account what may be the reason: sudo, or the variable that names a file.
func (o *options) notFound(err error) error {
	_, isFile := errors.AsType[*accounts.FileError](err)
	switch {
	case errors.Is(err, accounts.ErrNoAccessToken) && o.Getenv("SUDO_USER") != "":
		return advise(credential.Usage, err, "sudo changed HOME, so your logins and doctl's configuration aren't found: "+
			"run it without sudo, or with sudo --preserve-env=HOME")
	case o.tokenFile != "":
		return err
	case isFile:
		return advise(credential.Usage, err, adviceOnFile(accounts.FileEnvVar))
	case errors.Is(err, accounts.ErrNotOwn):
		return advise(credential.Unsafe, err, adviceOnForeignFile(accounts.FileEnvVar))
	}
	return err
}

// adviceOnSignIn returns what to do about a failed sign-in or refresh, or about a keyring, or "".
func adviceOnSignIn(err error) string {
	if _, ok := errors.AsType[*signin.PortError](err); ok {
		return "another program uses the port: end it, and try again"
	}
	if errors.Is(err, keyring.ErrLocked) {
		return "unlock the keyring, or use --storage=file"
	}
	if errors.Is(err, keyring.ErrUnavailable) {
		return "use --storage=file"
	}
	if _, ok := errors.AsType[*oauth.Error](err); !ok {
		return ""
	}
	switch credential.ClassOf(err) {
	case credential.Refused:
		return "sign in again"
	case credential.Unusable:
		return "something other than the authorization server may have answered: check its address and your proxies"
	case credential.Unsafe:
		return "a proxy or a login page may be in the way; otherwise check the authorization server's address"
	case credential.Unreachable:
		e, _ := errors.AsType[*credential.Error](err)
		if e.Status != 0 {
			return "try again later; https://status.digitalocean.com reports incidents"
		}
		return "check the network; behind a proxy, set HTTPS_PROXY, and make the system trust its certificate authority"
	case credential.Usage:
		return "the authorization server's address must look like " + accounts.DefaultIssuer
	}
	return ""
}

// loginCommand returns the command that signs in to a login.
func loginCommand(name, flags string) string {
	if name != "" && name != defaultLogin {
		flags += " --name " + shellword.Quote(name, "NAME")
	}
	return shellword.Command("doks-auth auth login" + flags)
}

// adviceOnEnd returns what to do about a session that has ended.
func adviceOnEnd(e *accounts.EndedError) string {
	switch {
	case e.Login != "":
		return loginCommand(e.Login, "") + " starts a new one"
	case e.Context == "" || e.Context == "default":
		return "'doctl auth login' starts a new one"
	}
	return shellword.Command("doctl auth login --context "+shellword.Quote(e.Context, "NAME")) + " starts a new one"
}

// adviceOnLogin returns what to do about a login that can't be used.
func adviceOnLogin(e *accounts.LoginError) string {
	switch {
	case errors.Is(e, keyring.ErrUnavailable):
		return "unlock the keyring, or sign in without one: " + loginCommand(e.Name, " --storage=file")
	case errors.Is(e, accounts.ErrNoLogin) && len(e.Logins) > 0:
		return cmp.Or(didYouMean(meant(e.Name, e.Logins)), "there are: "+someOf(e.Logins))
	case errors.Is(e, accounts.ErrNoLogin):
		return loginCommand(e.Name, "") + " creates it"
	}
	return loginCommand(e.Name, "") + " replaces it"
}
