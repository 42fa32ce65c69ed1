package cmd

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// preview prints what saving clusters would change. It fetches no credential.
func (s *kubeconfigSave) preview(ctx context.Context, account *account, clusters []digitalocean.Cluster) error {
	before, err := s.files.read(ctx, s.options)
	if err != nil {
		return err
	}
	entries, errs := make([]kubeconfig.Entry, len(clusters)), make([]error, len(clusters))
	for i, cluster := range clusters {
		entries[i], errs[i] = s.expected(ctx, before, account, cluster)
		if errs[i] == nil && lacksCredentials(cluster.State) {
			errs[i] = account.inState(cluster.ID, cluster.State, nil)
		}
	}
	found := entriesOf(entries, errs)
	if len(found) == 0 {
		return s.failed(errs)
	}
	text, conflicts, err := s.changes(ctx, before, account, found, errs[0] == nil)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(s.Stdout, text); err != nil {
		return err
	}
	return s.failed(append(errs, conflicts...))
}

// changes returns the lines that would change.
func (s *kubeconfigSave) changes(
	ctx context.Context, before *kubeconfig.Config, account *account, found []kubeconfig.Entry, first bool,
) (text string, conflicts []error, err error) {
	after, err := s.files.read(ctx, s.options)
	if err != nil {
		return "", nil, err
	}
	s.listForReplacing(ctx, before, account, found)
	done, err := s.write(after, account, found, first)
	if err != nil {
		return "", nil, err
	}
	var out strings.Builder
	for i, names := range done.saved {
		if done.conflicts[i] == nil {
			writeChange(&out, before, names, found[i])
		}
	}
	for _, id := range done.replaced {
		fmt.Fprintf(&out, "would replace the entry of cluster %q, which the account no longer has\n", id)
	}
	if done.current != "" && done.current != before.CurrentContext {
		fmt.Fprintf(&out, "would make %q the current context\n", done.current)
	}
	for _, path := range done.files {
		fmt.Fprintf(&out, "would write %s\n", oneLine(path))
	}
	io.WriteString(s.Stderr, done.warnings())
	return out.String(), done.conflicts, nil
}

// writeChange writes the lines in which the three entries of a cluster would change.
func writeChange(w *strings.Builder, before *kubeconfig.Config, names kubeconfig.Saved, entry kubeconfig.Entry) {
	var diff strings.Builder
	var old []string
	if context := before.Context(names.Context); context != nil {
		old = []string{"cluster: " + oneLine(context.Cluster), "user: " + oneLine(context.User)}
	}
	writeDifference(&diff, old, []string{"cluster: " + oneLine(names.Cluster), "user: " + oneLine(names.User)})
	old = nil
	cluster := before.Cluster(names.Cluster)
	if cluster != nil {
		old = []string{"server: " + shownURL(cluster.Server), authorityLine(cluster.Authority())}
	}
	authority := authorityLine(entry.CA, nil)
	if len(entry.CA) == 0 {
		authority = authorityKey + "(comes with the first credential)"
	}
	writeDifference(&diff, old, []string{"server: " + shownURL(cmp.Or(entry.Server, "https://")), authority})
	old = nil
	if user := before.User(names.User); user != nil && user.Exec != nil {
		old = shownExec(*user.Exec)
	}
	writeDifference(&diff, old, shownExec(entry.Exec))
	if diff.Len() == 0 {
		fmt.Fprintf(w, "context %q would stay as it is\n", names.Context)
		return
	}
	fmt.Fprintf(w, "would save context %q\n%s", names.Context, diff.String())
}

const authorityKey = "certificate-authority-data: "

// authorityLine returns a line that identifies a certificate authority, whose text is long.
func authorityLine(authority []byte, err error) string {
	switch {
	case err != nil:
		return authorityKey + notShown
	case len(authority) == 0:
		return authorityKey + "(none)"
	}
	digest := sha256.Sum256(authority)
	return authorityKey + "(SHA-256 " + hex.EncodeToString(digest[:8]) + "…)"
}
