package kubeconfig

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// kubectl is what client-go's loader says.
func kubectl(text string) error {
	_, err := clientcmd.Load([]byte(text))
	return err
}

// entryWith returns a kubeconfig with one field more.
func entryWith(kind, field string) string {
	return kind + "s:\n- name: e\n  " + kind + ":\n    " + strings.ReplaceAll(field, "\n", "\n    ") + "\n"
}

// values are values of all types, and of those of YAML 1.1.
var values = []string{
	"", "~", "null", "Null", `""`, "text", `"text"`, "''", "5", `"5"`, "2024", "0x1F", "0b1", "010", "1_000", "+1",
	"-1", "1.5", "1.0",
	"1e3", "1e400", ".5", ".inf", "-.INF", ".nan", ".", "..", "true", "True", "yes", "No", "on", "OFF", "y", "n", "Y",
	`"true"`, "'no'",
	"2001-01-01", "2001-1-1 1:2:3", "2001-13-01", "12:30", "0o7", "09", "1__0", "_1", "0x", "-", "+", "<<", "=", "[]",
	"[a]", "[5]",
	"[a, null]", "{}", "{a: b}", "{a: 5}", "{a: [b]}", "{a: [5]}", "{5: a}", "{~: a}", "{[a]: b}", "{true: a}",
	"{.nan: a}", "{1e400: a}", "{? &x .inf : *x}", "{9223372036854775808: a}", "{9223372036854775807: a}", "{1e19: a}",
	"{name: 5}",
	"[{name: a, value: 8080}]", "[{name: a, value: '8080'}]", "[{name: a}, {name: a}]", "[[a]]", "YQ==", "Y",
	"<base64>", "YQ==\\n",
	"|\n  YQ==\n", "[1, 255]", "[256]", "[-1]", "!!str 5", "!!int '5'", "!!int a", "!!binary YQ==", "!!binary '?'",
	"!!float 1", "!!bool yes",
	"!!null ''", "! 5", "!", "! ~", "! yes", "! []", "! {a: 5}", "! '5'", "!<!> 5", "&x ! 5", "&x\n  ! 5", "[! 5]",
	"{! a: ! 5}", "{! : a}", "{! 5: a}", "! |\n  5", "! 2001-01-01", "! .inf", "{! <<: {a: 5}}",
	"!foo 5", "!!timestamp 2001-01-01", "!!timestamp a", "!!set {a}", "18446744073709551615",
	"18446744073709551616",
	"{<<: {a: b}}", "{<<: [{a: b}, {a: 5}]}", "{<<: a}", "1.", "1e", "0b2", "-0b1", "0.0", "é",
}

// What kubectl refuses has a problem, and nothing else has.
func TestProblemsAreKubectls(t *testing.T) {
	var texts []string
	for kind, shape := range map[string]fields{
		"cluster": clusterShape(), "context": contextShape(), "user": userShape(),
		"user:\n    exec": userShape()["exec"].(fields), "user:\n    auth-provider": userShape()["auth-provider"].(fields),
	} {
		list, nested, isNested := strings.Cut(kind, ":\n    ")
		for field := range shape {
			for _, value := range values {
				text := field + ": " + value
				if isNested {
					text = nested + ":\n  " + strings.ReplaceAll(text, "\n", "\n  ")
				}
				texts = append(texts, entryWith(list, text))
			}
		}
	}
	for _, value := range values {
		for _, field := range []string{
			"apiVersion", "kind", "current-context", "preferences", "extensions", "clusters", "contexts", "users", "Kind",
			"unknown",
		} {
			texts = append(texts, field+": "+value+"\n")
		}
		texts = append(texts, "preferences: {colors: "+value+"}\n", "users:\n- name: "+value+"\n", "users:\n- "+value+"\n",
			"users:\n- user: "+value+"\n", "clusters:\n- cluster: {extensions: [{name: a, extension: "+value+"}]}\n",
			value+"\n",
			"unknown: {a: ["+value+"]}\n")
	}
	texts = append(texts, "apiVersion: v2\n", "apiVersion: v1\nkind: Pod\n", "apiVersion: /v1\n", "apiVersion: a/b/c\n",
		"kind: Config\n",
		"apiVersion: v1\nAPIVersion: v2\n", "kind: Pod\nKIND: Config\n", "users: [{name: a}, {name: a}]\n",
		"users: [{}, {}]\n",
		"users: [{name: a}, {name: b}]\n", "kind: Config\nkind: Pod\n", "kind: Pod\nkind: Config\n",
		"x: &x {name: 5}\nusers: [*x]\n",
		"x: &x {name: 5}\nusers: [{<<: *x, name: a}]\n", "x: &x {name: 5}\nusers: [{name: a, <<: *x}]\n",
		"---\nkind: Pod\n---\n",
		"! kind: Pod\n", "!\n", "&0: !\n", "\ufeffcurrent-context: ! 5\n", "a: 1\r\ncurrent-context: ! 5\r\n",
		"a: é\rcurrent-context: ! 5\r", "a: \"é\u2028\n\u0085\"\ncurrent-context: ! 5\n", "{a: é, current-context: ! 5}",
		"kind: Config\n---\nkind: Pod\n", "Users: 5\n", "clusters: [{Name: 5}]\n", "\xff\xfek\x00:\x001\x00",
		"users: [{name: a, user: {token: 5, token: a}}]\n", "users: [{name: a, user: {token: a, token: 5}}]\n")
	refused := 0
	for _, text := range texts {
		if err := compare(t, text); err != nil {
			refused++
		}
	}
	if refused < 100 || len(texts)-refused < 100 {
		t.Errorf("%d of %d texts are refused: the test shows little", refused, len(texts))
	}
}

