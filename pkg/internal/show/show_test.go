package show

import (
	"cmp"
	"strings"
	"testing"
)

// ShowURL shows only scheme, host and port, and none of them where they could be part of a password.
func TestURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://host:443/path":                   `"https://host:443"`,
		"host":                                    `"host"`,
		"http://user:SECRET@127.0.0.1:1":          `"http://127.0.0.1:1"`,
		"http://SECRET@host/":                     `"http://host"`,
		"socks5://[::1]:1080":                     `"socks5://[::1]:1080"`,
		"http://user:p/SECRET@127.0.0.1:1":        "",
		"http://user:p#SECRET@127.0.0.1:1":        "",
		"http://user:p?SECRET@127.0.0.1:1":        "",
		`http://user:p\SECRET@127.0.0.1:1`:        "",
		"http://user:p SECRET@127.0.0.1:1":        "",
		"http://user:p\tSECRET@127.0.0.1:1":       "",
		`http://DOM\user:SECRET@127.0.0.1:1`:      "",
		"http://user:p@SECRET@127.0.0.1:1":        "",
		`"http://user:SECRET@127.0.0.1:1"`:        "",
		"'http://user:SECRET@127.0.0.1:1'":        "",
		"http://user:SECRET@127.0.0.1:SECRET":     "",
		"http://user:SECRET@127.0.0.1:1?SECRET":   "",
		"http://user:SECRET@127.0.0.1:1#SECRET":   "",
		"http://host:SECRET":                      "",
		"http://user:%53ECRET@127.0.0.1:1/%53":    "",
		"http://evil.example\u202e:SECRET@host:1": `"http://host:1"`,
		"http://ho\u0130t":                        "",
		"":                                        "",
	} {
		got := URL(address)
		if want == "" && !strings.HasPrefix(got, "(not shown") || want != "" && got != want {
			t.Errorf("%q: got %s, want %s", address, got, cmp.Or(want, "(not shown"))
		}
		if strings.Contains(got, "SECRET") {
			t.Errorf("%q: got %s, want nothing of SECRET", address, got)
		}
	}
}

func TestWordAndPath(t *testing.T) {
	token := "dop_v1_" + strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]bool{
		"production": true, "client.authentication.k8s.io/v1": true, "a_b@c+d:e-f": true, "": true,
		token: false, "a b": false, "a\x1b[2J": false, "a,b": false, "é": false, "$(id)": false,
	} {
		if got := Word(text); strings.HasPrefix(got, `"`) != want {
			t.Errorf("Word(%q): got %s, want it shown: %v", text, got, want)
		}
	}
	for path, want := range map[string]bool{
		"/home/user/my token": true, `C:\Users\u`: true, "": true,
		token: false, "/run/" + token: false, `C:\` + token + `\x`: false,
	} {
		if got := Path(path); strings.HasPrefix(got, `"`) != want {
			t.Errorf("Path(%q): got %s, want it shown: %v", path, got, want)
		}
	}
}
