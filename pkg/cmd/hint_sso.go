package cmd

import (
	"errors"

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
	switch {
	case errors.Is(err, oidc.ErrNotRecorded):
		return "if you trust it: " + flags.loginCommand()
	case errors.Is(err, oidc.ErrNotPinned), errors.Is(err, oidc.ErrOtherClient):
		return "'doks-auth kubeconfig save' asks DigitalOcean for it; " +
			"'doks-auth auth login --sso CONTEXT' takes it from a kubeconfig that you trust"
	}
	return ""
}
