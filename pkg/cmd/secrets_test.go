package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// misplaced looks like an access token.
var misplaced = "dop_v1_" + strings.Repeat("0123456789abcdef", 4)

// An access token that is given in the wrong place isn't shown.
func TestArgumentsAreNotShown(t *testing.T) {
	w := newWorld(t)
	s := misplaced
	for _, args := range [][]string{
		{s}, {"-t" + s}, {"-t", s}, {"--" + s}, {"--" + s + "=x"}, {"--token=" + s}, {"--access-token", s},
		{"---" + s}, {"--=" + s}, {"-=" + s}, {"-v" + s}, {"-v=" + s}, {"--verbose=" + s},
		{"--timeout=" + s}, {"--timeout", s}, {"--cache-dir=" + s},
		{"credentials", "--expiry-seconds=" + s, clusterID}, {"credentials", "--expiry-seconds", s, clusterID},
		{"credentials", "--expiry-seconds=9" + strings.Repeat("9", 70), clusterID},
		{"credentials", "--no-cache=" + s, clusterID},
		{"credentials", clusterID, "-o", s}, {"credentials", clusterID, "-o" + s},
		{"credentials", clusterID, "-o=jsonpath={" + s}, {"credentials", clusterID, "-o=jsonpath={.a[" + s},
		{"cluster", "list", "-o", s}, {"doctor", "-o=" + s},
		{"--account", s}, {"auth", s}, {"auth", "login", s}, {"auth", "login", "--name=" + s}, {"auth", "switch", s},
		{"auth", "login", "--scopes=" + s}, {"auth", "login", "--storage", s}, {"auth", "login", "--issuer=" + s},
		{"auth", "logout", s}, {"auth", "status", "--account=" + s}, {"auth", "login", "--with-token=" + s},
		{"completion", "bash", s}, {"completion", s}, {"version", s}, {"cache", s}, {"cache", "list", s},
		{"cluster", s}, {"kubeconfig", s}, {"kubeconfig", "convert", s}, {"kubeconfig", "remove", s},
		{"kubeconfig", "save", "--exec-api-version=" + s, clusterID},
		{"kubeconfig", "save", "--set-current-context=" + s, clusterID}, {"exec-credential", clusterID, s},
	} {
		_, stdout, stderr := w.run(args...)
		if all := stdout + stderr; strings.Contains(all, s[:40]) || strings.Contains(all, strings.Repeat("9", 60)) {
			t.Errorf("%q: got %s; want no SECRET", args, strings.ReplaceAll(all, s, "SECRET"))
		}
	}
}

// Usage errors are still helpful, although they don't show values.
func TestUsageErrors(t *testing.T) {
	w := newWorld(t)
	tests := map[string]string{
		"--no-such-flag":                `unknown flag: --no-such-flag`,
		"--a1=b":                        `unknown flag`,
		"-x":                            `unknown shorthand flag: 'x'`,
		"lst":                           `unknown command "lst" for "doks-auth"`,
		"credentials --timeout=soon x":  `invalid argument for "--timeout" flag: it is not a duration, such as 30s or 1m`,
		"credentials --no-cache=no x":   `invalid argument for "--no-cache" flag: it is neither true nor false`,
		"credentials --expiry-seconds":  `flag needs an argument: --expiry-seconds`,
		"credentials -o":                `flag needs an argument: --output`,
		"doctor -o xml":                 `invalid argument "xml" for "-o, --output" flag: it is not table, json or yaml`,
		"credentials --expiry-seconds=": `invalid argument "" for "--expiry-seconds" flag: it is not a number`,
	}
	for line, want := range tests {
		code, _, stderr := w.run(strings.Fields(line)...)
		if got, _, _ := strings.Cut(stderr, "\n"); code != 2 || got != "doks-auth: "+want {
			t.Errorf("%s: got exit code %d, %q; want 2, %q", line, code, got, want)
		}
	}
}

