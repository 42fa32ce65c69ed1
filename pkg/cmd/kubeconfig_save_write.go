package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// written is what a save does to the kubeconfig.
type written struct {
	saved     []kubeconfig.Saved
	conflicts []error
	replaced  []string // the ids of clusters that the account no longer has
	current   string   // the current context, if that was set
	none      bool     // there is no current context
	files     []string // that change
	problems  []kubeconfig.Problem
}

// save writes entries to the kubeconfig and prints what it did. For each entry it returns why it couldn't be
// written, or nil. first says that the first entry is that of the first cluster on the command line.
func (s *kubeconfigSave) save(
	ctx context.Context, account *account, found []kubeconfig.Entry, first bool,
) (conflicts []error, err error) {
	var done written
	err = s.files.edit(ctx, s.options, func(c *kubeconfig.Config) (err error) {
		done, err = s.write(c, account, found, first)
		return err
	})
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprint(s.Stdout, done.text(s.files.paths(s.options)))
	io.WriteString(s.Stderr, done.warnings())
	return done.conflicts, err
}

// write makes the edit.
func (s *kubeconfigSave) write(
	c *kubeconfig.Config, account *account, found []kubeconfig.Entry, first bool,
) (done written, err error) {
	for _, entry := range found {
		if gone := s.replaceable(c, account, entry); gone != "" {
			if err := c.Replace(gone, entry); err != nil {
				return done, err
			}
			done.replaced = append(done.replaced, gone)
		}
	}
	done.saved, done.conflicts = c.Save(found, s.force)
	for i, err := range done.conflicts {
		if e, ok := errors.AsType[*kubeconfig.ConflictError](err); ok {
			e.Cluster = account.nameOfText(e.Cluster)
			save := "doks-auth kubeconfig save " + shellword.Quote(e.Cluster, "CLUSTER") + s.accountFlags() + " --alias NAME"
			done.conflicts[i] = advise(credential.Usage, err,
				shellword.Command(save)+" gives the new one another name; --force overwrites the old one")
		}
	}
	if s.setCurrent && first && done.conflicts[0] == nil {
		done.current = done.saved[0].Context
		c.SetCurrentContext(done.current)
	}
	done.none = c.CurrentContext == ""
	done.problems = c.Problems()
	changes, err := c.Changes()
	for _, change := range changes {
		done.files = append(done.files, change.Path)
	}
	return done, err
}

// text returns what a person should know. paths are those of the kubeconfig.
func (w written) text(paths []string) string {
	var out strings.Builder
	saved := 0
	for i, names := range w.saved {
		if w.conflicts[i] == nil {
			saved++
			fmt.Fprintf(&out, "saved context %q\n", names.Context)
		}
	}
	for _, id := range w.replaced {
		fmt.Fprintf(&out, "replaced the entry of cluster %q, which the account no longer has\n", id)
	}
	if w.current != "" {
		fmt.Fprintf(&out, "the current context is %q\n", w.current)
	}
	for _, path := range w.files {
		fmt.Fprintf(&out, "wrote %s\n", oneLine(path))
	}
	if len(w.files) == 0 && saved > 0 {
		fmt.Fprintf(&out, "nothing changed in %s\n", oneLine(strings.Join(paths, ", ")))
	}
	if w.none {
		out.WriteString("there is no current context: 'kubectl config use-context NAME' chooses one\n")
	}
	return out.String()
}

// warnings returns a line for each value for which kubectl refuses the whole kubeconfig, but not for many.
func (w written) warnings() string {
	const most = 5
	var out strings.Builder
	for i, problem := range w.problems {
		if i == most {
			fmt.Fprintf(&out, "warning: and for %d more reasons: 'doks-auth doctor' shows them\n", len(w.problems)-most)
			break
		}
		fmt.Fprintf(&out, "warning: kubectl refuses %s: %s\n", oneLine(problem.Path), oneLine(problem.String()))
	}
	return out.String()
}
