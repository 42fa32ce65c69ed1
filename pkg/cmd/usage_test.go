package cmd_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Without arguments, the program prints what fits a small terminal.
func TestOverviewFitsATerminal(t *testing.T) {
	w := newWorld(t)
	w.onTerminal("")
	lines := strings.Split(strings.TrimSuffix(w.mustRun(t), "\n"), "\n")
	if len(lines) > 23 { // and the prompt
		t.Errorf("got %d lines, want at most 23", len(lines))
	}
	for _, line := range lines {
		if width := utf8.RuneCountInString(line); width > 80 {
			t.Errorf("got %d columns, want at most 80: %s", width, line)
		}
	}
	for _, want := range []string{"doks-auth auth login", "\n  kubeconfig ", "\n  doctor ", "\n  version "} {
		if !strings.Contains(strings.Join(lines, "\n"), want) {
			t.Errorf("got %q, want %q in it", lines, want)
		}
	}
}

// Each group and command has examples, and help that fits 80 columns, apart from examples.
func TestHelp(t *testing.T) {
	w := newWorld(t)
	paths := [][]string{nil}
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		help := w.mustRun(t, append(slices.Clone(path), "--help")...)
		if !strings.Contains(help, "\nExamples:\n  ") && !slices.Contains(path, "completion") {
			t.Errorf("%q: got %s; want examples", path, help)
		}
		section := ""
		for line := range strings.Lines(help) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasSuffix(line, ":") {
				section = line
			}
			if section == "Commands:" && strings.HasPrefix(line, "  ") {
				paths = append(paths, append(slices.Clone(path), strings.Fields(line)[0]))
			}
			isOurs := section != "Examples:" && !slices.Contains(path, "completion")
			if width := utf8.RuneCountInString(line); width > 80 && isOurs {
				t.Errorf("%q: got %d columns, want at most 80: %s", path, width, line)
			}
		}
	}
}

// Help shows only flags that mean something to the command. The others are accepted all the same.
func TestHelpShowsUsefulFlags(t *testing.T) {
	w := newWorld(t)
	tests := map[string]struct{ shows, hides []string }{
		"":                {[]string{"--version", "--timeout"}, []string{"--skip-server-check", "--api-version"}},
		"version":         {[]string{"--output"}, []string{"--timeout", "--cache-dir", "--account", "--verbose"}},
		"completion bash": {[]string{"--no-descriptions"}, []string{"--timeout", "--cache-dir", "--account"}},
		"kubeconfig":      {[]string{"--help"}, []string{"--timeout", "--account"}},
		"auth login":      {[]string{"--timeout", "--name"}, []string{"--account", "--token-file", "--cache-dir"}},
		"cluster list":    {[]string{"--account", "--timeout", "--no-headers"}, nil},
		"kubeconfig list": {[]string{"--kubeconfig", "--timeout", "--no-headers"},
			[]string{"--account", "--context", "--token-file", "--api-url", "--cache-dir"}},
		"exec-credential": {[]string{"--skip-server-check", "--account"}, nil},
	}
	for path, test := range tests {
		help := w.mustRun(t, append(strings.Fields(path), "--help")...)
		for _, flag := range test.shows {
			if !strings.Contains(help, flag+" ") {
				t.Errorf("%q: got %s; want %s in it", path, help, flag)
			}
		}
		for _, flag := range test.hides {
			if strings.Contains(help, "   "+flag+" ") {
				t.Errorf("%q: got %s; want no %s in it", path, help, flag)
			}
		}
	}
	w.mustRun(t, "version", "--timeout=1s", "--cache-dir="+t.TempDir())
}

func TestVersion(t *testing.T) {
	w := newWorld(t)
	line := w.mustRun(t, "version")
	if got := w.mustRun(t, "--version"); got != line || !strings.HasPrefix(got, "doks-auth ") {
		t.Errorf("--version: got %q, want %q", got, line)
	}
	if got := w.mustRun(t, "version", "-o", "json"); !strings.Contains(got, `"version": "`) {
		t.Errorf("-o json: got %s, want the version", got)
	}
	if got := w.mustRun(t, "version", "-o", "yaml"); !strings.Contains(got, "\nversion: ") {
		t.Errorf("-o yaml: got %s, want the version", got)
	}
	for _, line := range []string{
		"exec-credential --version=v1beta1 " + clusterID,
		"exec-credential --version",
		"kubernetes cluster kubeconfig exec-credential --version=v1beta1 " + clusterID,
	} {
		code, _, stderr := w.run(strings.Fields(line)...)
		if code != 2 || !strings.Contains(stderr, "these are doctl's arguments") {
			t.Errorf("%s: got exit code %d, %q; want 2, and what the arguments are", line, code, stderr)
		}
	}
	w.request = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{}}`
	code, _, stderr := w.run("--version")
	if code != 2 || !strings.HasPrefix(stderr, "doks-auth: unknown flag: --version\n") {
		t.Errorf("by a client: got exit code %d, %q; want 2, an unknown flag", code, stderr)
	}
}
