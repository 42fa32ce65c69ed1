//go:build windows

package windows

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// atOnce calls run for each number below n, for some of them at once: starting a process takes so long in Wine that a
// call of the API would be given up while hundreds start.
func atOnce(n, some int, run func(i int)) {
	var all sync.WaitGroup
	free := make(chan struct{}, some)
	for i := range n {
		free <- struct{}{}
		all.Go(func() {
			run(i)
			<-free
		})
	}
	all.Wait()
}

// A cold cache and many processes: one mint.
func TestColdCache(t *testing.T) {
	const processes = 200
	w := newWorld(t)
	w.api.SetDelay(500 * time.Millisecond)
	results := make([]result, processes)
	start := time.Now()
	atOnce(processes, 50, func(i int) { results[i] = w.run("", credential(clusterID)...) })
	for _, got := range results {
		if got.code != 0 || got.stderr != "" || got.stdout != results[0].stdout || tokenOf(got.stdout) == "" {
			t.Errorf("got %+v, want exit code 0 and the response %s", got, results[0].stdout)
		}
	}
	t.Logf("%d processes within %.1f s: %d mint", processes, time.Since(start).Seconds(), w.api.Mints(clusterID))
	if mints := w.api.Mints(clusterID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
}

// Concurrent saves don't lose each other's clusters, and leave nothing but the kubeconfig.
func TestSavesAtOnce(t *testing.T) {
	const saves = 100
	w := newWorld(t)
	var ids []string
	for i := range saves {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012x", i))
		if err != nil {
			t.Fatal(err)
		}
		cluster.Name = fmt.Sprint("c", i)
		w.api.AddCluster(cluster)
		ids = append(ids, cluster.ID)
	}
	start := time.Now()
	atOnce(saves, 25, func(i int) {
		if got := w.run("", "kubeconfig", "save", ids[i], "--timeout=4m"); got.code != 0 {
			t.Errorf("got exit code %d, want 0: %s", got.code, got.stderr)
		}
	})
	t.Logf("%d saves within %.1f s", saves, time.Since(start).Seconds())
	text, err := os.ReadFile(w.config())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if !strings.Contains(string(text), "https://"+id+".") || w.api.Mints(id) != 1 {
			t.Errorf("cluster %s: got it saved: %t, and %d mints; want it saved, and 1", id,
				strings.Contains(string(text), id), w.api.Mints(id))
		}
	}
	for _, name := range w.names(w.home + `\.kube`) {
		if !slices.Contains([]string{"cache", "config"}, name) {
			t.Errorf("left: %s", name)
		}
	}
}
