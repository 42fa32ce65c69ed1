package cmd

import (
	"cmp"
	"errors"
	"io/fs"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// advised is an error of this package with its hint. Errors of other packages have none, because those
// packages know no flags and no commands.
type advised struct {
	error
	hint string
}

// Unwrap returns the error.
func (e *advised) Unwrap() error { return e.error }

// advise adds a class and a hint to an error.
func advise(class credential.Class, err error, hint string) error {
	return &advised{&credential.Error{Class: class, Err: err}, hint}
}

// hintOf returns what to do about an error, in one line, or "".
func hintOf(err error) string {
	hint := adviceOn(err)
	account, ok := errors.AsType[*accountError](err)
	if !ok || hint == "" {
		return hint
	}
	switch credential.ClassOf(err) {
	case credential.Refused, credential.NotFound:
		if strings.Contains(hint, "access token") && !strings.Contains(err.Error(), account.source) {
			hint += " (it is from " + account.source + ")"
		}
	case credential.Unreachable:
		if len(account.roots) > 0 {
			hint += "; ignored " + strings.Join(account.roots, " and ") + ": when a client runs doks-auth, " +
				"the files must belong to root, be writable by root only, and contain only certificates"
		}
	}
	return hint
}

func adviceOn(err error) string {
	if e, ok := errors.AsType[*advised](err); ok {
		return e.hint
	}
	if e, ok := errors.AsType[*digitalocean.StateError](err); ok {
		return adviceOnState(e)
	}
	if e, ok := errors.AsType[*credential.TargetError](err); ok {
		return adviceOnTarget(e.Field)
	}
	if e, ok := errors.AsType[*accounts.DoctlError](err); ok && !errors.Is(err, accounts.ErrNoAccessToken) {
		return adviceOnDoctl(e)
	}
	if e, ok := errors.AsType[*accounts.EndedError](err); ok {
		return adviceOnEnd(e)
	}
	if errors.Is(err, accounts.ErrChanged) {
		return "it keeps changing: wait until the other program has finished, and try again"
	}
	if _, ok := errors.AsType[*accounts.BusyError](err); ok {
		return "if it hangs or was stopped, end it; its lock goes with it"
	}
	if _, ok := errors.AsType[*accounts.KeepError](err); ok {
		return "make it writable: without a place for the result, refreshing would end the session"
	}
	if e, ok := errors.AsType[*accounts.LoginError](err); ok {
		return adviceOnLogin(e)
	}
	if e, ok := errors.AsType[*digitalocean.NameError](err); ok {
		if len(e.IDs) > 0 {
			return "use the cluster's id instead"
		}
		return "'doks-auth cluster list' shows the clusters that the access token can see"
	}
	if _, ok := errors.AsType[*digitalocean.AddressError](err); ok {
		return "it comes from --api-url, DIGITALOCEAN_API_URL or doctl's configuration, and must look like " +
			digitalocean.DefaultAPIURL
	}
	if _, ok := errors.AsType[*accounts.FileError](err); ok {
		return adviceOnFile("--token-file")
	}
	if hint := adviceOnSignIn(err); hint != "" {
		return hint
	}
	for _, known := range []struct {
		err  error
		hint string
	}{
		{credential.ErrRefusesAll, "the account may have lost its access to the cluster, or a clock may be wrong: " +
			"'doks-auth doctor' checks that"},
		{accounts.ErrNoAccessToken, "set DIGITALOCEAN_ACCESS_TOKEN, or give --token-file, or run 'doks-auth auth login'"},
		{digitalocean.ErrAccessToken, "an access token is one word such as dop_v1_…"},
		{accounts.ErrNotOwn, adviceOnForeignFile("--token-file")},
		{accounts.ErrLoginName, "a name such as default or work"},
		{digitalocean.ErrClusterID, "a cluster id is a UUID; 'doks-auth cluster list' shows it"},
		{execcredential.ErrVersion, "use " + string(execcredential.V1) + " or " + string(execcredential.V1Beta1)},
		{execcredential.ErrNotRequest,
			"the client passes the request in " + execcredential.EnvVar + "; with --api-version, none is needed"},
	} {
		if errors.Is(err, known.err) {
			return known.hint
		}
	}
	return cmp.Or(adviceOnKubeconfig(err), adviceOnAPI(err))
}

// adviceOnTarget returns what to do about a field of a cluster in the kubeconfig.
func adviceOnTarget(field string) string {
	fix := "'doks-auth kubeconfig save' rewrites the cluster's entry in the kubeconfig"
	switch field {
	case "server":
		fix = "fix the cluster's server in the kubeconfig"
	case "insecure-skip-tls-verify":
		fix = "remove insecure-skip-tls-verify from the cluster in the kubeconfig"
	}
	return fix + "; if it is your own tunnel, add --skip-server-check to the user's args there"
}

func adviceOnDoctl(e *accounts.DoctlError) string {
	switch {
	case e.Broken:
		return "fix the file, or set DIGITALOCEAN_CONFIG to another one"
	case errors.Is(e, fs.ErrPermission):
		return "let this user read the file, or set DIGITALOCEAN_CONFIG to another one"
	case errors.Is(e, boundedfile.ErrNotRegular):
		return "DIGITALOCEAN_CONFIG must name doctl's config.yaml"
	case len(e.Contexts) > 0:
		return cmp.Or(didYouMean(meant(e.Context, e.Contexts)), "it has one for: "+someOf(e.Contexts))
	}
	return "'doks-auth auth login' signs in without doctl; 'doctl auth login' creates doctl's configuration"
}
