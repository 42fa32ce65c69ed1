package cmd

import (
	"cmp"
	"errors"
	"io/fs"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// adviceOnKubeconfig returns what to do about an error of package kubeconfig, or "".
func adviceOnKubeconfig(err error) string {
	if errors.Is(err, kubeconfig.ErrNoFiles) {
		return "set KUBECONFIG, or give --kubeconfig"
	}
	if hint := adviceOnKubeconfigFile(err); hint != "" {
		return hint
	}
	if e, ok := errors.AsType[*kubeconfig.LockedError](err); ok {
		return "if no program is using it, one that crashed left the lock behind: remove " +
			shellword.Quote(e.LockFile, "the lock file")
	}
	if e, ok := errors.AsType[*kubeconfig.NotFoundError](err); ok {
		return adviceOnName(e)
	}
	if _, ok := errors.AsType[*kubeconfig.AmbiguousError](err); ok {
		return "use the name of the cluster's entry, or its id, instead"
	}
	if _, ok := errors.AsType[*kubeconfig.NameError](err); ok {
		return "choose another name"
	}
	if _, ok := errors.AsType[*kubeconfig.ExecError](err); ok {
		return "it would be written to the kubeconfig"
	}
	return ""
}

// adviceOnName returns what to do about a name that the kubeconfig doesn't have.
func adviceOnName(e *kubeconfig.NotFoundError) string {
	switch {
	case len(e.Contexts) > 0:
		return cmp.Or(didYouMean(meant(e.Name, e.Contexts)), "it has contexts: "+someOf(e.Contexts))
	case len(e.Clusters) > 0:
		return cmp.Or(didYouMean(meant(e.Name, e.Clusters)), "it has clusters: "+someOf(e.Clusters))
	}
	return "the kubeconfig has no contexts; KUBECONFIG and --kubeconfig choose another file"
}

// toAnother is how to get a kubeconfig when its file can't be written.
const toAnother = "give another file with --kubeconfig, or use 'doks-auth kubeconfig show CLUSTER >FILE'"

// adviceOnKubeconfigFile returns what to do about a file that can't be read or written, or "".
func adviceOnKubeconfigFile(err error) string {
	written, isWrite := errors.AsType[*kubeconfig.WriteError](err)
	_, isRead := errors.AsType[*kubeconfig.ReadError](err)
	_, isUnexpanded := errors.AsType[*kubeconfig.UnexpandedError](err)
	_, isDuplicate := errors.AsType[*kubeconfig.DuplicateKeyError](err)
	switch {
	case isUnexpanded:
		return "write the path in full, in KUBECONFIG or --kubeconfig; in double quotes a shell expands variables, " +
			"but not ~"
	case errors.Is(err, kubeconfig.ErrUTF16):
		return "convert it to UTF-8; in PowerShell, write it with '| Out-File -Encoding utf8' instead of >"
	case errors.Is(err, kubeconfig.ErrDirectory):
		return "name a file in it; --kubeconfig and KUBECONFIG take files"
	case errors.Is(err, kubeconfig.ErrNoBackups):
		return "set XDG_STATE_HOME or HOME, or " + toAnother
	case isWrite && written.IsDenied():
		return toAnother
	case isRead && errors.Is(err, fs.ErrPermission):
		return "let this user read the file, or give another one with --kubeconfig"
	case isDuplicate:
		return "remove one of the two; the file was left as it is"
	case isRead:
		return "fix the file; it was left as it is"
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
