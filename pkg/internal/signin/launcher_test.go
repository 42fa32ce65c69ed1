package signin

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const address = "https://issuer.example/authorize?a=$(id)&b='c'%20d;e"

// getenv returns the values of "key=value" pairs.
func getenv(pairs ...string) func(string) string {
	return func(key string) string {
		for _, pair := range pairs {
			if k, v, _ := strings.Cut(pair, "="); k == key {
				return v
			}
		}
		return ""
	}
}

func TestDefaultBrowser(t *testing.T) {
	failure := errors.New("no browser")
	tests := map[string]struct {
		system string
		env    []string
		opens  bool
	}{
		"display":         {"linux", []string{"DISPLAY=:0"}, true},
		"wayland":         {"linux", []string{"WAYLAND_DISPLAY=wayland-0"}, true},
		"WSL":             {"linux", []string{"WSL_DISTRO_NAME=Debian"}, true},
		"no desktop":      {"linux", nil, false},
		"no desktop, BSD": {"freebsd", nil, false},
		"macOS":           {"darwin", nil, true},
		"Windows":         {"windows", nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opened := ""
			l := launcher{getenv: getenv(test.env...), patience: time.Minute, system: test.system}
			l.openDefault = func(url string) error {
				opened = url
				return failure
			}
			err := l.open(t.Context(), address)
			if test.opens && (opened != address || err != failure) {
				t.Errorf("got %q opened, %v; want %q, %v", opened, err, address, failure)
			}
			if !test.opens && (opened != "" || err == nil || !strings.Contains(err.Error(), "no desktop")) {
				t.Errorf("got %q opened, %v; want nothing, and that there is no desktop", opened, err)
			}
		})
	}
}

func TestBrowserRefusesOtherAddresses(t *testing.T) {
	l := launcher{getenv: getenv("BROWSER=/nonexistent"), system: "linux"}
	for _, url := range []string{
		"", "--help", "file:///etc/passwd", "javascript:alert(1)", "https://", "https://h/ x", "https://h/\n",
	} {
		if err := l.open(t.Context(), url); err == nil || strings.Contains(err.Error(), "nonexistent") {
			t.Errorf("%q: got %v, want it refused before anything starts", url, err)
		}
	}
}
