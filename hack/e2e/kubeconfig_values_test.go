//go:build linux

package e2e

import (
	"os"
	"strings"
	"testing"
)

// kubectls are the kubectls that each case is tried with.
func kubectls() []string { return []string{"kubectl", "kubectl-old"} }

// rewrite replaces a part of the file at path, which must be there once.
func rewrite(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), old); n != 1 {
		t.Fatalf("got %q %d times, want it once in\n%s", old, n, text)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// For one bad value of anybody's entry, kubectl refuses the whole file: doctor names the entry and the field, and save
// warns. With the right value, kubectl reads what save wrote.
func TestValuesThatKubectlRefuses(t *testing.T) {
	const (
		server  = `server: "https://127.0.0.1:1"`
		cluster = "{name: kind, cluster:"
		context = "cluster: kind, user: kind"
		token   = "token: t"
		command = "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Never, "
	)
	tests := map[string]struct{ old, bad, good, want string }{
		"authority": {server, server + `, certificate-authority-data: "<base64>"`, server,
			`cluster "kind": field certificate-authority-data must be base64`},
		"name of a cluster": {cluster, "{name: 2024, cluster: {}}\n- " + cluster, "{name: '2024', cluster: {}}\n- " + cluster,
			`cluster "number 1": field name must be text`},
		"name of a context": {"- name: kind\n  context", "- name: 2024\n  context: {}\n- name: kind\n  context",
			"- name: '2024'\n  context: {}\n- name: kind\n  context", `context "number 1": field name must be text`},
		"name of a user": {"users:\n", "users:\n- {name: 2024, user: {}}\n", "users:\n- {name: '2024', user: {}}\n",
			`user "number 1": field name must be text`},
		"password": {token, "username: a, password: 12345", "username: a, password: '12345'",
			`user "kind": field password must be text`},
		"insecure": {server, server + `, insecure-skip-tls-verify: "true"`, server + ", insecure-skip-tls-verify: true",
			`cluster "kind": field insecure-skip-tls-verify must be true or false`},
		"variable": {token, command + "env: [{name: PORT, value: 8080}]}", command + "env: [{name: PORT, value: '8080'}]}",
			`user "kind": field exec.env[0].value must be text`},
		"namespace": {context, context + ", namespace: 5", context + ", namespace: '5'",
			`context "kind": field namespace must be text`},
		"version":  {"apiVersion: v1\n", "apiVersion: v2\n", "apiVersion: v1\n", "field apiVersion must be v1"},
		"kind":     {"kind: Config\n", "kind: Pod\n", "kind: Config\n", "field kind must be Config"},
		"YAML 1.1": {token, "token: yes", "token: 'yes'", `user "kind": field token must be text`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u, path, _ := newSaver(t)
			rewrite(t, path, test.old, test.bad)
			for _, saved := range []bool{false, true} {
				for _, client := range kubectls() {
					if got := u.kubectl(client, path, "", "config", "get-contexts"); got.code == 0 {
						t.Errorf("%s: got %s, want it to refuse the file", client, got.stdout)
					}
				}
				if got := run(t, u.env, "", plugin(), "doctor"); got.code == 0 || !strings.Contains(got.stdout, test.want) {
					t.Errorf("doctor: got exit code %d, %s; want a failure: %s", got.code, got.stdout, test.want)
				}
				if saved {
					break
				}
				got := run(t, u.env, "", plugin(), "kubeconfig", "save", tokenID)
				if want := "warning: kubectl refuses " + path + ": " + test.want; got.code != 0 ||
					!strings.Contains(got.stderr, want) {
					t.Errorf("save: got exit code %d, %s; want 0 and %s", got.code, got.stderr, want)
				}
			}
			rewrite(t, path, test.bad, test.good)
			for _, client := range kubectls() {
				u.mustKubectl(client, path, "", "get", "ns", "--context=do-"+w.token.Region+"-"+w.token.Name)
			}
			if got := u.doksAuth("kubeconfig", "save", tokenID); strings.Contains(got, "warning") {
				t.Errorf("save: got %s, want no warning", got)
			}
		})
	}
}

// A key that stands twice is read by kubectl, which takes the last one. Nothing tells which of the two an edit should
// change: save, remove and doctor say so, and leave the file as it is.
func TestKeyThatStandsTwice(t *testing.T) {
	u, path, _ := newSaver(t)
	rewrite(t, path, "user: {token: t}", "user: {token: first, token: last}")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range kubectls() {
		got := u.mustKubectl(client, path, "", "config", "view", "--raw", "-o=jsonpath={.users[0].user.token}")
		if got != "last" {
			t.Errorf("%s: got token %q, want the last one", client, got)
		}
	}
	const want = `"token" already defined at line 12; kubectl reads the last one, but such a file can't be edited safely`
	for _, args := range [][]string{
		{"kubeconfig", "save", tokenID}, {"kubeconfig", "remove", tokenID}, {"doctor"},
	} {
		got := run(t, u.env, "", append([]string{plugin()}, args...)...)
		if said := got.stdout + got.stderr; got.code == 0 || !strings.Contains(said, want) {
			t.Errorf("%v: got exit code %d, %s; want a failure: %s", args, got.code, said, want)
		}
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("got %v\n%s\nwant\n%s", err, after, before)
	}
}
