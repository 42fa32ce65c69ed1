package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// notLines are texts that must not be written to a file that people and programs read line by line.
var notLines = map[string]string{
	"a line feed": "a\ncommand\nb", "a carriage return": "a\rb", "a tab": "a\tb", "an escape": "a\x1b[2Jb",
	"a C1 control": "a\u009b2Jb", "a zero": "a\x00b", "a bidi override": "a\u202eb", "an isolate": "a\u2066b",
	"a line separator": "a\u2028b", "a paragraph separator": "a\u2029b", "a next line": "a\u0085b",
	"a byte order mark": "a\ufeffb", "a zero width space": "a\u200bb", "a soft hyphen": "a\u00adb",
	"a tag": "a\U000e0041b", "a private character": "a\ue000b", "a no-break space": "a\u00a0b", "no UTF-8": "a\xffb",
}

// Names and paths are written to a kubeconfig only if they are one printable line. Others are refused before
// anything is minted or edited.
func TestKubeconfigTakesOnlyLines(t *testing.T) {
	for name, text := range notLines {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path := filepath.Join(t.TempDir(), "config")
			check := func(want int, args ...string) {
				t.Helper()
				code, stdout, stderr := w.run(append(args, "--kubeconfig="+path)...)
				if code != want || stdout != "" || !strings.Contains(stderr, "printable") {
					t.Errorf("%q: got exit code %d, %q, %q; want %d", args, code, stdout, stderr, want)
				}
				if _, err := os.Stat(path); err == nil {
					t.Errorf("%q: the file was written", args)
				}
			}
			save := []string{"kubeconfig", "save", clusterID}
			for _, flag := range []string{"--alias=", "--command=", "--cache-dir=" + t.TempDir() + "/"} {
				check(2, append(save, flag+text)...)
			}
			check(2, "kubeconfig", "convert", "--command="+text)
			if mints := w.api.Mints(clusterID); mints != 0 {
				t.Errorf("got %d mints for what the user chose; want none", mints)
			}
			if strings.ToValidUTF8(text, "") == text { // JSON can't carry invalid UTF-8
				w.api.Cluster(clusterID).Name = text
				check(6, save...)
				check(6, "kubeconfig", "save", "--all")
				if mints := w.api.Mints(clusterID); mints != 0 {
					t.Errorf("got %d mints for what the API said; want none", mints)
				}
			}
		})
	}
}

// Quotes, spaces and other scripts are fine, and are read back as they are.
func TestKubeconfigTakesOddNames(t *testing.T) {
	for _, name := range []string{
		"my cluster", "it's", `"quoted"`, "日本", "a: b", "# a", "- a", "{a}", "*a", "&a", "!a",
		"yes", "1e3", "~", "null", `a\nb`,
	} {
		w := newWorld(t)
		path := filepath.Join(t.TempDir(), "config")
		w.mustRun(t, "kubeconfig", "save", clusterID, "--alias="+name, "--kubeconfig="+path)
		got := w.mustRun(t, "kubeconfig", "remove", "--kubeconfig="+path, "--", name)
		if !strings.Contains(got, "removed context ") {
			t.Errorf("%q: got %q; want it found again", name, got)
		}
	}
}

// Completion offers no word with a special meaning to a shell, and none that breaks its protocol.
func TestCompletionOffersHarmlessWords(t *testing.T) {
	hostile := []string{
		"p$(id>x)a", "p`id`b", "p;id", "p&id", "p|id", "p>x", "p<x", "p'a", `p"a`, `p\a`, "p a", "p*a", "p?a",
		"p[a]", "p{a,b}", "p!a", "p#a", "p=a", "p~a", "p^a", "p%a", "p(a)", "p,a", "pé",
		"p\u202ea", "p\ta", "p\na", "p\x1b[2Ja", "-p", "--all", "~p", "",
	}
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "config")
	for i, name := range hostile {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
		if err != nil {
			t.Fatal(err)
		}
		cluster.Name = name
		w.api.AddCluster(cluster)
		if name != "" && !strings.ContainsAny(name, "\t\n\x1b\u202e") {
			w.mustRun(t, "kubeconfig", "save", cluster.ID, "--alias="+name, "--kubeconfig="+path)
		}
	}
	cluster := w.api.Cluster(clusterID)
	cluster.Name = "p.fine_1:@/+-"
	w.mustRun(t, "kubeconfig", "save", clusterID, "--alias=p.fine_1:@/+-", "--kubeconfig="+path)
	const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@/+-"
	for _, args := range [][]string{
		{"credentials", "p"}, {"credentials", ""},
		{"kubeconfig", "remove", "--kubeconfig=" + path, "p"}, {"kubeconfig", "remove", "--kubeconfig=" + path, ""},
	} {
		got := w.mustRun(t, append([]string{"__complete"}, args...)...)
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		for _, line := range lines[:len(lines)-1] {
			word, description, _ := strings.Cut(line, "\t")
			if word == "" || strings.HasPrefix(word, "-") || strings.Trim(word, harmless) != "" {
				t.Errorf("%q: got word %q; want only harmless ones", args, word)
			}
			if strings.ContainsAny(description, "\t\x1b\u202e") {
				t.Errorf("%q: got description %q; want it on one line, without controls", args, description)
			}
		}
		if !strings.Contains(got, "p.fine_1:@/+-") {
			t.Errorf("%q: got %q; want the harmless name", args, got)
		}
	}
}
