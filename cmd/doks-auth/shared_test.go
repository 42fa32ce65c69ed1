package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/rogpeppe/go-internal/testscript"
)

type sharedKey struct{}

// sharedCommand starts a server for a shared cache, or does to it what the first argument says:
//
//	stop             stop it
//	password P       require a password from now on
//	holds N          fail unless N values are there
//	lacks TEXT…      fail if the texts are in the name or the contents of what is there
//	garbage          replace all values
//	file NAME        write its address to a file
//	endless          never end a list
//	memos N DIR      fail unless a cache directory has N memos of failures
func sharedCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		server := miniredis.NewMiniRedis()
		ts.Check(server.Start())
		ts.Defer(server.Close)
		ts.Value(sharedKey{}).(map[string]*miniredis.Miniredis)[""] = server
		ts.Setenv("DOKS_AUTH_SHARED_CACHE", "redis://"+server.Addr())
		return
	}
	server := ts.Value(sharedKey{}).(map[string]*miniredis.Miniredis)[""]
	switch args[0] {
	case "stop":
		server.Close()
	case "password":
		server.RequireAuth(args[1])
	case "holds":
		if got := len(server.Keys()); strconv.Itoa(got) != args[1] {
			ts.Fatalf("got %d values, want %s", got, args[1])
		}
	case "lacks":
		for _, key := range server.Keys() {
			value, err := server.Get(key)
			ts.Check(err)
			for _, text := range args[1:] {
				if strings.Contains(key+value, text) {
					ts.Fatalf("%q is in what is there", text)
				}
			}
		}
	case "garbage":
		for _, key := range server.Keys() {
			ts.Check(server.Set(key, "garbage"))
		}
	case "file":
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte("redis://"+server.Addr()+"\n"), 0o600))
	case "endless":
		server.Server().SetPreHook(endless)
	case "memos":
		memos, err := filepath.Glob(filepath.Join(ts.MkAbs(args[2]), "*.failure"))
		if err != nil || strconv.Itoa(len(memos)) != args[1] {
			ts.Fatalf("got %q, %v; want %s", memos, err, args[1])
		}
	default:
		ts.Fatalf("there is no command %q", args[0])
	}
}

// endless answers SCAN with a list that never ends.
func endless(peer *server.Peer, cmd string, _ ...string) bool {
	if cmd != "SCAN" {
		return false
	}
	peer.WriteLen(2)
	peer.WriteBulk("1")
	peer.WriteLen(0)
	return true
}

// A run that is interrupted before it calls the API leaves no lock in the shared cache: nobody else would notice that
// it has ended.
func TestInterruptReleasesTheSharedLock(t *testing.T) {
	_, url, _, _ := newAPI(t)
	shared := miniredis.RunT(t)
	locked := make(chan struct{})
	isLocked := sync.OnceFunc(func() { close(locked) })
	shared.Server().SetPreHook(func(_ *server.Peer, _ string, args ...string) bool {
		if slices.Contains(args, "NX") {
			isLocked()
		}
		select {
		case <-locked:
			time.Sleep(100 * time.Millisecond)
		default:
		}
		return false
	})
	p := newPlugin(t, url)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "exec-credential", "--api-version=v1", tokenCluster)
	cmd.Env = append(p.env, "DOKS_AUTH_SHARED_CACHE=redis://"+shared.Addr())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-locked
	time.Sleep(150 * time.Millisecond) // the lock is set by now
	interrupt(t, cmd)
	cmd.Wait()
	if got := shared.Keys(); len(got) > 0 {
		t.Errorf("got %q left in the shared cache, want nothing", got)
	}
}
