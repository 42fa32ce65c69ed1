//go:build unix && !darwin

// Not for Windows: on Windows no program is looked up.

package signin

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// roots returns the path of a program of root's that prints its arguments and its environment to a log.
func roots(t *testing.T, script string) (path, log string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes programs of root's")
	}
	log = filepath.Join(t.TempDir(), "log")
	path = program(t, "browser", "exec 3>"+log+".new; echo \"$0\" \"$@\" >&3; env >&3; "+script+"; mv "+log+".new "+log)
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path, log
}

// guarded is GuardedBrowser for another user than root, whose programs can't be told from downloads.
func guarded(
	getenv func(string) string, home string,
) (open func(ctx context.Context, url string) error, err error) {
	return guardedBrowser(launcher{getenv: getenv, system: "linux", patience: launchTime}, home, 1000)
}

// The environment is a kubeconfig's: of it, the browser has what can't mislead it.
func TestGuardedBrowserEnvironment(t *testing.T) {
	path, log := roots(t, "echo noise; echo noise >&2")
	open, err := guarded(getenv(
		"BROWSER="+path, "DISPLAY=:1", "WAYLAND_DISPLAY=../../tmp/evil", "HOME=/evil", "PATH=/evil", "LD_PRELOAD=/evil.so",
		"XDG_CONFIG_HOME=/evil", "XDG_RUNTIME_DIR=/evil", "DBUS_SESSION_BUS_ADDRESS=unix:path=/evil", "LANG=C.UTF-8",
		"http_proxy=http://evil:1", "HTTPS_PROXY=http://evil:1", "XAUTHORITY=/evil", "KUBERNETES_EXEC_INFO={}",
		"DIGITALOCEAN_ACCESS_TOKEN=secret", "MOZ_LOG=evil", "XDG_CURRENT_DESKTOP=GNOME:evil", "XDG_SESSION_TYPE=x11;evil",
	), "/home/sam")
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if want := path + " " + address; lines[0] != want {
		t.Errorf("got the command %q, want %q", lines[0], want)
	}
	allowed := []string{
		"DISPLAY=:1", "LANG=C.UTF-8", "HOME=/home/sam", "XDG_CURRENT_DESKTOP=GNOME:evil",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin",
		"XDG_RUNTIME_DIR=/run/user/1000", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus",
	}
	for _, line := range lines[1:] {
		isShells := strings.HasPrefix(line, "PWD=") || strings.HasPrefix(line, "_=") || strings.HasPrefix(line, "SHLVL=") ||
			strings.HasPrefix(line, "OLDPWD=")
		if !isShells && !slices.Contains(allowed, line) {
			t.Errorf("got %s in the environment, want none", line)
		}
	}
	for _, line := range allowed[:5] {
		if !slices.Contains(lines, line) {
			t.Errorf("got the environment %q, want %s in it", lines, line)
		}
	}
}

