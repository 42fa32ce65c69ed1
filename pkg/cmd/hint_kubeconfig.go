package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// adviceOnKubeconfig returns what to do about an error of package kubeconfig, or "".
func adviceOnKubeconfig(err error) string {
	if errors.Is(err, kubeconfig.ErrNoFiles) {
		return "set KUBECONFIG, or give --kubeconfig"
	}
	if _, ok := errors.AsType[*kubeconfig.ReadError](err); ok {
		return "fix the file; it was left as it is"
	}
	if e, ok := errors.AsType[*kubeconfig.LockedError](err); ok {
		return "if no program is using it, one that crashed left the lock behind: remove " +
			shellword.Quote(e.LockFile, "the lock file")
	}
	if e, ok := errors.AsType[*kubeconfig.NotFoundError](err); ok && len(e.Contexts) > 0 {
		return "it has contexts: " + strings.Join(e.Contexts, ", ")
	}
	if _, ok := errors.AsType[*kubeconfig.AmbiguousError](err); ok {
		return "use the name of the cluster's entry, or its id, instead"
	}
	if e, ok := errors.AsType[*kubeconfig.ConflictError](err); ok {
		return fmt.Sprintf("'doks-auth kubeconfig save %s --alias NAME' gives the new one another name; "+
			"--force overwrites the old one", e.ClusterID)
	}
	if _, ok := errors.AsType[*kubeconfig.NameError](err); ok {
		return "choose another name"
	}
	if _, ok := errors.AsType[*kubeconfig.ExecError](err); ok {
		return "it would be written to the kubeconfig"
	}
	return ""
}

// conversionNote returns what the user should know about an entry that was converted or left, or "".
func conversionNote(c kubeconfig.Conversion) string {
	switch {
	case c.Reason == nil:
		return c.Note
	case errors.Is(c.Reason, kubeconfig.ErrAccessTokenInArgs):
		return c.Reason.Error() + ": put it into a file, and use --token-file"
	case errors.Is(c.Reason, kubeconfig.ErrOwnConfig):
		return c.Reason.Error() + ": set DIGITALOCEAN_CONFIG in the entry's env instead, and convert it again"
	}
	return c.Reason.Error()
}
