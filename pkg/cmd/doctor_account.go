package cmd

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// checkChoice reports what is odd about the access token, and about how it was chosen. It shows nothing of the token.
func (d *doctor) checkChoice() []finding {
	const check = "access token"
	var findings []finding
	if token, seen := d.found.Seen(); seen {
		if what, hint := oddity(token); what != "" {
			findings = append(findings, warning(check, hint, "the one from %s %s", d.found.Source, what))
		}
	}
	if chosen := d.acting.Getenv("DIGITALOCEAN_CONTEXT"); chosen != "" && d.found.Context != "" &&
		d.acting.context == "" {
		findings = append(findings, ok(check, "DIGITALOCEAN_CONTEXT chooses the context"))
	}
	return append(findings, d.checkTokenFile()...)
}

// oddity returns what makes a text unlikely to be an access token, and what to do about it.
func oddity(token credential.Secret) (what, hint string) {
	text := token.Reveal()
	switch {
	case strings.HasPrefix(text, "$"):
		return "begins with $", "it seems to be the name of a variable: give the value instead"
	case strings.ContainsAny(text, `'"`):
		return "contains quotes", "remove them: they aren't part of it"
	}
	return "", ""
}

// checkTokenFile checks that others can't read the file with the access token.
func (d *doctor) checkTokenFile() []finding {
	path := d.acting.tokenFile
	if path == "" && d.acting.variableOf(d.found) == accounts.FileEnvVar {
		path = d.acting.Getenv(accounts.FileEnvVar)
	}
	if path == "" {
		return nil
	}
	why, advice := accessOfOthers(path)
	if why == "" {
		return nil
	}
	return []finding{warning("access token", advice, "its file %q may not be private: %s", oneLine(path), why)}
}

// accessOfOthers returns why others may have access to a file with a secret, and what to do about it; "" if nothing
// suggests that they do.
func accessOfOthers(path string) (why, advice string) {
	if os.PathSeparator != '/' {
		if err := checkAccess(path); err != nil {
			return err.Error(), "in its properties, or with icacls, leave access to nobody but yourself"
		}
		return "", ""
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return "", ""
	}
	return fmt.Sprintf("its mode is %04o", info.Mode().Perm()), "chmod 600 " + shellword.Quote(path, "FILE")
}

// checkAccess returns an error if a file on Windows is another user's, if others may read or change it, or if that
// can't be found out. It returns nil if the file can't be opened.
func checkAccess(path string) error {
	f, err := boundedfile.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	return fileowner.CheckPrivate(f, info)
}

// checkSudo reports that sudo changed the home directory: then the user's files aren't found.
func (d *doctor) checkSudo() []finding {
	name := d.Getenv("SUDO_USER")
	if name == "" {
		return nil
	}
	caller, err := user.Lookup(name)
	if err != nil || caller.HomeDir == d.Home {
		return nil
	}
	return []finding{warning("access token", "run it without sudo, or with sudo --preserve-env=HOME",
		"sudo changed HOME: the logins, doctl's configuration and the kubeconfig of %s aren't used", oneLine(name))}
}

// checkOthers reports valid credentials in the cache that are for the cluster, but of other accounts.
func (a *account) checkOthers(ctx context.Context, id digitalocean.ClusterID) []finding {
	entries, err := a.entries()
	if err != nil {
		return nil // checkCache reports it
	}
	inventory := newInventory(a.options)
	var whose []string
	for _, e := range entries {
		if e.Absent || e.Err != nil || e.ClusterID != string(id) {
			continue
		}
		store, key, known := a.entryOf(e.ClusterID, e.Expiry)
		if !known {
			return nil // any may be its own
		}
		described := inventory.describe(ctx, e)
		if store.IsOf(e, key) || described.State != stateFresh && described.State != stateDue {
			continue
		}
		if len(described.AccessTokenFrom) == 0 {
			described.AccessTokenFrom = []string{"an unknown account"}
		}
		whose = append(whose, described.AccessTokenFrom...)
	}
	if len(whose) == 0 {
		return nil
	}
	slices.Sort(whose)
	whose = slices.Compact(whose)
	return []finding{ok("cluster", "%s: also cached, but not used here, for %s", id, strings.Join(whose, ", "))}
}
