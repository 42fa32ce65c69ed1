// Command bench prints what a cache hit costs, as ratios measured side by side: the two
// commands of a line run in turn, and the ratio is the median of the pairs' ratios. No
// threshold is enforced.
//
//	go run ./hack/bench bin/doks-auth [another doks-auth]
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func main() {
	pairs := flag.Int("pairs", 300, "how often each command runs")
	flag.Parse()
	if flag.NArg() < 1 || flag.NArg() > 2 {
		fmt.Fprintln(os.Stderr, "usage: bench [-pairs N] path/to/doks-auth [path/to/another]")
		os.Exit(2)
	}
	b := &bench{pairs: *pairs, plugin: flag.Arg(0), another: flag.Arg(1)}
	if err := b.measure(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const (
	accessToken = "dop_v1_bench"
	clusterID   = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	manyEntries = 10_000
)

// bench holds what a run of the benchmark needs.
type bench struct {
	pairs           int
	plugin, another string // paths; another may be ""
	dir             string // temporary
	launcher        string // runs each command as its parent; see bare
	apiURL          string
}

func (b *bench) measure(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "doks-auth-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	api := digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		return err
	}
	api.AddCluster(cluster)
	if err := cluster.Serve(api); err != nil {
		return err
	}
	defer cluster.Close()
	cluster.Server = "https://" + cluster.Addr() // its certificate is valid for that too
	server := httptest.NewServer(api)
	defer server.Close()
	b.apiURL = server.URL
	auth := digitaloceantest.NewAuthServer(api)
	authServer := httptest.NewServer(auth)
	defer authServer.Close()
	auth.Issuer = authServer.URL

	bare, err := b.buildBare(ctx)
	if err != nil {
		return err
	}
	config, err := b.writeDoctlConfig("doctl.yaml", accessToken, "")
	if err != nil {
		return err
	}
	grant := auth.Start(digitaloceantest.User{UUID: "user", TeamUUID: "team"})
	session, err := b.writeDoctlConfig("session.yaml", grant.AccessToken, sessionOf(grant, auth.Issuer))
	if err != nil {
		return err
	}
	hits, err := b.hits(b.plugin, config, session)
	if err != nil {
		return err
	}
	for _, hit := range hits { // fills the cache
		if _, _, err := b.run(ctx, hit, 0); err != nil {
			return err
		}
	}
	if err := fill(filepath.Join(b.dir, "many")); err != nil {
		return err
	}
	fetched := api.Mints(clusterID)
	bySSO, err := b.ssoHit(ctx)
	if err != nil {
		return err
	}

	byEnv, byFile, many, bySession := hits[0], hits[1], hits[2], hits[3]
	again := byEnv
	again.again = true
	fmt.Printf("%d pairs of runs per line, over %d copies of each binary; ", b.pairs, copies)
	fmt.Println("the ratio is the median of the pairs' ratios")
	for _, line := range []struct {
		what       string
		one, other command
	}{
		{"hit, token in the environment / bare Go process", byEnv, bare},
		{"hit, token in doctl's file / bare Go process", byFile, bare},
		{"hit, doctl's session / hit, token in doctl's file", bySession, byFile},
		{"hit, single sign-on / hit, token in environment", bySSO, byEnv},
		{"hit of a program that asks again / first hit", again, byEnv},
		{fmt.Sprintf("hit, %d entries / hit, 1 entry", manyEntries), many, byEnv},
	} {
		if err := b.compare(ctx, line.what, line.one, line.other, b.pairs); err != nil {
			return err
		}
	}
	if b.another != "" {
		if err := b.compareAnother(ctx, config, byEnv, byFile); err != nil {
			return err
		}
	}
	if err := b.peak(ctx, "hit, peak resident", byEnv); err != nil {
		return err
	}
	if info, err := os.Stat(b.plugin); err == nil {
		fmt.Printf("%-50s %5.1f MB\n", "the binary", float64(info.Size())/1e6)
	}
	if mints := api.Mints(clusterID); mints != fetched && b.another == "" {
		return fmt.Errorf("got %d mints, want %d: not all runs were hits", mints, fetched)
	}
	if err := b.compareShared(ctx, byEnv, b.pairs); err != nil {
		return err
	}
	if err := b.compareKubectl(ctx, api, cluster, byEnv, b.pairs/3); err != nil {
		return err
	}
	return b.compareWithDoctl(ctx, byEnv)
}

// hits returns three commands that are cache hits after their first run: with the access token in the
// environment, with it in doctl's file, with it in the environment and many entries, and with a session of doctl's.
func (b *bench) hits(plugin, config, session string) ([]command, error) {
	var commands []command
	for _, hit := range []struct{ cache, token, config string }{
		{"one", accessToken, ""},
		{"one", "", config},
		{"many", accessToken, ""},
		{"one", "", session},
	} {
		c, err := b.hit(plugin, hit.cache, hit.token, hit.config)
		if err != nil {
			return nil, err
		}
		commands = append(commands, c)
	}
	return commands, nil
}

// hit returns a command that is a cache hit after its first run.
func (b *bench) hit(plugin, cache, token, config string, flags ...string) (command, error) {
	args := append([]string{"exec-credential", "--api-version=v1"}, flags...)
	return newCommand(b.dir, plugin, append(os.Environ(),
		"DIGITALOCEAN_ACCESS_TOKEN="+token, "DIGITALOCEAN_TOKEN=", "XDG_STATE_HOME="+filepath.Join(b.dir, "state"),
		"DIGITALOCEAN_CONTEXT=", "DIGITALOCEAN_CONFIG="+config, "DIGITALOCEAN_API_URL="+b.apiURL,
		"DOKS_AUTH_CACHE_DIR="+filepath.Join(b.dir, cache), "KUBERNETES_EXEC_INFO=",
	), append(args, clusterID)...)
}

// compareAnother compares the plugin with another build of it.
func (b *bench) compareAnother(ctx context.Context, config string, byEnv, byFile command) error {
	renamed := filepath.Join(b.dir, "another")
	if err := copyFile(renamed, b.another); err != nil {
		return err
	}
	others, err := b.hits(renamed, config, "")
	if err != nil {
		return err
	}
	for i, one := range []command{byEnv, byFile} {
		if _, _, err := b.run(ctx, others[i], 0); err != nil { // its key may differ
			return err
		}
		what := []string{"hit, environment / the other build", "hit, doctl's file / the other build"}[i]
		if err := b.compare(ctx, what, one, others[i], b.pairs); err != nil {
			return err
		}
	}
	return nil
}

// fill adds copies of a cache's only entry, with names of the same form.
func fill(cache string) error {
	entries, err := filepath.Glob(filepath.Join(cache, "*.entry"))
	if err != nil || len(entries) != 1 {
		return fmt.Errorf("%d entries in %s: %w", len(entries), cache, err)
	}
	data, err := os.ReadFile(entries[0])
	if err != nil {
		return err
	}
	for i := range manyEntries - 1 {
		if err := os.WriteFile(filepath.Join(cache, fmt.Sprintf("%032x.entry", i)), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// writeDoctlConfig writes a configuration as doctl does: about 900 lines with each command's flags, the
// access token, and sessions, if any.
func (b *bench) writeDoctlConfig(name, token, sessions string) (path string, err error) {
	var text strings.Builder
	flags := func(from, to int) {
		for i := from; i < to; i++ {
			fmt.Fprintf(&text, "command-%d:\n  list:\n    format: \"\"\n    no-header: false\n"+
				"  get:\n    format: \"\"\n    template: \"\"\n  tags: []\n", i)
		}
	}
	text.WriteString("access-token: \"\"\napi-url: \"\"\n" +
		"auth-contexts:\n  work: " + token + "\n  home: dop_v1_other\n")
	flags(0, 50)
	text.WriteString("context: work\n")
	flags(50, 110)
	text.WriteString(sessions + "output: text\ntrace: false\n")
	path = filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}

// sessionOf returns a session as doctl writes it.
func sessionOf(g digitaloceantest.Grant, issuer string) string {
	return fmt.Sprintf("oauth-tokens:\n  work:\n    client-id: %s\n    expires-at: \"%s\"\n    issuer: %s\n"+
		"    refresh-token: %s\n    scope: %s\n    token-endpoint: \"\"\n",
		g.ClientID, g.ExpiresAt.UTC().Format(time.RFC3339), issuer, g.RefreshToken, g.Scope)
}

// buildBare builds the baseline command, which is also the launcher, with the plugin's build flags.
func (b *bench) buildBare(ctx context.Context) (command, error) {
	b.launcher = filepath.Join(b.dir, "bare")
	build := exec.CommandContext(ctx,
		"go", "build", "-trimpath", "-ldflags=-s -w", "-o", b.launcher, "./hack/bench/bare")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return command{}, fmt.Errorf("building the bare process: %w", err)
	}
	file := filepath.Join(b.dir, "file")
	if err := os.WriteFile(file, make([]byte, 1024), 0o600); err != nil {
		return command{}, err
	}
	return newCommand(b.dir, b.launcher, nil, file)
}

// compareWithDoctl compares a hit with doctl's own warm cache, if doctl is on PATH.
func (b *bench) compareWithDoctl(ctx context.Context, hit command) error {
	doctl, err := exec.LookPath("doctl")
	if err != nil {
		fmt.Println("doctl is not on PATH: not measured")
		return nil
	}
	other, err := newCommand(b.dir, doctl, append(os.Environ(), "HOME="+b.dir, "XDG_CONFIG_HOME="+b.dir),
		"kubernetes", "cluster", "kubeconfig", "exec-credential", "--version=v1beta1",
		"--access-token="+accessToken, "--api-url="+b.apiURL, clusterID)
	if err != nil {
		return err
	}
	if _, _, err := b.run(ctx, other, 0); err != nil {
		return fmt.Errorf("doctl: %w", err)
	}
	return b.compare(ctx, "hit / doctl", hit, other, b.pairs)
}