// make runs what the Makefile of its directory says, and that may be a stranger's, as the kubeconfig is.
func TestGuardedBrowserDirectory(t *testing.T) {
	if rootsProgram("/usr/bin/make") == "" {
		t.Skip("there is no make of root's")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("x := $(shell touch made)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	open, err := guarded(getenv("BROWSER=/usr/bin/make", "DISPLAY=:0"), "/home/sam")
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t.Context(), address); err == nil {
		t.Error("got no error, want make's: there is nothing to make")
	}
	if _, err := os.Stat("made"); err == nil {
		t.Error("got a command of the working directory's Makefile run, want none")
	}
}

func TestGuardedEnvironment(t *testing.T) {
	dir := t.TempDir()
	own, link := filepath.Join(dir, "Xauthority"), filepath.Join(dir, "link")
	if err := os.WriteFile(own, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, value string
		kept        bool
	}{
		{"DISPLAY", ":0", true},
		{"DISPLAY", ":10.0", true},
		{"DISPLAY", "localhost:10.0", true},
		{"DISPLAY", "evil:0", false},
		{"DISPLAY", "localhost.evil:0", false},
		{"DISPLAY", "unix:/tmp/evil", false},
		{"DISPLAY", "/tmp/evil:0", false},
		{"DISPLAY", "tcp/evil:0", false},
		{"DISPLAY", ":0\nLD_PRELOAD=x", false},
		{"DISPLAY", ":123456", false},
		{"WAYLAND_DISPLAY", "wayland-0", true},
		{"WAYLAND_DISPLAY", "/tmp/evil", false},
		{"WAYLAND_DISPLAY", "../evil", false},
		{"WAYLAND_DISPLAY", "..", false},
		{"WSL_DISTRO_NAME", "Ubuntu-24.04", true},
		{"LANG", "de_DE.UTF-8@euro", true},
		{"LANG", "/tmp/evil", false},
		{"XAUTHORITY", own, true},
		{"XAUTHORITY", link, false},
		{"XAUTHORITY", dir, false},
		{"XAUTHORITY", "Xauthority", false},
		{"XAUTHORITY", own + "-missing", false},
		{"LD_LIBRARY_PATH", "/lib", false},
		{"BROWSER", "/bin/true", false},
		{"HOME", "/evil", false},
		{"XDG_DATA_DIRS", "/evil", false},
		{"GTK_MODULES", "evil", false},
	}
	for _, test := range tests {
		env := guardedEnv(getenv(test.name+"="+test.value), "/home/sam", "4711000")
		if got := env[test.name] == test.value; got != test.kept {
			t.Errorf("%s=%s: got it kept: %t, want %t", test.name, test.value, got, test.kept)
		}
		if env["HOME"] != "/home/sam" {
			t.Errorf("got the home %q, want the user database's", env["HOME"])
		}
		if env["XDG_RUNTIME_DIR"] != "" || env["DBUS_SESSION_BUS_ADDRESS"] != "" {
			t.Errorf("got %q, want nothing of a directory that isn't there", env)
		}
	}
}

// BROWSER counts as one absolute path of a program that only root can have written.
func TestGuardedBrowserVariable(t *testing.T) {
	path, _ := roots(t, "")
	dir := filepath.Dir(path)
	put := func(name string, mode os.FileMode, uid, gid int) string {
		t.Helper()
		named := filepath.Join(dir, name)
		if err := os.WriteFile(named, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(named, uid, gid); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(named, mode); err != nil {
			t.Fatal(err)
		}
		return named
	}
	link := func(name, to string, uid int) string {
		t.Helper()
		named := filepath.Join(dir, name)
		if err := os.Symlink(to, named); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(named, uid, uid); err != nil {
			t.Fatal(err)
		}
		return named
	}
	const user = 65534
	users, roots := put("users", 0o755, user, user), link("link", path, 0)
	tests := map[string]struct {
		value string
		want  string // the program; "" if it is ignored
	}{
		"a program of root's": {path, path},
		"a link of root's":    {roots, roots},
		"a user's link":       {link("users-link", path, user), ""},
		"a link to a user's":  {link("to-users", users, 0), ""},
		"a user's":            {users, ""},
		"group-writable":      {put("group", 0o775, 0, 0), ""},
		"world-writable":      {put("world", 0o757, 0, 0), ""},
		"not executable":      {put("plain", 0o644, 0, 0), ""},
		"missing":             {path + "-missing", ""},
		"a directory":         {dir, ""},
		"relative":            {"browser", ""},
		"relative with dots":  {"../.." + path, ""},
		"a list":              {path + ":" + path, ""},
		"arguments":           {path + " --flag", ""},
		"a placeholder":       {path + " %s", ""},
		"empty":               {"", ""},
	}
	t.Chdir(dir)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fallback := guardedProgram("", "linux")
			want := test.want
			if want == "" {
				want = fallback
			}
			if got := guardedProgram(test.value, "linux"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestGuardedBrowserIsNotPossible(t *testing.T) {
	path, _ := roots(t, "")
	for _, env := range [][]string{nil, {"DISPLAY=evil:0"}, {"WAYLAND_DISPLAY=/tmp/evil"}} {
		open, err := guarded(getenv(append(env, "BROWSER="+path)...), "/home/sam")
		if open != nil || err == nil || err.Error() != "there is no desktop" {
			t.Errorf("%q: got the error %v, want that there is no desktop", env, err)
		}
	}
	if guardedProgram("", "linux") == "" {
		_, err := guarded(getenv("DISPLAY=:0"), "/home/sam")
		if err == nil || !strings.HasPrefix(err.Error(), "no browser was found") {
			t.Errorf("got the error %v, want that none was found", err)
		}
	}
}

func TestGuardedBrowserFails(t *testing.T) {
	path, log := roots(t, "exit 3")
	open, err := guarded(getenv("BROWSER="+path, "DISPLAY=:0"), "/home/sam")
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t.Context(), address); err == nil || err.Error() != "opening a browser: exit status 3" {
		t.Errorf("got the error %v, want its exit status", err)
	}
	for _, bad := range []string{"file:///etc/passwd", "-flag", "https://host/\n", "javascript:alert(1)"} {
		os.Remove(log + ".new")
		if err := open(t.Context(), bad); err == nil {
			t.Errorf("%q: got no error, want one", bad)
		}
		if _, err := os.Stat(log + ".new"); err == nil {
			t.Errorf("%q: got a browser started, want none", bad)
		}
	}
}

// The browser outlives the sign-in, and an interruption isn't meant for it.
func TestGuardedBrowserGoesOn(t *testing.T) {
	path, log := roots(t, "until [ -e \"$0.stop\" ]; do sleep 0.01; done; ps -o pgid= -p $$ >&3")
	open, err := guarded(getenv("BROWSER="+path, "DISPLAY=:0"), "/home/sam")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- open(ctx, address) }()
	for { // it has been started
		if _, err := os.Stat(log + ".new"); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != context.Canceled && (err == nil || !strings.Contains(err.Error(), "canceled")) {
		t.Errorf("got %v, want that it was canceled", err)
	}
	if err := os.WriteFile(path+".stop", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(log); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text))
	if ours := strconv.Itoa(os.Getpid()); fields[len(fields)-1] == ours {
		t.Errorf("got the process group %s, want another than ours", ours)
	}
}
