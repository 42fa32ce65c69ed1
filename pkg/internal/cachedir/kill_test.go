package cachedir

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// writeForever, if set in the environment, makes the test binary put credentials in this directory, one after
// another, until it is killed.
const writeForever = "DOKS_AUTH_TEST_WRITE_FOREVER"

// mintIn, if set in the environment, makes the test binary get a credential from the cache in this
// directory, or else put one there under the lock. It appends a byte to a file for each Put, with or
// without the lock.
const mintIn = "DOKS_AUTH_TEST_MINT_IN"

func mint(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d := Open(dir, accessToken)
	unlock, err := d.Lock(ctx, key)
	if err == nil {
		defer unlock()
		if _, err := d.Get(ctx, key); err == nil {
			return nil
		}
	}
	mints, openErr := os.OpenFile(filepath.Join(dir, "mints"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if openErr != nil {
		return openErr
	}
	defer mints.Close()
	if _, writeErr := mints.WriteString("m"); writeErr != nil {
		return writeErr
	}
	return errors.Join(err, d.Put(ctx, key, newCredential("t")))
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeForever); dir != "" {
		d := Open(dir, accessToken)
		for i := 0; ; i++ {
			c := newCredential(strings.Repeat(fmt.Sprint(i%10), 64<<10)) // long, so that writing takes a while
			if err := d.Put(context.Background(), key, c); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			if i == 0 {
				fmt.Println("writing")
			}
		}
	}
	if dir := os.Getenv(mintIn); dir != "" {
		if err := mint(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A writer that is killed at any time leaves the old entry or the new one.
func TestKilledWriters(t *testing.T) {
	kills := 1000
	if testing.Short() {
		kills = 50
	}
	dir := t.TempDir()
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("0"))
	torn := 0
	for range kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), writeForever+"="+dir)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			t.Fatalf("got %q, %v; want a line", line, err)
		}
		for end := time.Now().Add(rand.N(4 * time.Millisecond)); time.Now().Before(end); {
			if got := missReason(t, d, key); got != "" {
				t.Fatalf("during a write: got %q, want a hit", got)
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
		got, err := d.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if token := got.Token.Reveal(); strings.Count(token, token[:1]) != len(token) {
			t.Fatal("got an entry with parts of two tokens, want one token")
		}
		left, err := filepath.Glob(filepath.Join(dir, "*"+privatefile.TempSuffix))
		if err != nil {
			t.Fatal(err)
		}
		torn += len(left)
		for _, path := range left {
			os.Remove(path)
		}
	}
	t.Logf("%d kills, %d of them during a write", kills, torn)
	if torn == 0 {
		t.Error("got no kills during a write, want some")
	}
}
