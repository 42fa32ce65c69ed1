package kubeconfig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// editPanics in the environment makes the test's binary a process whose edit panics.
const editPanics = "DOKS_AUTH_TEST_EDIT_PANICS"

// editForever in the environment makes the test's binary a process that saves and removes a cluster
// in turn, until it is killed.
const editForever = "DOKS_AUTH_TEST_EDIT_FOREVER"

func TestMain(m *testing.M) {
	if path := os.Getenv(editPanics); path != "" {
		Edit(context.Background(), []string{path}, func(*Config) error { panic("on purpose") })
	}
	if how := os.Getenv(editMounted); how != "" {
		if err := runMounted(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv(editForever); path != "" {
		for i, start := 0, time.Now(); ; i++ {
			edit := save(newEntry("first", firstID))
			if i%2 == 1 {
				edit = remove(firstID)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			if err := Edit(ctx, []string{path}, edit); err != nil && credential.ClassOf(err) != credential.NotFound {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			cancel()
			if i == 0 {
				fmt.Println(time.Since(start)) // how long an edit takes
			}
		}
	}
	os.Exit(m.Run())
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := boundedfile.Read(path, 1<<20) // which doesn't mind a rename at that moment on Windows
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustEdit(t *testing.T, edit func(*Config) error, paths ...string) {
	t.Helper()
	if err := Edit(t.Context(), paths, edit); err != nil {
		t.Fatal(err)
	}
}

// countTemps returns how many files beside a kubeconfig are being written.
func countTemps(t *testing.T, path string) int {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if strings.HasPrefix(file.Name(), tempPrefix(filepath.Base(path))) {
			n++
		}
	}
	return n
}

// Killed at any moment, an edit leaves the old file or the new one, and a lock that the next takes over.
func TestKilledEdits(t *testing.T) {
	kills := 400
	if testing.Short() {
		kills = 40
	}
	path := filepath.Join(t.TempDir(), "config")
	without := kubeconfigs["comments and odd indentation"] + strings.Repeat("# a long comment\n", 1<<10)
	with := edited(t, without, save(newEntry("first", firstID)))
	write(t, path, without)
	locked, torn := 0, 0
	for i := range kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), editForever+"="+path)
		cmd.Stderr = os.Stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		took, err := time.ParseDuration(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		end, isWriting := time.Now().Add(rand.N(2*took)), func() bool { return false }
		if i%2 == 1 { // chance may never hit it: how long an edit writes is up to the machine
			end, isWriting = time.Now().Add(time.Minute), func() bool { return countTemps(t, path) > 0 }
		}
		for time.Now().Before(end) && !isWriting() {
			if text := read(t, path); text != with && text != without {
				t.Fatalf("while it is edited: %d bytes of neither text", len(text))
			}
		}
		cmd.Process.Kill()
		cmd.Wait()
		if text := read(t, path); text != with && text != without {
			t.Fatalf("%d bytes of neither text", len(text))
		}
		if _, err := os.Lstat(path + lockSuffix); err == nil {
			locked++
		}
		torn += countTemps(t, path)
	}
	t.Logf("%d kills: %d of them left the lock, %d a file in the middle of being written", kills, locked, torn)
	if locked == 0 || torn == 0 {
		t.Error("no kill hit an edit: the test shows nothing")
	}
	write(t, path, without)
	mustEdit(t, save(newEntry("first", firstID)), path)
	if diff := cmp.Diff(with, read(t, path)); diff != "" {
		t.Error(diff)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("the dead left %v, %v", files, err)
	}
}

// kubectlEdit adds a context as `kubectl config` does: under its lock, in place. (kubectl itself reads the
// file before it takes the lock, and so undoes what anybody else wrote in between.)
func kubectlEdit(t *testing.T, path, name string) {
	t.Helper()
	for {
		lock, err := os.OpenFile(path+lockSuffix, os.O_CREATE|os.O_EXCL, 0)
		if errors.Is(err, fs.ErrExist) {
			runtime.Gosched()
			continue
		}
		if err != nil {
			t.Error(err)
			return
		}
		lock.Close()
		break
	}
	text := read(t, path)
	context := fmt.Sprintf("- name: %s\n  context: {cluster: kind, user: kind}\n", name)
	write(t, path, strings.Replace(text, "contexts:\n", "contexts:\n"+context, 1))
	os.Remove(path + lockSuffix)
}

func TestEditsBesideKubectl(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config"), kubeconfigs["kubectl's"])
	const n = 20
	var all sync.WaitGroup
	for i := range n {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
		all.Go(func() {
			if err := Edit(t.Context(), []string{path}, save(newEntry(fmt.Sprint("c", i), id))); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { kubectlEdit(t, path, fmt.Sprint("k", i)) })
	}
	all.Wait()
	c, err := Read([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Clusters) != 1+n || len(c.Users) != 1+n || len(c.Contexts) != 1+2*n {
		t.Errorf("%d clusters, %d users, %d contexts", len(c.Clusters), len(c.Users), len(c.Contexts))
	}
}

func TestForeignLock(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config"), emptyText)
	lock, err := os.OpenFile(path+lockSuffix, os.O_CREATE|os.O_EXCL, 0)
	if err != nil {
		t.Fatal(err)
	}
	lock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = Edit(ctx, []string{path}, save(newEntry("first", firstID)))
	if err == nil || !strings.Contains(err.Error(), "waiting for another program to unlock kubeconfig") {
		t.Error(err)
	}
	if read(t, path) != emptyText {
		t.Error("edited without the lock")
	}
}

func TestSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	first := write(t, filepath.Join(dir, "first"), `# mine
contexts:
- name: do-fra1-second
  context: {cluster: do-fra1-second, user: do-fra1-second-admin}
`)
	second := write(t, filepath.Join(dir, "second"), edited(t, emptyText, save(newEntry("second", secondID))))
	text := read(t, second)

	mustEdit(t, func(c *Config) error {
		if err := save(newEntry("first", firstID), newEntry("second", secondID))(c); err != nil {
			return err
		}
		c.SetCurrentContext("do-fra1-first")
		return nil
	}, none, first, second)
	if read(t, second) != text {
		t.Error("the second file needed no edit")
	}
	for _, want := range []string{"# mine", `current-context: "do-fra1-first"`, firstID} {
		if !strings.Contains(read(t, first), want) {
			t.Errorf("no %q in the first that exists:\n%s", want, read(t, first))
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("a file was made in vain")
	}

	mustEdit(t, remove(secondID), none, first, second)
	if diff := cmp.Diff(emptyText, read(t, second)); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(read(t, first), "second") {
		t.Error(read(t, first))
	}
	mustEdit(t, remove("first"), none, first, second)
	want := "# mine\ncontexts: null\n"
	if diff := cmp.Diff(want, read(t, first)); diff != "" {
		t.Error(diff)
	}
	mustEdit(t, save(newEntry("first", firstID)), none)
	if !strings.HasPrefix(read(t, none), "apiVersion: v1\n") {
		t.Error(read(t, none))
	}
}

func TestFileStaysAsItIs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no links and permissions without rights")
	}
	dir := t.TempDir()
	target := write(t, filepath.Join(dir, "target"), emptyText)
	if err := os.Chmod(target, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "sub", "link")
	if err := os.Mkdir(filepath.Dir(link), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../target", link); err != nil {
		t.Fatal(err)
	}
	mustEdit(t, save(newEntry("first", firstID)), link)
	if got, err := os.Readlink(link); err != nil || got != "../target" {
		t.Errorf("the link: %q, %v", got, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if !strings.Contains(read(t, target), firstID) {
		t.Error(read(t, target))
	}

	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink("new", dangling); err != nil {
		t.Fatal(err)
	}
	mustEdit(t, save(newEntry("first", firstID)), dangling)
	if info, err := os.Lstat(filepath.Join(dir, "new")); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	spoiled := write(t, filepath.Join(dir, "spoiled"), "users: [\n")
	err := Edit(t.Context(), []string{spoiled}, save(newEntry("first", firstID)))
	if credential.ClassOf(err) != credential.Usage || !strings.Contains(err.Error(), "line ") {
		t.Error(err)
	}
	if read(t, spoiled) != "users: [\n" {
		t.Error("a file that doesn't parse was changed")
	}
	for _, path := range []string{dir, filepath.Join(spoiled, "below")} {
		if err := Edit(t.Context(), []string{path}, save(newEntry("first", firstID))); err == nil {
			t.Errorf("edited %s", path)
		}
	}
	if err := Edit(t.Context(), nil, save()); credential.ClassOf(err) != credential.Usage {
		t.Error(err)
	}
}

// A file is locked once, however its path is spelled, and what lies beside it is left alone.
func TestSpellingsOfAPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no links without rights")
	}
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "config"), emptyText)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	others := []string{
		write(t, path+".lock.yaml", ""), write(t, path+".lock.1", "doks-auth\n"), write(t, path+".old", ""),
	}
	t.Chdir(dir)
	for i, paths := range [][]string{
		{"config"}, {"./config"}, {dir + "//config"}, {link + "/config"},
		{"config", path, link + "/../" + filepath.Base(filepath.Dir(link)) + "/link/config"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		edit := save(newEntry("first", firstID))
		if i%2 == 1 {
			edit = remove(firstID)
		}
		if err := Edit(ctx, paths[:1], edit); err != nil {
			t.Errorf("%q: %v", paths, err)
		}
		if err := Edit(ctx, paths, func(*Config) error { return nil }); len(paths) > 1 && err != nil {
			t.Errorf("%q: %v", paths, err)
		}
		cancel()
	}
	for _, other := range others {
		if _, err := os.Stat(other); err != nil {
			t.Error(err)
		}
	}
	first, second := filepath.Join(dir, "l1"), filepath.Join(dir, "l2")
	if err := errors.Join(os.Symlink("l2", first), os.Symlink("new", second)); err != nil {
		t.Fatal(err)
	}
	mustEdit(t, save(newEntry("first", firstID)), first)
	if info, err := os.Lstat(second); err != nil || info.Mode().IsRegular() {
		t.Errorf("the second link: %v, %v", info, err)
	}
	if !strings.Contains(read(t, filepath.Join(dir, "new")), firstID) {
		t.Error("the links' end wasn't written")
	}
}

// What a file has under a name that an earlier file's entry hides may be another cluster's.
func TestHiddenEntriesStay(t *testing.T) {
	dir := t.TempDir()
	first := write(t, filepath.Join(dir, "first"), edited(t, emptyText, save(newEntry("first", firstID))))
	text := strings.ReplaceAll(read(t, first), serverOf(firstID), "https://other.example")
	second := write(t, filepath.Join(dir, "second"), text)
	mustEdit(t, remove(firstID), first, second)
	if got := read(t, first); strings.Contains(got, serverOf(firstID)) || !strings.Contains(got, "contexts: null") {
		t.Error(got)
	}
	if diff := cmp.Diff(text, read(t, second)); diff != "" {
		t.Error(diff)
	}
}

func TestPaths(t *testing.T) {
	env := map[string]string{}
	getenv := func(name string) string { return env[name] }
	list := strings.Join([]string{"a", "", "b", "a"}, string(os.PathListSeparator))
	tests := map[string]struct {
		explicit, env, home string
		want                []string
	}{
		"home":     {"", "", "/h", []string{filepath.Join("/h", ".kube", "config")}},
		"no home":  {"", "", "", nil},
		"list":     {"", list, "/h", []string{"a", "b"}},
		"explicit": {"x", list, "/h", []string{"x"}},
		"empties":  {"", string(os.PathListSeparator), "/h", nil}, // as kubectl
	}
	for name, test := range tests {
		env["KUBECONFIG"] = test.env
		if diff := cmp.Diff(test.want, Paths(test.explicit, getenv, test.home)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
