package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// teams is a world with three teams, red, green and blue, each of which has an access token, and a doctl context and
// clusters that are named after it.
type teams struct {
	*world
	env    map[string]string // in addition to the world's
	config string            // the kubeconfig
	doctl  string            // doctl's configuration
}

const perTeam = 3

func newTeams(t *testing.T) *teams {
	t.Helper()
	dir := t.TempDir()
	w := &teams{world: newWorld(t), config: filepath.Join(dir, "config"), doctl: filepath.Join(dir, "doctl.yaml")}
	w.api.RemoveCluster(clusterID)
	contexts := "auth-contexts:\n"
	for n, team := range []string{"red", "green", "blue"} {
		w.api.SetUser("dop_v1_"+team, digitaloceantest.User{TeamUUID: team})
		contexts += fmt.Sprintf("  %s: dop_v1_%s\n", team, team)
		for i := range perTeam {
			cluster, err := digitaloceantest.NewCluster(idOf(n, i))
			if err != nil {
				t.Fatal(err)
			}
			cluster.Name, cluster.TeamUUID = fmt.Sprint(team, i), team
			w.api.AddCluster(cluster)
		}
	}
	if err := os.WriteFile(w.doctl, []byte(contexts), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = map[string]string{
		"DIGITALOCEAN_ACCESS_TOKEN": "", "DIGITALOCEAN_CONFIG": w.doctl, "KUBECONFIG": w.config,
	}
	w.adjust = func(e *cmd.Env) {
		get := e.Getenv
		e.Getenv = func(name string) string {
			if value, ok := w.env[name]; ok {
				return value
			}
			return get(name)
		}
	}
	return w
}

// idOf returns the id of a team's cluster.
func idOf(team, i int) string { return fmt.Sprintf("0000000%d-0000-4000-8000-00000000000%d", team, i) }

// saveAll saves the clusters of each team: with its context in the entries, or its access token in the environment.
func (w *teams) saveAll(t *testing.T, named bool) {
	t.Helper()
	for _, team := range []string{"red", "green", "blue"} {
		if named {
			w.mustRun(t, "kubeconfig", "save", "--all", "--context="+team)
			continue
		}
		w.env["DIGITALOCEAN_ACCESS_TOKEN"] = "dop_v1_" + team
		w.mustRun(t, "kubeconfig", "save", "--all")
	}
	w.env["DIGITALOCEAN_ACCESS_TOKEN"] = ""
}

// setContexts makes doctl's contexts stand for access tokens.
func (w *teams) setContexts(t *testing.T, tokens string) {
	t.Helper()
	if err := os.WriteFile(w.doctl, []byte("auth-contexts: {"+tokens+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// prune removes clusters only if they are certain to be gone.
func TestPruneKeepsLiveClusters(t *testing.T) {
	const unknown = ": not in any account that could be asked, but the kubeconfig doesn't say which account to ask\n"
	const foreign = ": the cached credential is from an account that couldn't be asked\n"
	const remove = "'doks-auth kubeconfig remove NAME' removes a cluster that is gone\n"
	tests := map[string]struct {
		named  bool
		change func(*testing.T, *teams)
		args   []string
		gone   string // names of contexts
		stderr string // its beginning
	}{
		"nothing is gone": {named: true},
		"some are gone": {
			named:  true,
			change: func(_ *testing.T, w *teams) { w.api.RemoveCluster(idOf(0, 1)); w.api.RemoveCluster(idOf(2, 2)) },
			gone:   "red1 blue2",
		},
		"one is still listed, as deleted": {
			named:  true,
			change: func(_ *testing.T, w *teams) { w.api.SetState(idOf(0, 1), "deleted") },
			gone:   "red1",
		},
		"one is being deleted": {
			named:  true,
			change: func(_ *testing.T, w *teams) { w.api.SetState(idOf(0, 1), "deleting") },
		},
		"all of an account are gone, and were used": {
			named: true,
			change: func(_ *testing.T, w *teams) {
				for i := range perTeam {
					w.api.RemoveCluster(idOf(1, i))
				}
			},
			gone: "green0 green1 green2",
		},
		"a context is signed in to a team that others are, too": {
			named: true,
			change: func(t *testing.T, w *teams) {
				w.setContexts(t, "red: dop_v1_green, green: dop_v1_green, old: dop_v1_red")
			},
			stderr: "kept 3 clusters of an account that can't be asked: ",
		},
		"a context is signed in to another team": {
			named: true,
			change: func(t *testing.T, w *teams) {
				w.setContexts(t, "red: dop_v1_green, green: dop_v1_green, blue: dop_v1_blue")
			},
			stderr: `kept "do-fra1-red0", "do-fra1-red1", "do-fra1-red2"` + foreign + remove,
		},
		"a context is signed in to another team, and nothing is cached any more": {
			named: true,
			change: func(t *testing.T, w *teams) {
				w.mustRun(t, "cache", "clear", "--all")
				w.setContexts(t, "red: dop_v1_green, green: dop_v1_green, blue: dop_v1_blue")
			},
			stderr: `kept "do-fra1-red0", "do-fra1-red1", "do-fra1-red2": doctl's context "red" has none of its clusters in ` +
				"the kubeconfig, and may be signed in to another team\n" + remove,
		},
		"a context with one cluster is signed in to another team": {
			named: true,
			change: func(t *testing.T, w *teams) {
				w.mustRun(t, "kubeconfig", "remove", "red0", "red1")
				w.setContexts(t, "red: dop_v1_green, green: dop_v1_green, blue: dop_v1_blue")
			},
			stderr: `kept "do-fra1-red2"` + foreign + remove,
		},
		"a context is signed in to another team, whose clusters were saved, too": {
			named: true,
			change: func(t *testing.T, w *teams) {
				w.setContexts(t, "red: dop_v1_green, blue: dop_v1_blue")
				w.mustRun(t, "kubeconfig", "save", "green1", "--context=red")
			},
			stderr: `kept 2 clusters of an account that can't be asked: doctl's`,
		},
		"some are gone, and nothing is cached any more": {
			named: true,
			change: func(t *testing.T, w *teams) {
				w.mustRun(t, "cache", "clear", "--all")
				w.api.RemoveCluster(idOf(0, 1))
			},
			gone: "red1",
		},
		"no account is named, and none is gone": {
			change: func(_ *testing.T, w *teams) { w.env["DIGITALOCEAN_ACCESS_TOKEN"] = "dop_v1_red" },
		},
		"no account is named, and one is chosen": {args: []string{"--context=red"}},
		"no account is named, and one can't be found": {
			change: func(t *testing.T, w *teams) { w.setContexts(t, "red: dop_v1_red, green: dop_v1_green") },
			args:   []string{"--context=red"},
			stderr: `kept "do-fra1-blue0", "do-fra1-blue1", "do-fra1-blue2"` + foreign + remove,
		},
		"no account is named, and some are gone": {
			change: func(t *testing.T, w *teams) {
				w.setContexts(t, "red: dop_v1_red, green: dop_v1_green")
				for team := range 3 {
					w.api.RemoveCluster(idOf(team, 0))
				}
			},
			args:   []string{"--context=red"},
			gone:   "red0 green0",
			stderr: `kept "do-fra1-blue0", "do-fra1-blue1", "do-fra1-blue2"` + foreign,
		},
		"no account is named, and nothing is cached any more": {
			change: func(t *testing.T, w *teams) {
				w.api.RemoveCluster(idOf(0, 0))
				w.mustRun(t, "cache", "clear", "--all")
			},
			args:   []string{"--context=red"},
			stderr: `kept "do-fra1-red0"` + unknown + remove,
		},
		"no account is named or found": {
			stderr: "kept 9 clusters of an account that can't be asked: ",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTeams(t)
			w.saveAll(t, test.named)
			if test.change != nil {
				test.change(t, w)
			}
			before := w.contexts(t)
			args := append([]string{"kubeconfig", "prune"}, test.args...)
			_, planned, _ := w.run(append(args, "--dry-run")...)
			code, stdout, stderr := w.run(args...)
			if code != 0 || !strings.HasPrefix(stderr, test.stderr) || (test.stderr == "") != (stderr == "") {
				t.Errorf("got exit code %d, %q; want 0, %q…", code, stderr, test.stderr)
			}
			want := before
			for name := range strings.FieldsSeq(test.gone) {
				want = strings.Replace(want, "do-fra1-"+name+"\n", "", 1)
				if line := fmt.Sprintf("would remove context \"do-fra1-%s\"\n", name); !strings.Contains(planned, line) {
					t.Errorf("--dry-run: got %q; want %q in it", planned, line)
				}
			}
			if got := w.contexts(t); got != want {
				t.Errorf("got contexts %q; want %q", got, want)
			}
			if test.gone == "" && (stdout != "nothing to remove\n" || planned != stdout) {
				t.Errorf("got %q, and %q with --dry-run; want nothing to remove", stdout, planned)
			}
		})
	}
}

// contexts returns the kubeconfig's contexts, one a line.
func (w *teams) contexts(t *testing.T) string {
	t.Helper()
	return w.mustRun(t, "kubeconfig", "list", "-o", "name")
}
