package signin

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/cli/browser"
)

// launchTime is how long a launcher may take to fail. One that takes longer is the browser itself.
const launchTime = 3 * time.Second

// Browser returns a function for Request.Open that opens the user's browser: the first command of $BROWSER that
// succeeds, or else the system's default browser. getenv is os.Getenv in a command that a person typed. A client's run
// must not use it: there, BROWSER and PATH are the kubeconfig's.
//
// Without a desktop, the function returns an error and starts nothing: a browser that draws on the terminal would be
// in the way of the command. A browser that it started goes on when the context ends.
func Browser(getenv func(string) string) func(ctx context.Context, url string) error {
	return launcher{
		getenv: getenv, system: runtime.GOOS, patience: launchTime,
		openDefault: func(url string) error {
			silence()
			return browser.OpenURL(url)
		},
	}.open
}

var errNoDesktop = errors.New("there is no desktop")

// CheckDesktop returns an error if Browser has nothing to open a browser with: neither $BROWSER nor a desktop.
func CheckDesktop(getenv func(string) string) error {
	if getenv("BROWSER") != "" || (launcher{getenv: getenv, system: runtime.GOOS}).hasDesktop() {
		return nil
	}
	return errNoDesktop
}

// silence makes the library discard what a launcher prints, which may break the command's own output. With nil, the
// launcher has the null device. Any other writer would be a pipe, and the browser would lose it when we exit.
var silence = sync.OnceFunc(func() { browser.Stdout, browser.Stderr = nil, nil })

type launcher struct {
	getenv      func(string) string
	system      string // runtime.GOOS
	patience    time.Duration
	openDefault func(url string) error
}

func (l launcher) open(ctx context.Context, url string) error {
	if err := checkURL(url); err != nil {
		return fmt.Errorf("opening a browser: %w", err)
	}
	commands := filepath.SplitList(l.getenv("BROWSER"))
	if len(commands) == 0 {
		if !l.hasDesktop() {
			return fmt.Errorf("opening a browser: %w", errNoDesktop)
		}
		return l.wait(ctx, func() error { return l.openDefault(url) })
	}
	err := errors.New("opening a browser: BROWSER names no command")
	for _, command := range commands {
		words := wordsOf(command, url)
		if len(words) == 0 {
			continue
		}
		cmd := exec.Command(words[0], words[1:]...) // not ended with ctx: it may be the browser
		detach(cmd)
		if err = cmd.Start(); err == nil {
			err = l.wait(ctx, cmd.Wait)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		err = fmt.Errorf("opening a browser with BROWSER: %w", err)
	}
	return err
}

// hasDesktop reports whether a browser has a place for its window. Outside Windows and macOS, that is a display, or
// the Windows around a WSL.
func (l launcher) hasDesktop() bool {
	switch l.system {
	case "windows", "darwin":
		return true
	}
	return l.getenv("DISPLAY") != "" || l.getenv("WAYLAND_DISPLAY") != "" || l.getenv("WSL_DISTRO_NAME") != ""
}

// wait returns run's error, or nil if run takes so long that it must be the browser itself.
func (l launcher) wait(ctx context.Context, run func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- run() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(l.patience):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wordsOf returns the words of a command of BROWSER. As in xdg-open, spaces separate them, no shell sees them, and the
// address takes the place of %s or is the last word.
func wordsOf(command, url string) []string {
	if path, err := exec.LookPath(command); err == nil {
		return []string{path, url} // a path with spaces, perhaps
	}
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil
	}
	if !strings.Contains(command, "%s") {
		return append(words, url)
	}
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "%s", url)
	}
	return words
}