// No command shows a secret, wherever it is in a kubeconfig.
func TestKubeconfigSecretsAreNotShown(t *testing.T) {
	s := misplaced
	doctl := []string{"kubernetes", "cluster", "kubeconfig", "exec-credential"}
	for _, args := range [][]string{
		{"-t" + s}, {"-t", s}, {"--" + s}, {s}, {"exec-credential", s}, {"exec-credential", "-t", s},
		{"exec-credential", "--timeout", s, clusterID}, {"exec-credential", "--expiry-seconds=" + s},
		{"exec-credential", "--api-version=" + s, clusterID}, {"exec-credential", clusterID, s},
		{"exec-credential", "--api-url=" + s, clusterID},
		{"exec-credential", "--api-url=https://user:" + s + "@x", clusterID},
		append(doctl, "--context="+s, clusterID), append(doctl, "--context", s, clusterID),
		append(doctl, "-u", "https://"+s+"@x", clusterID), append(doctl, "--api-url=https://"+s+"@x", clusterID),
		append(doctl, "-t"+s, clusterID), append(doctl, "--"+s, clusterID), append(doctl, "-o", s, clusterID),
		append(doctl, "--expiry-seconds="+s, clusterID), append(doctl, s), append(doctl, "--trace="+s, clusterID),
	} {
		for _, command := range []string{
			"doks-auth", "doctl", "env TOKEN=" + s + " doctl", "env TOKEN=" + s + " /bin/doks-auth",
		} {
			exec := map[string]any{
				"apiVersion": s, "interactiveMode": s, "installHint": s, "command": command, "args": args,
				"env": []any{map[string]any{"name": s, "value": s}}, "provideClusterInfo": false,
			}
			server := "https://user:" + s + "@" + clusterID + ".k8s.example"
			text, err := json.Marshal(map[string]any{
				"current-context": "c",
				"clusters": []any{map[string]any{"name": "c", "cluster": map[string]any{
					"server": server, "proxy-url": "http://user:p/" + s + "@x",
				}}},
				"contexts": []any{map[string]any{"name": "c", "context": map[string]any{"cluster": "c", "user": "u"}}},
				"users": []any{
					map[string]any{"name": "u", "user": map[string]any{"exec": exec}},
					map[string]any{"name": "v", "user": map[string]any{"token": s, s: s}},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			for _, line := range []string{
				"doctor", "kubeconfig convert --dry-run", "kubeconfig convert", "kubeconfig save --alias=c " + clusterID,
			} {
				_, stdout, stderr := w.run(append(strings.Fields(line), "--kubeconfig="+path, "--timeout=2s")...)
				if all := stdout + stderr; strings.Contains(all, s) {
					t.Errorf("%s with %q %q: got %s; want no SECRET",
						line, command, args, strings.ReplaceAll(all, s, "SECRET"))
				}
			}
		}
	}
}

// A dry run shows only what changes in the users that it converts, and nothing around them.
func TestDryRunShowsChangesOnly(t *testing.T) {
	const doctl = `{apiVersion: client.authentication.k8s.io/v1beta1, command: doctl, ` +
		`args: [kubernetes, cluster, kubeconfig, exec-credential, --context=work, --expiry-seconds=600, ` +
		clusterID + `]}`
	for name, text := range map[string]string{
		"one line": `users: [{name: a, user: {exec: ` + doctl + `}}, {name: b, user: {token: SECRET}}]`,
		"JSON": `{"users":[{"name":"b","user":{"password":"SECRET"}},` +
			`{"name":"a","user":{"exec":{"apiVersion":"v1","command":"doctl",` +
			`"args":["kubernetes","cluster","kubeconfig","exec-credential","--context=work","--expiry-seconds=600","` +
			clusterID + `"]}}}]}`,
		"comments": "users:\n- name: a # SECRET\n  user:\n    exec: " + doctl + " # SECRET\n" +
			"# SECRET\n- {name: b, user: {}}\n",
		"env and keys": "users:\n- name: a\n  user:\n    exec: {env: [{name: SECRET, value: SECRET}], SECRET: SECRET, " +
			doctl[1:] + "\n    token: SECRET\n",
		"other entries": "x: SECRET\nclusters: [{name: c, cluster: {server: 'https://SECRET@x'}}]\n" +
			"users: [{name: a, user: {exec: " + doctl + "}}]",
	} {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t)
		got := w.mustRun(t, "kubeconfig", "convert", "--dry-run", "--command=doks-auth", "--kubeconfig="+path)
		if strings.Contains(got, "SECRET") {
			t.Errorf("%s: got %s; want no SECRET", name, got)
		}
		for _, want := range []string{
			`would convert user "a" (still v1`, "-      command: doctl\n", "+      command: doks-auth\n", "+      - --api-version=v1",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %s; want %q in it", name, got, want)
			}
		}
		if strings.Contains(got, "context=work") {
			t.Errorf("%s: got %s; want only changed lines, without context=work", name, got)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%s: got the file %q, %v; want it unchanged", name, after, err)
		}
	}
}
