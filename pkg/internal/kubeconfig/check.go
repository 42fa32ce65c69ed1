package kubeconfig

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/uuid"
)

// Check reports an entry that must not be written. People see, type and paste what a kubeconfig contains, and
// programs of all kinds read it, so each value must be one line of printable characters, whatever its source.
// The error is a *NameError or an *ExecError of class Usage for what a user chose, and of class Unusable for what the
// API returned.
func (e Entry) Check() error {
	for _, chosen := range []struct{ what, text string }{{"the alias", e.Alias}, {"the user's name", e.User}} {
		if !isLine(chosen.text) {
			return usageError(&NameError{chosen.what, chosen.text})
		}
	}
	if err := e.Exec.Check(); err != nil {
		return err
	}
	switch {
	case !uuid.Is(e.ClusterID):
		return unusable(fmt.Errorf("invalid cluster id %q", e.ClusterID))
	case !isLine(e.Name):
		return unusable(fmt.Errorf("the cluster's name or region: %q %w", e.Name, errNotLine))
	case !isLine(e.Server):
		return unusable(fmt.Errorf("the cluster's server %w", errNotLine))
	}
	return nil
}

// Check reports what must not be written. Its error, an *ExecError of class Usage, shows no value, which may be secret.
func (e Exec) Check() error {
	texts := append([]string{e.APIVersion, e.Command, e.InstallHint, e.InteractiveMode}, e.Args...)
	for _, variable := range e.Env {
		for name, value := range variable {
			texts = append(texts, name, value)
		}
	}
	for _, text := range texts {
		if isLine(text) {
			continue
		}
		what := "the command or an argument"
		if name, _, ok := strings.Cut(text, "="); ok && strings.HasPrefix(name, "--") && isLine(name) {
			what = "the value of " + name
		}
		return usageError(&ExecError{what})
	}
	return nil
}

func isLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

func unusable(err error) error { return &credential.Error{Class: credential.Unusable, Err: err} }
