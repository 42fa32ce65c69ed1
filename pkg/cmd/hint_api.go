package cmd

import (
	"errors"
	"net/http"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// adviceOnAPI returns what to do about an error of the API, or about no answer. It works with a remembered
// failure, too, which keeps only class and status.
func adviceOnAPI(err error) string {
	e, ok := errors.AsType[*credential.Error](err)
	if !ok {
		return ""
	}
	answer, _ := errors.AsType[*digitalocean.APIError](err)
	by, isAccount := errors.AsType[*accountError](err)
	if !isAccount {
		by = new(accountError)
	}
	switch status := e.Status; {
	case status == http.StatusUnauthorized:
		return "the access token is wrong, expired or revoked; replace it"
	case status == http.StatusForbidden && answer != nil:
		return "the access token needs the scope " + answer.Scope
	case status == http.StatusForbidden:
		return "the access token needs the scope kubernetes:access_cluster"
	case by.state != "" && (status == http.StatusNotFound || status == http.StatusPreconditionFailed):
		return "the API lists the cluster as " + show.Word(by.state) + ", perhaps only since a moment ago; " +
			"try again in a minute"
	case status == http.StatusNotFound:
		return "check the cluster id, and that the access token belongs to the cluster's team"
	case status == http.StatusTooManyRequests && answer != nil && !answer.RetryAt.IsZero():
		return "try again after " + answer.RetryAt.UTC().Format(time.RFC3339)
	case status == http.StatusTooManyRequests:
		return "the access token's rate limit is used up; try again later"
	case status == http.StatusConflict:
		return "something else is changing the cluster, such as an upgrade; try again in a few minutes"
	case status == http.StatusPreconditionFailed:
		return "'doks-auth cluster list' shows the cluster's state; try again when it is running"
	case status == http.StatusUnprocessableEntity && by.expirySeconds > 0:
		return "the requested lifetime may be out of the API's range; give another --expiry-seconds, or none"
	case status == http.StatusUnprocessableEntity && by.state != "":
		return "the API lists the cluster as " + show.Word(by.state) + "; it may want a newer doks-auth"
	case status == http.StatusUnprocessableEntity:
		return "'doks-auth cluster list' shows the cluster's state; if it is running, the API may want a newer doks-auth"
	case status >= 500:
		return "try again later; https://status.digitalocean.com reports incidents"
	case status >= 300 && status < 400:
		return "a proxy or a login page may be in the way; otherwise check the API's address"
	case status != 0:
		return ""
	case e.ClockSkew != 0:
		return "set the clock"
	case e.Class == credential.Unusable:
		return "something other than the API may have answered: check the API's address and your proxies"
	case e.Class == credential.Unreachable:
		return "check the network; behind a proxy, set HTTPS_PROXY, and make the system trust its certificate authority"
	}
	return ""
}

// adviceOnState returns what to do about a cluster without credentials.
func adviceOnState(e *digitalocean.StateError) string {
	switch e.State {
	case digitalocean.StateDeleting, digitalocean.StateDeleted:
		return "'doks-auth kubeconfig prune' removes what the kubeconfig has of clusters that are gone"
	case digitalocean.StateErrored:
		return "its creation or an upgrade failed: see the control panel, or ask DigitalOcean's support"
	}
	return "'doks-auth cluster list' shows the state; try again when it is running"
}
