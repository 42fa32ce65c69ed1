package kubeconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A cluster whose entries have been renamed is found by its id and updated under the names that it has, forced or not.
func TestSaveFindsRenamedEntries(t *testing.T) {
	saved := edited(t, emptyText, save(newEntry("first", firstID)))
	const context = "- context:\n    cluster: do-fra1-first\n    user: do-fra1-first-admin\n  name: "
	rename := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(saved) }
	alias := newEntry("first", firstID)
	alias.Alias = "third"
	tests := map[string]struct {
		text  string
		entry Entry
		want  Saved
		adds  int // contexts
	}{
		"nothing renamed": {text: saved, want: Saved{"do-fra1-first", "do-fra1-first", "do-fra1-first-admin"}},
		"context": {text: rename(context+"do-fra1-first", context+"prod"), want: Saved{"prod", "do-fra1-first",
			"do-fra1-first-admin"}},
		"two aliases": {
			text: rename(context+"do-fra1-first", context+"prod\n"+context+"live"),
			want: Saved{"prod", "do-fra1-first", "do-fra1-first-admin"},
		},
		"two aliases, one current": {
			text: rename(context+"do-fra1-first", context+"prod\n"+context+"live", `current-context: ""`,
				"current-context: live"),
			want: Saved{"live", "do-fra1-first", "do-fra1-first-admin"},
		},
		"user":       {text: rename("do-fra1-first-admin", "me"), want: Saved{"do-fra1-first", "do-fra1-first", "me"}},
		"everything": {text: rename("do-fra1-first", "x"), want: Saved{"x", "x", "x-admin"}},
		"another alias": {text: saved, entry: alias, want: Saved{"third", "do-fra1-first", "do-fra1-first-admin"},
			adds: 1},
		"at DigitalOcean": {text: saved, entry: newEntry("renamed", firstID), want: Saved{"do-fra1-first", "do-fra1-first",
			"do-fra1-first-admin"}},
		"no user": {text: rename("name: do-fra1-first-admin", "name: gone", context+"do-fra1-first",
			context+"prod"), want: Saved{"prod", "do-fra1-first", "do-fra1-first-admin"}},
		"a service account's": {
			text: rename(context+"do-fra1-first", strings.Replace(context, "do-fra1-first-admin", "sa", 1)+"ci",
				"users:\n", "users:\n- name: sa\n  user: {token: t}\n"),
			want: Saved{"do-fra1-first", "do-fra1-first", "do-fra1-first-admin"}, adds: 1,
		},
		"a tunnel's": {
			text: rename(serverOf(firstID), "https://127.0.0.1:6443", "do-fra1-first", "t"),
			want: Saved{"do-fra1-first", "do-fra1-first", "do-fra1-first-admin"}, adds: 1,
		},
	}
	for name, test := range tests {
		for _, force := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " by force"}[force], func(t *testing.T) {
				entry := test.entry
				if entry.Name == "" {
					entry = newEntry("first", firstID)
				}
				entry.CA = []byte("new authority")
				var got Saved
				text := edited(t, test.text, func(c *Config) error {
					names, errs := c.Save([]Entry{entry}, force)
					got = names[0]
					return errs[0]
				})
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("want -, got +\n%s", diff)
				}
				before, after := load(t, test.text), load(t, text)
				if added := len(after.Contexts) - len(before.Contexts); added != test.adds {
					t.Errorf("got %d contexts more; want %d, in\n%s", added, test.adds, text)
				}
				if cluster := after.Cluster(got.Cluster); cluster == nil || cluster.CA != "bmV3IGF1dGhvcml0eQ==" {
					t.Errorf("got the cluster %v; want it updated", cluster)
				}
				if user := after.User(got.User); user == nil || user.clusterID() != firstID {
					t.Errorf("got the user %v; want one for the cluster", user)
				}
				for _, context := range before.Contexts {
					now := after.Context(context.Name)
					if now == nil || now.Cluster != context.Cluster {
						t.Errorf("got %v of context %q; want it as it was", now, context.Name)
					}
				}
				if again := edited(t, text, func(c *Config) error { c.Save([]Entry{entry}, force); return nil }); again != text {
					t.Errorf("saving it again changes\n%s", cmp.Diff(text, again))
				}
			})
		}
	}
}

// Under the alias that a cluster got because its name was taken, it is found again, and by force too.
func TestForceHasTheSameTarget(t *testing.T) {
	alias := newEntry("first", secondID)
	alias.Alias = "other"
	both := edited(t, edited(t, emptyText, save(newEntry("first", firstID))), save(alias))
	for _, entry := range []Entry{alias, newEntry("first", secondID)} {
		got := edited(t, both, func(c *Config) error {
			_, errs := c.Save([]Entry{entry}, true)
			return errs[0]
		})
		if diff := cmp.Diff(both, got); diff != "" {
			t.Errorf("by force: want -, got +\n%s", diff)
		}
	}
}
