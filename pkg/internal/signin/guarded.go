package signin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

// GuardedBrowser is like Browser, for a run whose environment comes from somebody else: they must choose neither the
// program that is started nor its settings, nor the screen that shows the user's browser. home is the home directory in
// the user database. The error says why no browser can be opened.
//
// The browser is BROWSER, if that is one absolute path of an executable of root's; else the system's. It is started by
// absolute path with an environment that consists of what only the system and this user decide, and in the root
// directory: BROWSER can be any program, such as make, and some run what they find in the working directory. On Windows
// the browser is always the system's, and the directory, too.
func GuardedBrowser(
	getenv func(string) string, home string,
) (open func(ctx context.Context, url string) error, err error) {
	l := launcher{getenv: getenv, system: runtime.GOOS, patience: launchTime}
	if l.system == "windows" { // BROWSER isn't for programs of the system there
		return l.openWithSystem, nil
	}
	return guardedBrowser(l, home, os.Geteuid())
}

// openWithSystem opens the default browser on Windows.
func (l launcher) openWithSystem(ctx context.Context, url string) error {
	err := checkURL(url)
	if err == nil {
		err = l.startWithSystem(ctx, url)
	}
	if err != nil {
		return fmt.Errorf("opening a browser: %w", err)
	}
	return nil
}

func (l launcher) startWithSystem(ctx context.Context, url string) error {
	cmd, err := systemBrowser(url) // not ended with ctx: it may be the browser
	if err != nil {
		return err
	}
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	return l.wait(ctx, cmd.Wait)
}

func guardedBrowser(
	l launcher, home string, uid int,
) (open func(ctx context.Context, url string) error, err error) {
	getenv := l.getenv
	env := guardedEnv(getenv, home, strconv.Itoa(uid))
	own := func(name string) string { return env[name] }
	l.getenv = own
	path := guardedProgram(getenv("BROWSER"), l.system)
	switch {
	case path == "":
		return nil, errors.New("no browser was found that a Kubernetes client may start")
	case !l.hasDesktop():
		return nil, errNoDesktop
	}
	return func(ctx context.Context, url string) error {
		if err := checkURL(url); err != nil {
			return fmt.Errorf("opening a browser: %w", err)
		}
		cmd := exec.Command(path, url) // not ended with ctx: it may be the browser
		cmd.Dir = "/"
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		detach(cmd)
		err := cmd.Start()
		if err == nil {
			err = l.wait(ctx, cmd.Wait)
		}
		if err != nil {
			return fmt.Errorf("opening a browser: %w", err)
		}
		return nil
	}, nil
}

// systemPath has the directories of the system's programs.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin"

// guardedProgram returns the program that opens a browser, or "".
func guardedProgram(named, system string) string {
	if filepath.IsAbs(named) {
		if path := rootsProgram(named); path != "" {
			return path
		}
	}
	if system == "darwin" {
		return rootsProgram("/usr/bin/open")
	}
	for _, name := range []string{"xdg-open", "x-www-browser", "www-browser", "wslview"} {
		for _, dir := range []string{"/usr/bin", "/usr/local/bin", "/run/current-system/sw/bin"} {
			if path := rootsProgram(filepath.Join(dir, name)); path != "" {
				return path
			}
		}
	}
	return ""
}

// rootsProgram returns the path of an executable, or "" unless only root can have written it. It may be a link of
// root's: some programs go by the name that they are started with.
func rootsProgram(path string) string {
	link, err := os.Lstat(path)
	if err != nil || !fileowner.IsRoots(link) {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || !fileowner.IsRoots(info) ||
		info.Mode().Perm()&0o022 != 0 || info.Mode().Perm()&0o111 == 0 {
		return ""
	}
	return path
}

// guardedEnv returns a browser's environment. Of the variables that somebody else may have set, it has those that can
// only choose among what is this user's own on this machine.
func guardedEnv(getenv func(string) string, home, uid string) map[string]string {
	env := map[string]string{"HOME": home, "PATH": systemPath}
	const word = `^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,63}$`
	for name, form := range map[string]string{
		"DISPLAY":             `^(localhost)?:[0-9]{1,5}(\.[0-9]{1,3})?$`, // localhost: forwarded by SSH
		"WAYLAND_DISPLAY":     word,
		"XDG_SESSION_TYPE":    word,
		"XDG_CURRENT_DESKTOP": word,
		"WSL_DISTRO_NAME":     word,
		"LANG":                word,
	} {
		if value := getenv(name); regexp.MustCompile(form).MatchString(value) {
			env[name] = value
		}
	}
	if path := getenv("XAUTHORITY"); filepath.IsAbs(path) {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && fileowner.IsOwn(info) {
			env["XAUTHORITY"] = path
		}
	}
	runtimeDir := "/run/user/" + uid
	if info, err := os.Stat(runtimeDir); err == nil && fileowner.IsOwn(info) {
		env["XDG_RUNTIME_DIR"] = runtimeDir
		if _, err := os.Stat(runtimeDir + "/bus"); err == nil {
			env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=" + runtimeDir + "/bus"
		}
	}
	return env
}