// compare fails unless a text has problems if kubectl refuses it. It returns kubectl's error.
func compare(t *testing.T, text string) error {
	t.Helper()
	err := kubectl(text)
	_, parseErr := parse([]byte(text))
	if _, isTwice := errors.AsType[*DuplicateKeyError](parseErr); parseErr != nil && (err != nil || !isTwice) {
		return err // Read reports it, so that nobody asks for problems
	}
	found := Problems([]byte(text))
	if (err != nil) != (len(found) > 0) {
		t.Errorf("%q: got %v; want as kubectl says: %v", text, found, err)
	}
	return err
}

func FuzzProblems(f *testing.F) {
	for _, text := range kubeconfigs {
		f.Add(text)
	}
	for _, value := range values {
		f.Add(entryWith("user", "password: "+value))
		f.Add(entryWith("cluster", "insecure-skip-tls-verify: "+value))
	}
	f.Fuzz(func(t *testing.T, text string) {
		compare(t, text)
	})
}

// A problem names the entry and the field, and never the value.
func TestProblemsSayWhere(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"data": {entryWith("cluster", "certificate-authority-data: <SECRET>"),
			`cluster "e": field certificate-authority-data must be base64`},
		"a number": {entryWith("user", "password: 12345"),
			`user "e": field password must be text, and is a number: it needs quotes`},
		"a name": {"contexts:\n- name: 2024\n",
			`context "number 1": field name must be text, and is a number: it needs quotes`},
		"a truth": {
			entryWith("cluster", `insecure-skip-tls-verify: "SECRET"`),
			`cluster "e": field insecure-skip-tls-verify must be true or false, without quotes, and is text`,
		},
		"env": {
			entryWith("user", "exec: {env: [{name: A, value: 8080}]}"),
			`user "e": field exec.env[0].value must be text, and is a number: it needs quotes`,
		},
		"namespace": {entryWith("context", "namespace: 5"),
			`context "e": field namespace must be text, and is a number: it needs quotes`},
		"a version": {"apiVersion: v2\n", "field apiVersion must be v1"},
		"a kind":    {"kind: Pod\n", "field kind must be Config"},
		"twice":     {"users: [{name: a}, {name: a}]\n", `user "a": field name already exists in this list`},
		"users":     {"users: SECRET\n", "field users must be a list, and is text"},
		"a map": {entryWith("user", "auth-provider: {config: {SECRET: 5}}"),
			`user "e": field auth-provider.config (a value) must be text, and is a number: it needs quotes`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := Problems([]byte(test.text))
			if len(found) != 1 || found[0].String() != test.want {
				t.Errorf("got %v; want %s", found, test.want)
			}
		})
	}
	path := write(t, filepath.Join(t.TempDir(), "config"), "apiVersion: v2\n")
	c, err := Read([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Problems(); len(got) != 1 || got[0].Path != path {
		t.Errorf("got %v; want one in %s", got, path)
	}
}

// A value that can't even be read is reported with its entry and field, too.
func TestReadSaysWhere(t *testing.T) {
	tests := []struct{ text, want string }{
		{entryWith("user", "exec: SECRET"), `user "e": field exec must be a mapping, and is text`},
		{entryWith("user", "exec: {args: SECRET}"), `user "e": field exec.args must be a list, and is text`},
		{entryWith("user", "exec: {env: {SECRET: x}}"), `user "e": field exec.env must be a list, and is a mapping`},
		{entryWith("user", "exec: {provideClusterInfo: 'SECRET'}"), `field exec.provideClusterInfo must be true or false`},
		{entryWith("cluster", "extensions: SECRET"), `cluster "e": field extensions must be a list, and is text`},
		{"users: SECRET\n", `field users must be a list, and is text`},
		{"contexts: {a: b}\n", `field contexts must be a list, and is a mapping`},
		{"users: [SECRET]\n", `user "number 1" must be a mapping, and is text; kubectl refuses the file, too`},
	}
	for _, test := range tests {
		path := write(t, filepath.Join(t.TempDir(), "config"), test.text)
		_, err := Read([]string{path})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: got %v; want %s", test.text, err, test.want)
		}
	}
}
