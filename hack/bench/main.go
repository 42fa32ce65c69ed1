// Command bench prints what a cache hit costs, as ratios that were measured side by side: the two
// commands of a line run in turn, and the ratio is the median of that of their pairs. Nothing passes
// or fails by a figure.
//
//	go run ./hack/bench bin/doks-auth
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func main() {
	pairs := flag.Int("pairs", 300, "how often each command runs")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: bench [-pairs N] path/to/doks-auth")
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0), *pairs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const (
	accessToken = "dop_v1_bench"
	clusterID   = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	manyEntries = 10_000
	warmings    = 2 // caches that are filled by a fetch of the plugin's
)

func run(ctx context.Context, plugin string, pairs int) error {
	plugin, err := filepath.Abs(plugin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "doks-auth-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

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
	cluster.Server = "https://" + cluster.Addr() // its certificate is good for that too
	server := httptest.NewServer(api)
	defer server.Close()

	hit := func(cache string) command {
		return command{
			args: []string{plugin, "exec-credential", "--api-version=v1", clusterID},
			env: append(os.Environ(), "DIGITALOCEAN_ACCESS_TOKEN="+accessToken, "DIGITALOCEAN_API_URL="+server.URL,
				"DOKS_AUTH_CACHE_DIR="+cache, "KUBERNETES_EXEC_INFO="),
		}
	}
	one, many := hit(filepath.Join(dir, "one")), hit(filepath.Join(dir, "many"))
	for _, cold := range []command{one, many} {
		if err := cold.run(ctx); err != nil {
			return err
		}
	}
	if err := fill(filepath.Join(dir, "many")); err != nil {
		return err
	}
	bare, err := buildBare(ctx, dir)
	if err != nil {
		return err
	}

	fmt.Printf("%d pairs of runs a line; the ratio is the median of the pairs' ratios\n", pairs)
	if err := compare(ctx, "hit / bare Go process (goal 3.3)", one, bare, pairs); err != nil {
		return err
	}
	if err := compare(ctx, fmt.Sprintf("hit, %d entries / hit, 1 entry (goal 1.1)", manyEntries), many, one, pairs); err != nil {
		return err
	}
	if err := peak(ctx, bare, one); err != nil {
		return err
	}
	if mints := api.Mints(clusterID); mints != warmings {
		return fmt.Errorf("not all of these were hits: %d credentials were minted, not %d", mints, warmings)
	}
	if err := compareKubectl(ctx, dir, api, cluster, one, pairs/3); err != nil {
		return err
	}
	return compareWithDoctl(ctx, dir, server.URL, one, pairs)
}

// fill puts copies of the one entry of a cache beside it, under names of the same form.
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

// buildBare builds the command that hits are measured against, with the plugin's own flags.
func buildBare(ctx context.Context, dir string) (command, error) {
	binary := filepath.Join(dir, "bare")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "./hack/bench/bare")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return command{}, fmt.Errorf("building the bare process: %w", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, 1024), 0o600); err != nil {
		return command{}, err
	}
	return command{args: []string{binary, file}}, nil
}

// compareWithDoctl measures against doctl on its own warm cache, where doctl is on PATH.
func compareWithDoctl(ctx context.Context, dir, apiURL string, hit command, pairs int) error {
	doctl, err := exec.LookPath("doctl")
	if err != nil {
		fmt.Println("doctl is not on PATH: not measured")
		return nil
	}
	other := command{
		args: []string{doctl, "kubernetes", "cluster", "kubeconfig", "exec-credential", "--version=v1beta1",
			"--access-token=" + accessToken, "--api-url=" + apiURL, clusterID},
		env: append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir),
	}
	if err := other.run(ctx); err != nil {
		return fmt.Errorf("doctl: %w", err)
	}
	return compare(ctx, "hit / doctl", hit, other, pairs)
}

type command struct {
	args []string
	env  []string
}

func (c command) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Env = c.env
	return cmd.Run()
}

// compare runs a and b in turn and prints the ratio of their wall times.
func compare(ctx context.Context, what string, a, b command, pairs int) error {
	var ratios, times []float64
	for range pairs {
		var took [2]time.Duration
		for i, c := range []command{a, b} {
			start := time.Now()
			if err := c.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.args[0], err)
			}
			took[i] = time.Since(start)
		}
		ratios = append(ratios, took[0].Seconds()/took[1].Seconds())
		times = append(times, float64(took[0].Microseconds())/1000)
	}
	fmt.Printf("%-50s %5.2f   (quartiles %.2f to %.2f; %.1f ms)\n", what,
		quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75), quantile(times, 0.5))
	return nil
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1))]
}

// peak prints the most memory that a hit has resident.
func peak(ctx context.Context, bare, hit command) error {
	cmd := exec.CommandContext(ctx, bare.args[0], append([]string{"-peak"}, hit.args...)...)
	cmd.Env = hit.env
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	kilobytes, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return err
	}
	fmt.Printf("%-50s %5.1f MiB\n", "hit, peak resident (goal 14)", kilobytes/1024)
	return nil
}
