package kubeconfig

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

const (
	firstID  = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	secondID = "bd5f5959-5e1e-4205-a714-a914373942af"
)

func serverOf(id string) string { return "https://" + id + ".k8s.ondigitalocean.com" }

// newEntry returns the entry of a cluster as `kubeconfig save` makes it.
func newEntry(name, id string) Entry {
	return Entry{
		Name: "do-fra1-" + name, ClusterID: id, Server: serverOf(id), CA: []byte("authority"),
		Exec: Exec{
			APIVersion: "client.authentication.k8s.io/v1", Command: "/usr/local/bin/doks-auth",
			Args:            []string{"exec-credential", "--api-version=v1", id},
			InteractiveMode: "Never", ProvideClusterInfo: true, InstallHint: "install it",
		},
	}
}

// load returns the Config of one file's text.
func load(t *testing.T, text string) *Config {
	t.Helper()
	document, err := yamledit.Parse([]byte(text), emptyText)
	if err != nil {
		t.Fatal(err)
	}
	c := &Config{main: &file{path: "config", text: document}}
	if err := c.merge(c.main); err != nil {
		t.Fatal(err)
	}
	return c
}

// edited returns the text that an edit makes of another.
func edited(t *testing.T, text string, edit func(c *Config) error) string {
	t.Helper()
	c := load(t, text)
	if err := edit(c); err != nil {
		t.Fatal(err)
	}
	changes, err := c.Changes()
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) == 0 {
		return text
	}
	return string(changes[0].New)
}

func save(entries ...Entry) func(c *Config) error {
	return func(c *Config) error {
		_, errs := c.Save(entries, false)
		return errors.Join(errs...)
	}
}

func remove(name string) func(c *Config) error {
	return func(c *Config) error {
		_, err := c.Remove(name)
		return err
	}
}

// kubeconfigs are as people, kubectl and other programs write them.
var kubeconfigs = map[string]string{
	"nothing in it": emptyText,
	"kubectl's": `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: QUJD
    server: https://kind.example
  name: kind
contexts:
- context:
    cluster: kind
    namespace: web
    user: kind
  name: kind
current-context: kind
kind: Config
preferences: {}
users:
- name: kind
  user:
    token: secret
`,
	"comments and odd indentation": `# my clusters
kind:   Config      # yes
apiVersion: "v1"

x-mine: {a: [1,  2], 'b': ~}   # unknown

users:      # people
    # the first
    -   name: a   # her
        user:
             exec: {command:   aws, args: [ "eks" , get-token ],
                  apiVersion: client.authentication.k8s.io/v1beta1}
        # behind her
    -   user:
            token: |
                several
                  lines
        name: 'b'

    # nobody is here
clusters:
    -
        name: c
        cluster:
            server: "https://c.example"
            proxy-url: http://proxy.example
contexts: [{name: c, context: {cluster: c, user: a}}, # one
  {name: d, context: {cluster: c, user: 'b'}}
  ]
current-context:   d   # mine
# the end
`,
	"anchors": `apiVersion: v1
kind: Config
x-exec: &exec
  exec:
    apiVersion: client.authentication.k8s.io/v1
    command: aws
users:
- name: a
  user: *exec
- name: b
  user:
    <<: *exec
clusters:
- &c
  name: c
  cluster: &cluster
    server: https://c.example
- name: d
  cluster: *cluster
contexts:
- name: c
  context: {cluster: c, user: a}
`,
	"JSON": `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"https://c.example"}}],
 "contexts": [ {"name": "c", "context": {"cluster": "c", "user": "a"}} ],
 "users":[{"name":"a","user":{"token":"x # ] }"}}], "current-context":"c"}`,
	"empty JSON lists": `{"clusters": [], "contexts": [], "users": []}` + "\n",
	"odd extensions": `clusters:
- name: c
  cluster: {server: x, extensions: [{name: note, extension: hello}, ` +
		`{name: client.authentication.k8s.io/exec, extension: [1]}]}
contexts: null
users: null
`,
	"no line break behind": `clusters:
- name: c
  cluster: {server: x}
contexts:
- name: c
  context: {cluster: c, user: a}
users:
- name: a
  user: {}`,
	"documents' marks":  "---\nclusters: null\ncontexts: null\nusers: null\n...\n",
	"byte order mark":   "\uFEFFusers: null\ncontexts: null\nclusters: null\n",
	"empty lists":       "apiVersion: v1\nclusters: []\ncontexts: [ ]\nusers:   []   # ours\ncurrent-context: ''\n",
	"comments in lists": "clusters: [ # ours\n]\ncontexts: [] # ours\nusers: null # ours\ncurrent-context: ~ # ours\n",
	"nulls":             "users: ~\nclusters: Null\ncontexts:\ncurrent-context: null\nkind: Config\n",
	"nulls below":       "users:\n  ~\nclusters:\n  # none\n  null # yet\ncontexts:\t~\ncurrent-context:\n  ''\n",
	"no lists":          "kind: Config\napiVersion: v1 # of course\n# the end",
	"one list":          "# ours\nkind: Config\nusers: []\n\n",
	"brackets":          "{}\n",
	"brackets alone":    "{}",
	"brackets, spaces":  " { } # ours",
	"open brackets":     "{ # ours\n}\n",
	"a null":            "--- ~ # ours\n",
	"comments":          "# ours",
	"an empty line":     "\n",
	"JSON nulls":        `{"clusters": null, "contexts":null,"users" : null , "current-context": null}`,
	"JSON without":      "{\n  \"kind\": \"Config\",\n  \"apiVersion\": \"v1\"\n}\n",
	"JSON lists": "{\n  \"clusters\": [],\n  \"contexts\": [\n  ],\n  \"users\": [ ],\n" +
		"  \"current-context\": \"\"\n}",
	"other scripts": `clusters:
- {name: 'кластер', cluster: {server: 'https://ü.example'}}
contexts:
- name: 日本
  context: {cluster: 'кластер', user: é}
users:
- {name: é, user: {token: ñ}}
`,
}

