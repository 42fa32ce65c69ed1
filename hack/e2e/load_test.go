//go:build linux

package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tokenOf returns the token in a response.
func tokenOf(stdout string) string {
	var response struct{ Status struct{ Token string } }
	if json.Unmarshal([]byte(stdout), &response) != nil {
		return ""
	}
	return response.Status.Token
}

// processes is how many processes of the plugin thousand runs.
const processes = 1000

// thousand runs a thousand processes of the plugin at once, which must all print the same response. It returns how long
// all of them took, and the slowest.
func (u *user) thousand() (took, slowest time.Duration) {
	u.t.Helper()
	results := make([]result, processes)
	start := make(chan struct{})
	var wait sync.WaitGroup
	for i := range results {
		wait.Go(func() {
			<-start
			results[i] = u.plugin()
		})
	}
	began := time.Now()
	close(start)
	wait.Wait()
	took = time.Since(began)
	for _, got := range results {
		slowest = max(slowest, got.took)
		if got.code != 0 || got.stderr != "" || got.stdout != results[0].stdout {
			u.t.Errorf("got %+v, want exit code 0 and the response %s", got, results[0].stdout)
		}
	}
	return took, slowest
}

// A thousand concurrent processes with an empty cache mint once.
func TestThousandProcesses(t *testing.T) {
	u := newUser(t, nil)
	u.api.SetDelay(500 * time.Millisecond)
	took, slowest := u.thousand()
	t.Logf("%d processes within %.1f s: %d mint, slowest answer after %.1f s",
		processes, took.Seconds(), u.api.Mints(tokenID), slowest.Seconds())
	if mints := u.api.Mints(tokenID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
}

// Writers are killed at random times while readers read: every reader gets a
// complete and valid credential. E2E_KILL_TIME sets the duration.
func TestRandomKills(t *testing.T) {
	duration := 5 * time.Minute
	if given := os.Getenv("E2E_KILL_TIME"); given != "" {
		var err error
		if duration, err = time.ParseDuration(given); err != nil {
			t.Fatal(err)
		}
	}
	u := newUser(t, nil)
	if got := u.plugin(); got.code != 0 {
		t.Fatalf("got exit code %d, want 0: %s", got.code, got.stderr)
	}
	end := time.Now().Add(duration)
	var reads, kills, survivors atomic.Int64
	var wait sync.WaitGroup
	wait.Go(func() {
		for time.Now().Before(end) {
			writer := exec.CommandContext(t.Context(),
				plugin(), "exec-credential", "--api-version=v1", "--force-refresh", tokenID)
			writer.Env = u.env
			if err := writer.Start(); err != nil {
				t.Errorf("starting a writer: got error %v, want none", err)
				return
			}
			time.Sleep(rand.N(25 * time.Millisecond))
			if writer.Process.Kill() == nil {
				kills.Add(1)
			}
			if writer.Wait() == nil {
				survivors.Add(1)
			}
		}
	})
	for range 2 {
		wait.Go(func() {
			for time.Now().Before(end) {
				got := u.plugin()
				reads.Add(1)
				if got.code != 0 || !u.api.Accepts(tokenID, tokenOf(got.stdout)) {
					t.Errorf("got exit code %d, %q, %q; want 0 and a valid token", got.code, got.stdout, got.stderr)
				}
			}
		})
	}
	wait.Wait()
	left, err := os.ReadDir(u.cache())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d kills (%d too late), %d mints, %d reads, all of them valid; %d files in the cache",
		duration, kills.Load(), survivors.Load(), u.api.Mints(tokenID), reads.Load(), len(left))
	if kills.Load() == 0 || survivors.Load() == kills.Load() || reads.Load() == 0 {
		t.Errorf("got %d kills, %d of them too late, and %d reads; want some of each in time",
			kills.Load(), survivors.Load(), reads.Load())
	}
}
