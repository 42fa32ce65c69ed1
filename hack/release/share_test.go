//go:build linux

package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPages renders the man pages with both formatters, which must not warn.
func TestPages(t *testing.T) {
	dir := filepath.Join(unpacked(t, here), "man")
	date := strings.TrimSpace(run(t, "git", "-C", source, "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d"))
	for _, name := range pages(t) {
		path := filepath.Join(dir, name)
		if got := run(t, "mandoc", "-T", "lint", "-W", "warning", path); got != "" {
			t.Errorf("mandoc -T lint: %s", got)
		}
		if got := run(t, "sh", "-c", `groff -ww -man -Tascii "$0" 2>&1 >/dev/null`, path); got != "" {
			t.Errorf("groff -ww: %s", got)
		}
		text := run(t, "sh", "-c", `mandoc -T ascii "$0" | col -b`, path)
		command := strings.TrimSuffix(name, ".1")
		for _, want := range []string{command + " - ", "SYNOPSIS\n", "DESCRIPTION\n", "\n       -h, --help\n", date} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
		for _, unwanted := range []string{"cobra", "=false", "--skip-server-check=", "\\", "do--"} {
			if strings.Contains(text, unwanted) {
				t.Errorf("%s contains %q:\n%s", name, unwanted, text)
			}
		}
	}
}

// TestCompletions loads the completions in their shells, and completes a command.
func TestCompletions(t *testing.T) {
	dir := unpacked(t, here)
	files := filepath.Join(dir, "completions")
	for shell, name := range map[string]string{
		"bash": "doks-auth.bash", "zsh": "_doks-auth", "fish": "doks-auth.fish", "powershell": "doks-auth.ps1",
	} {
		if read(t, filepath.Join(files, name)) != run(t, program(t), "completion", shell) {
			t.Errorf("%s isn't what `doks-auth completion %s` prints", name, shell)
		}
	}
	tests := []struct {
		shell  []string
		script string
	}{
		{[]string{"bash", "--norc", "-c"}, `
			. /usr/share/bash-completion/bash_completion
			. "$FILES/doks-auth.bash"
			COMP_WORDS=(doks-auth kubeconfig sa) COMP_CWORD=2 COMP_TYPE=9
			COMP_LINE="doks-auth kubeconfig sa" COMP_POINT=23
			__start_doks-auth
			echo "${COMPREPLY[@]}"`},
		{[]string{"zsh", "-f", "-c"}, `
			fpath=("$FILES" $fpath)
			autoload -Uz compinit && compinit -D
			[[ $_comps[doks-auth] = _doks-auth ]] || exit 1
			# What the function offers goes to this one instead of the line editor.
			_describe() { print -l ${${(P)2}%%:*} }
			words=(doks-auth kubeconfig sa) CURRENT=3
			_doks-auth`},
		{[]string{"fish", "--no-config", "-c"}, `
			source $FILES/doks-auth.fish
			complete --do-complete "doks-auth kubeconfig sa"`},
	}
	for _, test := range tests {
		t.Run(test.shell[0], func(t *testing.T) {
			env := []string{"env", "-i", "HOME=" + t.TempDir(), "PATH=" + dir + ":/usr/bin:/bin", "FILES=" + files}
			out := run(t, append(append(env, test.shell...), test.script)...)
			word, _, _ := strings.Cut(strings.TrimSpace(out), "\t")
			if word, _, _ := strings.Cut(word, " "); word != "save" {
				t.Errorf("completion of sa: got %q, want save", out)
			}
		})
	}
}

// TestMakeInstall installs from the checkout and removes it again.
func TestMakeInstall(t *testing.T) {
	root := t.TempDir()
	want := []string{
		"/usr/bin/doks-auth",
		"/usr/share/bash-completion/completions/doks-auth",
		"/usr/share/fish/vendor_completions.d/doks-auth.fish",
		"/usr/share/zsh/site-functions/_doks-auth",
	}
	for _, page := range pages(t) {
		want = append(want, "/usr/share/man/man1/"+page)
	}
	install := []string{"make", "-s", "-C", source, "DESTDIR=" + root, "PREFIX=/usr"}
	run(t, append(install, "install")...)
	var got []string
	for _, path := range filesIn(t, root) {
		got = append(got, "/"+path)
	}
	sameLines(t, "installed files", got, want)
	run(t, filepath.Join(root, "usr/bin/doks-auth"), "version")

	other := filepath.Join(root, "usr/share/man/man1/other.1")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, append(install, "uninstall")...)
	sameLines(t, "files after make uninstall", filesIn(t, root), []string{"usr/share/man/man1/other.1"})
}
