//go:build windows

package windows

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// kill runs the plugin and kills it at a random moment of the time that it takes, until it has killed n runs. It
// returns how many ended before.
func (w *world) kill(n int, args func(i int) []string) (early int) {
	took := max(w.mustRun(args(0)...).took, w.mustRun(args(1)...).took)
	for i := 0; i < n+early; i++ {
		if early > 3*n {
			w.t.Errorf("got %d kills that were too late, want %d in time", early, n)
			return early
		}
		cmd := w.command(w.t.Context(), "", args(i)...)
		if err := cmd.Start(); err != nil {
			w.t.Errorf("starting the plugin: %v", err)
			return early
		}
		var killed atomic.Bool
		timer := time.AfterFunc(rand.N(took), func() { killed.Store(cmd.Process.Kill() == nil) })
		start := time.Now()
		err := cmd.Wait()
		if timer.Stop() || !killed.Load() {
			early++
			if err == nil { // else it found nothing to do, because the run before it was killed
				took = time.Since(start) // the machine may be less busy now
			}
		}
	}
	return early
}

// However a process dies, readers get a complete credential and a complete kubeconfig, and the next process goes on.
func TestKills(t *testing.T) {
	const kills = 500 // of each kind
	w := newWorld(t)
	w.mustRun(credential(clusterID)...)
	w.mustRun("kubeconfig", "save", clusterID)
	with, err := os.ReadFile(w.config())
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var writers, editors int
	var done atomic.Int32
	wait.Go(func() {
		writers = w.kill(kills, func(int) []string { return append(credential(clusterID), "--force-refresh") })
		done.Add(1)
	})
	wait.Go(func() {
		editors = w.kill(kills, func(i int) []string {
			if i%2 == 0 {
				return []string{"kubeconfig", "remove", clusterID}
			}
			return []string{"kubeconfig", "save", clusterID}
		})
		done.Add(1)
	})
	reads := 0
	for ; done.Load() < 2; reads++ {
		got := w.run("", credential(clusterID)...)
		if got.code != 0 || !w.api.Accepts(clusterID, tokenOf(got.stdout)) {
			t.Errorf("got exit code %d, %q, %q; want 0 and a valid token", got.code, got.stdout, got.stderr)
		}
		text, err := os.ReadFile(w.config())
		// A file may not be opened without sharing it at the moment in which it is renamed.
		if err == nil && string(text) != string(with) && strings.Contains(string(text), clusterID) {
			t.Errorf("got a kubeconfig with a part of the cluster: %s", text)
		}
	}
	wait.Wait()
	t.Logf("%d kills (and %d too late), %d reads", 2*kills, writers+editors, reads)

	// What the dead have left is tidied up.
	w.mustRun("kubeconfig", "save", clusterID)
	if text, err := os.ReadFile(w.config()); err != nil || string(text) != string(with) {
		t.Errorf("got %v, %s; want %s", err, text, with)
	}
	for _, name := range w.names(w.home + `\.kube`) {
		if !slices.Contains([]string{"cache", "config"}, name) {
			t.Errorf("left beside the kubeconfig: %s", name)
		}
	}
	w.mustRun("cache", "clear", "--all")
	for _, name := range w.names(w.cache()) {
		if strings.HasSuffix(name, ".entry") || strings.HasSuffix(name, ".lock") {
			t.Errorf("left in the cache: %s", name)
		}
	}
}

// A process that is killed with the kubeconfig's lock delays nobody.
func TestDeadLockHolder(t *testing.T) {
	w := newWorld(t)
	w.mustRun("kubeconfig", "save", clusterID)
	lock := w.config() + ".lock"
	for range 20 {
		cmd := w.command(t.Context(), "", "kubeconfig", "save", "--force", clusterID)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		exited := make(chan struct{})
		go func() {
			cmd.Wait()
			close(exited)
		}()
		for isRunning := true; isRunning; {
			select {
			case <-exited:
				isRunning = false
			default:
				if _, err := os.Lstat(lock); err == nil {
					cmd.Process.Kill()
					<-exited
					isRunning = false
				}
			}
		}
		_, err := os.Lstat(lock)
		left := err == nil
		w.mustRun("kubeconfig", "remove", clusterID)
		if _, err := os.Lstat(lock); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want no lock", err)
		}
		w.mustRun("kubeconfig", "save", clusterID)
		if left {
			return
		}
	}
	t.Error("no process was killed with the lock")
}