func TestSaveAndRemoveLeaveNoTrace(t *testing.T) {
	for name, text := range kubeconfigs {
		for _, ends := range []string{"\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s %q", name, ends), func(t *testing.T) {
				text := strings.ReplaceAll(text, "\n", ends)
				with := edited(t, text, func(c *Config) error {
					if c.CurrentContext == "" {
						c.SetCurrentContext("do-fra1-first")
					}
					return save(newEntry("first", firstID), newEntry("Second.v2", secondID))(c)
				})
				c := load(t, with)
				for id, name := range map[string]string{firstID: "do-fra1-first", secondID: "do-fra1-Second.v2"} {
					if diff := cmp.Diff([]string{name}, c.ContextsOf(id)); diff != "" {
						t.Error(diff)
					}
					want := newEntry("", id).Exec
					if user := c.User(name + "-admin"); user == nil || user.Exec == nil {
						t.Errorf("no user of %s", name)
					} else if diff := cmp.Diff(want, *user.Exec); diff != "" {
						t.Error(diff)
					}
				}
				if again := edited(t, with, save(newEntry("first", firstID))); again != with {
					t.Errorf("saving it again changes\n%s", cmp.Diff(with, again))
				}
				one := edited(t, with, remove("first"))
				if strings.Contains(one, firstID) || !strings.Contains(one, secondID) {
					t.Errorf("removed the first:\n%s", one)
				}
				if diff := cmp.Diff(text, edited(t, one, remove(secondID))); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// What is brought up to date keeps what else it says.
func TestSaveKeepsWhatItDoesNotWrite(t *testing.T) {
	before := edited(t, emptyText, save(newEntry("first", firstID)))
	before = strings.NewReplacer(
		"    server: ", "    proxy-url: http://proxy.example # ours\n    server: ",
		"    cluster: do", "    namespace: web\n    cluster: do",
		"command: /usr/local/bin/doks-auth", "command: doctl # old\n      env:\n      - name: A\n        value: b",
	).Replace(before)
	entry := newEntry("first", firstID)
	entry.CA = []byte("new authority")
	after := edited(t, before, save(entry))
	for _, want := range []string{
		"proxy-url: http://proxy.example # ours", "namespace: web", "command: /usr/local/bin/doks-auth # old", "- name: A",
		"bmV3IGF1dGhvcml0eQ==",
	} {
		if !strings.Contains(after, want) {
			t.Errorf("no %q in\n%s", want, after)
		}
	}
}

func TestSetCurrentContext(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"another":  {"current-context: a # mine\nkind: Config\n", "current-context: b # mine\nkind: Config\n"},
		"the same": {"current-context:   'b'\n", "current-context:   'b'\n"},
		"empty":    {"current-context: \"\"\n", "current-context: b\n"},
		"absent":   {"kind: Config\n# end\n", "kind: Config\ncurrent-context: \"b\"\n# end\n"},
		"null":     {"current-context:\nkind: Config\n", "current-context: b #was nothing\nkind: Config\n"},
		"in JSON":  {`{"current-context":"a","x":1}`, `{"current-context":"b","x":1}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := edited(t, test.text, func(c *Config) error { c.SetCurrentContext("b"); return nil })
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A file that can't be read as a kubeconfig is an error that tells the line, and no secret.
func TestParseErrors(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"not YAML": {"users:\n- name: a\n  user: {token: secret\n", "line 2: did not find expected ',' or '}'"},
		"a list":   {"- a\n", "line 1: it is not a mapping"},
		"a text":   {"secret\n", "line 1: it is not a mapping"},
		"two documents": {"kind: Config\n---\nkind: Config\n",
			"it has more than one YAML document; kubectl reads the first one, but"},
		"UTF-16":            {"\xff\xfek\x00", "it is UTF-16 text, as"},
		"an ended document": {"---\n...\n", "it has more than one YAML document"},
		"a lone CR":         {"kind: Config\nx: a\rb\n", "line 2: it has a line break other than a line feed"},
		"a line separator":  {"x: '\u2028'\n", "line 1: it has a line break other than a line feed"},
		"a key twice":       {"kind: Config\nkind: Config\n", `line 2: mapping key "kind" already defined at line 1`},
		"users as a text":   {"users: secret\n", "line 1: unexpected type !!str"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			document, err := parse([]byte(test.text))
			if err == nil {
				c := &Config{}
				err = c.merge(&file{text: document})
			}
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, not %q", err, test.want)
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	other := newEntry("first", secondID)
	before := edited(t, emptyText, save(newEntry("first", firstID)))
	before = strings.Replace(before, "    server: ", "    insecure-skip-tls-verify: true\n    server: ", 1)
	c := load(t, before)
	_, errs := c.Save([]Entry{other}, false)
	want := `cluster entry "do-fra1-first" already exists for server`
	if errs[0] == nil || !strings.Contains(errs[0].Error(), want) {
		t.Errorf("got %v; want %q", errs, want)
	}
	if changes, err := c.Changes(); len(changes) > 0 || err != nil {
		t.Errorf("%v, %v", err, changes)
	}
	forced := edited(t, before, func(c *Config) error {
		_, errs := c.Save([]Entry{other}, true)
		return errs[0]
	})
	if diff := cmp.Diff(edited(t, emptyText, save(other)), forced); diff != "" {
		t.Error(diff)
	}
	// With an alias it stands beside the other, and is found again without.
	alias := other
	alias.Alias = "mine"
	beside := edited(t, edited(t, emptyText, save(newEntry("first", firstID))), save(alias))
	if diff := cmp.Diff([]string{"mine"}, load(t, beside).ContextsOf(secondID)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(beside, edited(t, beside, save(other))); diff != "" {
		t.Error(diff)
	}
	// Two of one name in one call are both saved.
	both := load(t, edited(t, emptyText, save(newEntry("first", firstID), other)))
	if diff := cmp.Diff([]string{"do-fra1-first-bd5f5959"}, both.ContextsOf(secondID)); diff != "" {
		t.Error(diff)
	}
	// A context whose cluster is gone can be removed, by its name and by the id.
	for _, name := range []string{"do-fra1-first", firstID} {
		text := edited(t, emptyText, save(newEntry("first", firstID)))
		gone := edited(t, text, func(c *Config) error { c.main.remove(clustersList, []string{"do-fra1-first"}); return nil })
		if diff := cmp.Diff(emptyText, edited(t, gone, remove(name))); diff != "" {
			t.Error(diff)
		}
	}
}

// An edit that would bend something else isn't made.
func TestTooOdd(t *testing.T) {
	text := fmt.Sprintf(`clusters:
- name: do-fra1-first
  cluster: &c
    server: %s
- name: other
  cluster: *c
`, serverOf(firstID))
	c := load(t, text)
	if err := save(newEntry("first", firstID))(c); err != nil {
		t.Fatal(err)
	}
	if changes, err := c.Changes(); err == nil || !strings.Contains(err.Error(), "can't be edited safely") {
		t.Errorf("%v, %v", err, changes)
	}
}

// A cluster's own extension stands beside those of others.
func TestSaveKeepsOtherExtensions(t *testing.T) {
	const others = "    extensions:\n    - extension: {a: 1} # mine\n      name: minikube\n"
	entry := newEntry("first", firstID)
	entry.User, entry.Server = "doks", "https://tunnel.example"
	before := edited(t, emptyText, save(entry))
	i := strings.Index(before, "    extensions:")
	before = before[:i] + others + before[strings.Index(before, "    server:"):]
	after := edited(t, before, save(entry))
	if !strings.Contains(after, others) || load(t, after).Cluster(entry.Name).ClusterID != firstID {
		t.Errorf("got\n%s\nwant the id beside\n%s", after, others)
	}
}
