//go:build linux

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The buttons of the providers' pages.
const (
	allow = "#allow"
	deny  = "#deny"
)

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
// form. It returns that page's text.
func clickThrough(ctx context.Context, login, button string) (string, error) {
	const look = `(() => {
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
