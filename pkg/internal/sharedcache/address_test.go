package sharedcache

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	marked := append([]byte("\uFEFF"), authority...)
	file := func(name string, text []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return url.QueryEscape(path)
	}
	tests := map[string]struct {
		text     string
		insecure bool
		want     string // the address without secrets; "": an error
	}{
		"TLS":                        {text: "rediss://user:secret@cache.example:25061/2", want: "rediss://cache.example:25061"},
		"TLS, default port":          {text: "rediss://:secret@cache.example", want: "rediss://cache.example:6379"},
		"loopback":                   {text: "redis://127.0.0.1:6380", want: "redis://127.0.0.1:6380"},
		"loopback, IPv6":             {text: "redis://[::1]", want: "redis://[::1]:6379"},
		"loopback, a name":           {text: "redis://localhost", want: "redis://localhost:6379"},
		"a line's end":               {text: " redis://localhost\r\n", want: "redis://localhost:6379"},
		"a byte order mark":          {text: "\uFEFFredis://localhost\r\n", want: "redis://localhost:6379"},
		"insecure":                   {text: "redis://cache.example", insecure: true, want: "redis://cache.example:6379"},
		"a socket":                   {text: "unix:///run/valkey.sock", want: "unix:///run/valkey.sock"},
		"authorities with a mark":    {text: "rediss://h?ca=" + file("marked.pem", marked), want: "rediss://h:6379"},
		"a prefix and authorities":   {text: "rediss://h?prefix=ci:&ca=" + file("ca.pem", authority), want: "rediss://h:6379"},
		"in clear":                   {text: "redis://user:secret@cache.example"},
		"in clear, nearly loopback":  {text: "redis://127.0.0.1.cache.example"},
		"another scheme":             {text: "https://user:secret@cache.example"},
		"no scheme":                  {text: "user:secret@cache.example:6379"},
		"an access token":            {text: "dop_v1_secret"},
		"nothing":                    {text: ""},
		"no host":                    {text: "rediss://user:secret@"},
		"a socket with a host":       {text: "unix://run/secret.sock"},
		"a database that is a name":  {text: "rediss://cache.example/secret"},
		"an unknown parameter":       {text: "rediss://cache.example?secret=1"},
		"a relative path":            {text: "rediss://cache.example?ca=secret.pem"},
		"no authorities":             {text: "rediss://cache.example?ca=" + file("secret.pem", []byte("secret"))},
		"no file of authorities":     {text: "rediss://cache.example?ca=" + file("ca.pem", nil) + "secret"},
		"endless authorities":        {text: "rediss://cache.example?ca=/dev/zero"},
		"a user without a password":  {text: "rediss://secret@cache.example"},
		"a line break in a password": {text: "rediss://user:secret%0d%0aFLUSHALL@cache.example"},
		"a line break in a prefix":   {text: "redis://localhost?prefix=secret%0aflush_all"},
		"a long prefix":              {text: "redis://localhost?prefix=secret" + strings.Repeat("x", 600)},
		"an escape that isn't one":   {text: "rediss://user:secret%zz@cache.example"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseAddress(test.text, test.insecure)
			switch {
			case test.want == "" && err == nil:
				t.Errorf("got %s and no error, want one", got)
			case test.want == "" && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "cache.example")):
				t.Errorf("got %q, want nothing of the address in it", err)
			case test.want != "" && (err != nil || got.String() != test.want):
				t.Errorf("got %s, %v; want %s", got, err, test.want)
			}
			if isInsecure := strings.HasPrefix(name, "in clear"); errors.Is(err, ErrInsecure) != isInsecure {
				t.Errorf("got %v; want ErrInsecure: %t", err, isInsecure)
			}
		})
	}
}
