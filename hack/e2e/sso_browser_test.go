//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
)

// The buttons of the providers' pages.
const (
	allow = "#allow"
	deny  = "#deny"
)

// errErrorPage says that the browser shows an error page of its own.
var errErrorPage = errors.New("the browser: got an error page, want what is at the address")

// signInAt opens an address in the browser and clicks through the pages of a provider. It returns the text of the last
// page.
func signInAt(ctx context.Context, t *testing.T, address, login, button string) string {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("the browser: %v", err)
	}
	text, err := clickThrough(ctx, login, button)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// clickThrough enters a login on each page that asks for one, and clicks a button of each page, until a page has no
// form. It returns that page's text, and errErrorPage if that is Chromium's own, because nothing could be loaded.
func clickThrough(ctx context.Context, login, button string) (string, error) {
	const look = `(() => {
		if (location.protocol === "chrome-error:") return "error";
		if (document.readyState !== "complete" || location.href === "about:blank" || window.clicked) return "wait";
		if (!document.querySelector(%q)) return document.forms.length ? "wait" : "end";
		return document.querySelector("input[name=login]") ? "login" : "button";
	})()`
	var state string
	var err error
	for start := time.Now(); time.Since(start) < hung; time.Sleep(10 * time.Millisecond) {
		// It fails while the browser goes from one page to another.
		state, err = chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(look, button)))
		if err != nil {
			continue
		}
		switch state {
		case "end":
			return chromedp.Run(ctx, chromedp.Text("body"))
		case "error":
			return "", errErrorPage
		case "login":
			if err := chromedp.Do(ctx, chromedp.SendKeys("input[name=login]", login)); err != nil {
				return "", fmt.Errorf("the browser: entering the login: %w", err)
			}
			fallthrough
		case "button":
			if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("window.clicked = true")); err != nil {
				return "", fmt.Errorf("the browser: %w", err)
			}
			if err := chromedp.Do(ctx, chromedp.Click(button)); err != nil {
				return "", fmt.Errorf("the browser: clicking: %w", err)
			}
		}
	}
	return "", fmt.Errorf("the browser: got state %q, %w; want a page without a form", state, err)
}

// The programs that are the browser of a desk. Each notes that it was started, with the address and the environment.
const (
	// chromium is Chromium, started by whoever opens the browser.
	chromium = `exec 2>>` + deskDir + `/browser.log
` + note + `exec "$CHROMIUM" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
	--ignore-certificate-errors-spki-list="$PIN" \
	--host-resolver-rules="MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1" \
	--remote-debugging-port=0 --user-data-dir=` + deskDir + `/profile-$$ "$1"
`
	// bookmark only notes the address. A Chromium of the test's opens it, which is quicker if the machine is busy.
	bookmark = note

	note = `env >` + deskDir + `/opened/$$.env
printf '%s\n' "$1" >` + deskDir + `/opened/$$.new && mv ` + deskDir + `/opened/$$.new ` + deskDir + `/opened/$$.url
`
)

// setBrowser makes a script the desk's browser.
func (d *desk) setBrowser(script string) {
	d.t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		d.t.Fatal(err)
	}
	text := "#!/bin/sh\nCHROMIUM=" + path + "\nPIN=" + w.providersKeyPin + "\n" + script
	if err := os.WriteFile(filepath.Join(d.dir, "browser"), []byte(text), 0o755); err != nil {
		d.t.Fatal(err)
	}
}

// opened returns the process ids of the browsers that were opened at the desk so far, and their addresses.
func (d *desk) opened() map[int]string {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.dir, "opened", "*.url"))
	if err != nil {
		d.t.Fatal(err)
	}
	opened := make(map[int]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		pid, pidErr := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".url"))
		if err != nil || pidErr != nil {
			d.t.Fatal(err, pidErr)
		}
		opened[pid] = strings.TrimSpace(string(text))
	}
	return opened
}

// sit makes somebody sit at the desk until the test ends, who clicks a button of each page that a browser shows: the
// first button in the first browser, and so on, and the last one in all others. ctx is the browser that opens the
// addresses; nil: each browser opens its own. sit returns the texts of the last pages.
func (d *desk) sit(ctx context.Context, buttons ...string) (pages <-chan string) {
	found := make(chan string, 100)
	ended := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		seen := make(map[int]bool)
		for {
			for pid, address := range d.opened() {
				if seen[pid] {
					continue
				}
				seen[pid] = true
				text, err := d.click(ctx, pid, address, buttons[min(len(seen), len(buttons))-1])
				if err != nil {
					d.t.Errorf("the browser at the desk: %v", err)
				}
				found <- text
			}
			select {
			case <-ended:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	d.t.Cleanup(func() { close(ended); wait.Wait() })
	return found
}

// click signs in with a browser that was opened at the desk, or with ctx if that isn't nil.
func (d *desk) click(ctx context.Context, pid int, address, button string) (string, error) {
	if ctx != nil {
		if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
			return "", err
		}
		return clickThrough(ctx, d.login, button)
	}
	ctx, cancel, err := d.attach(pid)
	if err != nil {
		return "", err
	}
	defer cancel()
	return clickThrough(ctx, d.login, button)
}

// attach returns the page of a Chromium that was opened at the desk.
func (d *desk) attach(pid int) (context.Context, context.CancelFunc, error) {
	var targets []struct{ ID, Type string }
	var port string
	var err error
	for start := time.Now(); len(targets) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > hung {
			log, _ := os.ReadFile(filepath.Join(d.dir, "browser.log"))
			return nil, nil, fmt.Errorf("got no page of Chromium, want one: %w: %s", err, log)
		}
		var text []byte
		if text, err = os.ReadFile(filepath.Join(d.dir, fmt.Sprintf("profile-%d", pid), "DevToolsActivePort")); err != nil {
			continue
		}
		port, _, _ = strings.Cut(string(text), "\n")
		var response *http.Response
		if response, err = http.Get("http://127.0.0.1:" + port + "/json/list"); err != nil {
			continue
		}
		err = json.NewDecoder(response.Body).Decode(&targets)
		response.Body.Close()
		targets = slices.DeleteFunc(targets, func(t struct{ ID, Type string }) bool { return t.Type != "page" })
	}
	ctx, cancel := remote.NewAllocator(context.Background(), "ws://127.0.0.1:"+port+"/")
	ctx, _ = chromedp.NewContext(ctx, chromedp.WithTargetID(target.ID(targets[0].ID)))
	return ctx, cancel, nil
}
