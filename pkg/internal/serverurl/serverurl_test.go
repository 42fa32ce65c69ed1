package serverurl

import "testing"

func TestParse(t *testing.T) {
	for _, server := range []string{
		"", " ", "https://", "https://:443", "//host",
		"https://ho st", "https://h\tost", "https://host\n", "\u0000https://host",
		"https://hos\u0130", "https://hos\u0131", "https://hos\u212a", "https://ho\u017ft",
		"https://host\uff0eexample", "https://host\u3002example", "https://host\u00ad.example",
		"https://h%6fst", "https://host%2eexample", "https://[fe80::1%25eth0]",
		`https://host\@evil`, "https://user@host", "https://user:password@host",
		"https://host?x", "https://host#x", "https://host/?x", "https://host;x", "https://host,evil",
		"https://ho'st", `https://ho"st`, "https://host:port",
		"https://host/a b", "https://host/%2e", "file:///etc/passwd", "https:host",
	} {
		if u, err := Parse(server); err == nil {
			t.Errorf("%q: got %q, want an error", server, u)
		}
	}
	for server, want := range map[string]string{
		"https://Host.Example:6443/Path": "https://host.example:6443/Path",
		"host":                           "https://host",
		"host:443":                       "https://host:443",
		"HTTPS://HOST/":                  "https://host/",
		"https://[::1]:6443":             "https://[::1]:6443",
		"https://a_b-c.example/~x":       "https://a_b-c.example/~x",
	} {
		if got, err := Parse(server); err != nil || got.String() != want {
			t.Errorf("%q: got %q, %v; want %q", server, got, err, want)
		}
	}
}
