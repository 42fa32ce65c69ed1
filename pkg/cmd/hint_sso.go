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
		return flags.loginCommand() + " signs in; with --no-browser, you can use a browser on another machine"
	}
	if _, ok := errors.AsType[*oidc.AttemptError](err); ok {
		return flags.loginCommand() + " tries again"
	}
	if _, ok := errors.AsType[*oidc.KeepError](err); ok {
		return "make it writable: otherwise the session couldn't be kept"
	}
	if _, ok := errors.AsType[*signin.PortError](err); ok {
		return "end the program that uses the port; --sso-callback-port chooses another one, " +
			"if the provider's client is registered for it"
	}
	if _, ok := errors.AsType[*oauth.Error](err); ok {
		return adviceOnProvider(err, flags)
	}
	switch {
	case errors.Is(err, credential.ErrRefusesAll): // another ID token of the provider would be refused, too
		return "the cluster may accept another provider's ID tokens by now: 'doks-auth kubeconfig save' asks DigitalOcean; " +
			"or a clock may be wrong"
	case errors.Is(err, oidc.ErrNotRecorded):
		return "if you trust it, sign in: " + flags.loginCommand()
	case errors.Is(err, oidc.ErrNotPinned), errors.Is(err, oidc.ErrOtherClient):
		return "'doks-auth kubeconfig save' records what DigitalOcean says; " +
			"'doks-auth auth login --sso CONTEXT' records what the kubeconfig says, if you trust it"
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
