package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// checkAccessToken reports where the access token comes from, and which others there are.
func (d *doctor) checkAccessToken(context.Context) []finding {
	const check = "access token"
	if d.found == nil {
		return d.checkSudo()
	}
	findings := []finding{ok(check, "from %s", d.found.Source)}
	findings = append(findings, d.checkSudo()...)
	findings = append(findings, d.checkChoice()...)
	all, err := d.acting.sources().All()
	if err != nil {
		findings = append(findings, warning(check, "", "%v", err))
	}
	var others []string
	for _, other := range all {
		if !other.Same(d.found) {
			others = append(others, other.Source)
		}
	}
	if len(others) > 0 {
		findings = append(findings, ok(check, "others, which aren't used here: %s", strings.Join(others, ", ")))
	}
	return findings
}

// checkAPI checks that the API answers and accepts the access token, and compares its clock with ours. It keeps the
// account's clusters.
func (d *doctor) checkAPI(ctx context.Context) (findings []finding, keep func()) {
	const check = "api"
	if d.found == nil {
		return nil, nil
	}
	account := d.acting.accountOf(d.found)
	client, err := account.client()
	if err != nil {
		return []finding{failure(check, err)}, func() { d.broken = true }
	}
	by, address := proxyTo(account.API), shownURL(account.API)
	if by != "" {
		by = " through the proxy " + by
	}
	arrived := d.waiting(theAPI)
	clusters, probe, err := client.Survey(ctx)
	arrived()
	took := probe.Took.Round(time.Millisecond)
	switch e, _ := errors.AsType[*credential.Error](err); {
	case err == nil:
		keep = func() { d.listed = &listing{account.Account, clusters} }
		findings = []finding{ok(check, "%s answers%s, after %s; the access token may list clusters", address, by, took)}
	case e != nil && e.Status == http.StatusForbidden:
		findings = []finding{warning(check, hintOf(err)+" to list clusters, or to find them by name",
			"%s answers%s, after %s; the access token may not list clusters", address, by, took)}
	default:
		if by != "" {
			err = fmt.Errorf("%w (%s)", err, strings.TrimSpace(by))
		}
		findings = []finding{failure(check, account.explain(err))}
		keep = func() { d.broken = true }
	}
	switch skew := probe.ClockSkew; {
	case skew > 0:
		findings = append(findings, failuref("clock", "set the clock", "the local clock is %s ahead of the API's", skew))
	case skew < 0:
		findings = append(findings, failuref("clock", "set the clock", "the local clock is %s behind the API's", -skew))
	case err == nil || credential.ClassOf(err) == credential.Refused:
		findings = append(findings, ok("clock", "agrees with the API's, to the minute"))
	}
	return findings, keep
}

// proxyTo returns the proxy for an address, or "".
func proxyTo(address string) string {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return ""
	}
	proxy, err := http.ProxyFromEnvironment(request)
	if err != nil || proxy == nil {
		return ""
	}
	return cmp.Or(shownProxy(proxy.String()), "in the environment")
}

// checkCache checks the cache's directory and entries.
func (d *doctor) checkCache(ctx context.Context) []finding {
	const check = "cache"
	o := d.acting
	if d.cacheDir != "" {
		o = d.options
	}
	path := o.cachePath()
	if path == "" {
		return []finding{warning(check, noPlaceHint,
			"there is no place for it: each run fetches a new credential")}
	}
	var findings []finding
	foreign := cachedir.Check(path)
	if foreign != nil {
		hint := ""
		if path == d.cachePath() { // a kubeconfig's may be any directory
			hint = `sudo chown -R "$(id -u)" ` + shellword.Quote(path, "DIRECTORY") + " makes it yours; or remove it"
		}
		findings = append(findings, warning(check, hint,
			"it can't be used, so each run fetches a new credential: %v", foreign))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && foreign != nil:
		return findings
	case errors.Is(err, fs.ErrNotExist):
		return []finding{ok(check, "%s doesn't exist yet", path)}
	case err != nil:
		return []finding{failure(check, err)}
	case !info.IsDir():
		return []finding{failuref(check, "remove it, or give --cache-dir", "%s isn't a directory", path)}
	}
	if err := isWritable(path); err != nil && foreign == nil {
		findings = append(findings, warning(check, "make it writable: each run fetches a new credential",
			"%s can't be written to: %v", path, err))
	}
	if info.Mode().Perm()&0o022 != 0 && os.PathSeparator == '/' {
		findings = append(findings, warning(check, "chmod 700 "+shellword.Quote(path, "DIRECTORY"),
			"others can write to %s", path))
	}
	entries, err := o.entries()
	if err != nil {
		return append(findings, failure(check, err))
	}
	inventory := newInventory(o)
	states := make(map[string]int)
	for _, e := range entries {
		if !e.Absent {
			states[inventory.describe(ctx, e).State]++
		}
	}
	if n := states[stateUnusable]; n > 0 {
		findings = append(findings, warning(check,
			"'doks-auth cache list' shows why; 'doks-auth cache clear --expired' removes them",
			"unusable entries: %d", n))
	}
	return append(findings, ok(check, "%s: %d fresh, %d due for renewal, %d expired",
		path, states[stateFresh], states[stateDue], states[stateExpired]))
}

// isWritable returns an error if files can't be created in a directory.
func isWritable(dir string) error {
	f, err := os.CreateTemp(dir, "doctor-*.tmp")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}
