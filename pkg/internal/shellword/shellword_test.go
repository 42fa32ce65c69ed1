package shellword

import (
	"os/exec"
	"runtime"
	"testing"
)

func TestQuote(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("quotes are left out there")
	}
	tests := map[string]string{
		"production":              "production",
		"https://a.example:1/b_c": "https://a.example:1/b_c",
		"a+b@c-d":                 "a+b@c-d",
		"my cluster":              "'my cluster'",
		"it's":                    `'it'\''s'`,
		"https://e';curl evil;''": `'https://e'\'';curl evil;'\'''\'''`,
		"$(id>x)`id`":             "'$(id>x)`id`'",
		"a=b":                     "'a=b'",
		"~root":                   "'~root'",
		"日本":                      "'日本'",
		"":                        "NAME",
		"--force":                 "NAME",
		"a\nb":                    "NAME",
		"a\tb":                    "NAME",
		"a\x1b[2Jb":               "NAME",
		"a\u202eb":                "NAME",
		"a\u2028b":                "NAME",
		"a\u200bb":                "NAME",
		"a\xffb":                  "NAME",
		`a\';id;'`:                "NAME",
		"a!b":                     "NAME",
	}
	for value, want := range tests {
		if got := Quote(value, "NAME"); got != want {
			t.Errorf("%q: got %s; want %s", value, got, want)
		}
	}
}

// A shell reads each value as what it is.
func TestQuoteInShell(t *testing.T) {
	for _, shell := range []string{"sh", "bash", "zsh", "fish", "dash"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		for _, value := range []string{
			"a b", "it's", "$(echo x)", "`echo x`", `"`, "a;b&c|d>e<f", "*", "#a", "~", "{a,b}", "a=b", "$HOME",
			"'", "''", "日本",
		} {
			out, err := exec.CommandContext(t.Context(), path, "-c", "printf %s "+Quote(value, "NAME")).Output()
			if err != nil || string(out) != value {
				t.Errorf("%s: got %q, %v; want %q", shell, out, err, value)
			}
		}
	}
}

func TestCommand(t *testing.T) {
	for line, want := range map[string]string{
		"doks-auth kubeconfig save a":       "'doks-auth kubeconfig save a'",
		"doks-auth kubeconfig save 'a $(b)": "doks-auth kubeconfig save 'a $(b)",
	} {
		if got := Command(line); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}
