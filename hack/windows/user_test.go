//go:build windows

package windows

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A login's access token is in no file: Windows' Credential Manager keeps it, or the key to it.
func TestLogin(t *testing.T) {
	w := newWorld(t)
	w.env = append(w.env, "DIGITALOCEAN_ACCESS_TOKEN=")
	login := w.command(t.Context(), "", "auth", "login", "--with-token", "--name=work", "--storage=keyring")
	login.Stdin = strings.NewReader(accessToken + "\r\n")
	if out, err := login.CombinedOutput(); err != nil {
		t.Fatalf("signing in: %v: %s", err, out)
	}
	w.mustRun(append(credential(clusterID), "--account=work")...)
	err := filepath.WalkDir(w.home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(accessToken)) {
			t.Errorf("%s contains the access token", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	w.mustRun("auth", "logout", "--all")
	if got := w.run("", append(credential(clusterID), "--account=work")...); got.code != 2 {
		t.Errorf("signed out: got %+v, want exit code 2", got)
	}
}

// A program with windows may start the plugin without standard input.
func TestWithoutStdin(t *testing.T) {
	w := newWorld(t)
	for _, args := range [][]string{credential(clusterID), {"exec-credential", "--timeout=4m", clusterID}} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		process, err := os.StartProcess(w.plugin, append([]string{w.plugin}, args...),
			&os.ProcAttr{Env: w.env, Files: []*os.File{nil, write, nil}})
		if err != nil {
			t.Fatal(err)
		}
		write.Close()
		out, readErr := io.ReadAll(read)
		read.Close()
		state, err := process.Wait()
		if err != nil || readErr != nil || state.ExitCode() != 0 || tokenOf(string(out)) == "" {
			t.Errorf("%q: got %v, %v, %v, %s; want a response", args, err, readErr, state, out)
		}
	}
}
