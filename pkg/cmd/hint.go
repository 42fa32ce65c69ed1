package cmd

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
)

// advised is an error of this package's with its hint. What other packages return has none: they know no
// flags and no commands.
type advised struct {
	error
	hint string
}

// Unwrap returns the error.
func (e *advised) Unwrap() error { return e.error }

// advise returns an error of a class, with a hint.
func advise(class credential.Class, err error, hint string) error {
	return &advised{&credential.Error{Class: class, Err: err}, hint}
}

// hintOf returns what to do about an error, in one line; "" when there is nothing to say.
func hintOf(err error) string {
	hint := adviceOn(err)
	account, ok := errors.AsType[*accountError](err)
	if !ok || hint == "" {
		return hint
	}
	switch credential.ClassOf(err) {
	case credential.Refused, credential.NotFound:
		hint += " (it is from " + account.source + ")"
	case credential.Unreachable:
		if len(account.roots) > 0 {
			hint += "; " + strings.Join(account.roots, " and ") +
				" counts in a client's run only if root owns what it names, nobody else may write that, and it is nothing but certificates"
		}
	}
	return hint
}

func adviceOn(err error) string {
	if e, ok := errors.AsType[*advised](err); ok {
		return e.hint
	}
	if e, ok := errors.AsType[*credential.TargetError](err); ok {
		return adviceOnTarget(e.Field)
	}
	if e, ok := errors.AsType[*digitalocean.DoctlError](err); ok && !errors.Is(err, digitalocean.ErrNoAccessToken) {
		return adviceOnDoctl(e)
	}
	if e, ok := errors.AsType[*digitalocean.NameError](err); ok {
		if len(e.IDs) > 0 {
			return "name the one that is meant by its id"
		}
		return "'doks-auth cluster list' shows the clusters that the access token can see"
	}
	if _, ok := errors.AsType[*digitalocean.AddressError](err); ok {
		return "--api-url, DIGITALOCEAN_API_URL or doctl's configuration gives it; its form is " + digitalocean.DefaultAPIURL
	}
	if _, ok := errors.AsType[*digitalocean.FileError](err); ok {
		return "--token-file names it: is the path right, and the secret mounted?"
	}
	for _, known := range []struct {
		err  error
		hint string
	}{
		{digitalocean.ErrNoAccessToken, "set DIGITALOCEAN_ACCESS_TOKEN, or give --token-file, or run 'doctl auth init'"},
		{digitalocean.ErrAccessToken, "an access token is one word such as dop_v1_…"},
		{digitalocean.ErrNotOwn, "a kubeconfig can name a regular file of yours or root's alone"},
		{digitalocean.ErrClusterID, "a cluster id is a UUID; 'doks-auth cluster list' shows it"},
		{execcredential.ErrVersion, "use " + string(execcredential.V1) + " or " + string(execcredential.V1Beta1)},
		{execcredential.ErrNotRequest, "the client passes it in " + execcredential.EnvVar + "; with --api-version none is needed"},
	} {
		if errors.Is(err, known.err) {
			return known.hint
		}
	}
	return cmp.Or(adviceOnKubeconfig(err), adviceOnAPI(err))
}

// adviceOnTarget returns what to do about a field of a kubeconfig's cluster.
func adviceOnTarget(field string) string {
	mend := "'doks-auth kubeconfig save' writes the cluster's entry again"
	switch field {
	case "server":
		mend = "fix the cluster's server in the kubeconfig"
	case "insecure-skip-tls-verify":
		mend = "remove insecure-skip-tls-verify from the cluster in the kubeconfig"
	}
	return mend + "; if it is a tunnel of yours, add --skip-server-check to the user's args there"
}

func adviceOnDoctl(e *digitalocean.DoctlError) string {
	switch {
	case e.Broken:
		return "correct the file, or point DIGITALOCEAN_CONFIG elsewhere"
	case len(e.Contexts) > 0:
		return "it has one for: " + strings.Join(e.Contexts, ", ")
	}
	return "'doctl auth init --context NAME' writes doctl's configuration"
}

// adviceOnAPI returns what to do about what the API answered, or didn't. It needs no more than a failure's
// memory keeps.
func adviceOnAPI(err error) string {
	e, ok := errors.AsType[*credential.Error](err)
	if !ok {
		return ""
	}
	answer, _ := errors.AsType[*digitalocean.APIError](err)
	switch status := e.Status; {
	case status == http.StatusUnauthorized:
		return "the access token is wrong, expired or revoked; replace it"
	case status == http.StatusForbidden && answer != nil:
		return "the access token needs the scope " + answer.Scope
	case status == http.StatusForbidden:
		return "the access token needs the scope kubernetes:access_cluster"
	case status == http.StatusNotFound:
		return "check the cluster id, and that the access token is of the cluster's team"
	case status == http.StatusTooManyRequests && answer != nil && !answer.RetryAt.IsZero():
		return "try again after " + answer.RetryAt.UTC().Format(time.RFC3339)
	case status == http.StatusTooManyRequests:
		return "the limit is the account's; try again later"
	case status == http.StatusUnprocessableEntity:
		return "the expiry that is asked for may be out of the API's range"
	case status >= 500:
		return "try again later; https://status.digitalocean.com tells of incidents"
	case status >= 300 && status < 400:
		return "a proxy or a login page may stand in the way; else check the API address"
	case status != 0:
		return ""
	case e.ClockSkew != 0:
		return "set the clock"
	case e.Class == credential.Unusable:
		return "something else than the API may have answered: check the API address and proxies"
	case e.Class == credential.Unreachable:
		return "check the network; behind a proxy set HTTPS_PROXY, and have the system trust its certificate authority"
	}
	return ""
}
