package cmd

import (
	"errors"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// adviceOnSSO returns what to do about an error of single sign-on, or "".
func adviceOnSSO(err error, flags ssoFlags) string {
	if _, ok := errors.AsType[*oidc.NeededError](err); ok {
		return flags.loginCommand() + " signs in; with --no-browser, a browser on another machine will do"
	}
	if _, ok := errors.AsType[*oidc.AttemptError](err); ok {
		return flags.loginCommand() + " tries again"
	}
	if _, ok := errors.AsType[*oidc.KeepError](err); ok {
		return "make it writable: without a place for the session, signing in is of no use"
	}
	if _, ok := errors.AsType[*signin.PortError](err); ok {
		return "end the program that uses the port; --sso-callback-port chooses another one, " +
			"if the provider's client is registered for it"
	}
	if _, ok := errors.AsType[*oauth.Error](err); ok {
		return adviceOnProvider(err, flags)
	}
	switch {
	case errors.Is(err, oidc.ErrNotRecorded):
		return "if you trust it: " + flags.loginCommand()
	case errors.Is(err, oidc.ErrNotPinned), errors.Is(err, oidc.ErrOtherClient):
		return "'doks-auth kubeconfig save' asks DigitalOcean for it; " +
			"'doks-auth auth login --sso CONTEXT' takes it from a kubeconfig that you trust"
	}
	if credential.ClassOf(err) == credential.Refused {
		return flags.loginCommand() + " tries again"
	}
	return ""
}

// adviceOnProvider returns what to do about a call to an OpenID provider that failed.
func adviceOnProvider(err error, flags ssoFlags) string {
	switch credential.ClassOf(err) {
	case credential.Refused:
		return flags.loginCommand() + " tries again; the provider may have to allow the client " +
			shellword.Quote(flags.clientID, "…")
	case credential.Unreachable:
		return "check the network, and whether the provider is up; behind a proxy, set HTTPS_PROXY, " +
			"and make the system trust its certificate authority"
	}
	return "check the issuer's address; a proxy or a login page may be in the way"
}
