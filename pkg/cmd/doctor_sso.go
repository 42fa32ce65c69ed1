package cmd

import (
	"context"
	"errors"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

const checkSSO = "sign-on"

// checkSessions reports who is signed in at the OpenID providers that are recorded.
func (d *doctor) checkSessions(context.Context) []finding {
	var found []finding
	for _, s := range d.sessions().All() {
		flags, isUsed := d.flagsFor(s.Client)
		login := flags.loginCommand() + " signs in"
		at := shownURL(s.Issuer)
		switch {
		case !s.SignedIn && !isUsed:
		case !s.SignedIn:
			found = append(found, warning(checkSSO, login, "nobody is signed in at %s", at))
		case !s.Refreshes && !d.Now().Before(s.ExpiresAt):
			found = append(found, warning(checkSSO, login, "the session of %s at %s has ended", ssoUserText(s.User), at))
		default:
			found = append(found, ok(checkSSO, "signed in at %s as %s; the ID token expires at %s",
				at, ssoUserText(s.User), until(s)))
		}
	}
	return found
}

// flagsFor returns the flags for a client, as a user of the kubeconfig has them, and whether there is one.
func (d *doctor) flagsFor(client oidc.Client) (flags ssoFlags, isUsed bool) {
	for _, user := range d.config.Users {
		if used := d.ssoOfExec(user.Exec); used.client() == client {
			return used, true
		}
	}
	return ssoFlags{issuer: client.Issuer, clientID: client.ID}, false
}

// usesSSO reports whether the kubeconfig's user that is checked signs in at an OpenID provider.
func (d *doctor) usesSSO() bool {
	if d.entry == nil {
		return false
	}
	by, _, err := d.parseEntry(d.entry)
	return err == nil && by.sso.isSet()
}

// ssoCredential returns the credential that a client gets for a cluster with single sign-on. It has nobody sign in. If
// there is none, it returns a finding.
func (d *doctor) ssoCredential(ctx context.Context, t target, by *execCredential) (credential.Credential, *finding) {
	failed := func(f finding) (credential.Credential, *finding) { return credential.Credential{}, &f }
	var request execcredential.Request
	if t.cluster != nil && d.entry != nil && d.entry.ProvideClusterInfo {
		request.Target.Server = t.cluster.Server
	}
	from, err := by.ssoSource(t.id, request)
	if err != nil {
		return failed(failure("cluster", getting(t.id, err)))
	}
	from.way = func() oidc.Way { return oidc.Way{Timeout: by.timeout} }
	got, err := from.credential(ctx, t.id, by.fetch)
	_, isNeeded := errors.AsType[*oidc.NeededError](err)
	_, wasTried := errors.AsType[*oidc.AttemptError](err)
	switch {
	case isNeeded, wasTried:
		return failed(warning("cluster", by.sso.loginCommand()+" signs in",
			"%s: not checked, because nobody is signed in at %s", t.id, shownURL(by.sso.issuer)))
	case err != nil:
		return failed(failure("cluster", err))
	}
	return got, nil
}
