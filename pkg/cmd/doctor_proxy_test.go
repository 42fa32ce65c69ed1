package cmd

import (
	"errors"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// A proxy is shown without its user and password. If those can't be told apart from the rest, doctor reports the
// proxy without showing it, and shows no network errors.
func TestShownProxy(t *testing.T) {
	tests := map[string]string{
		"http://127.0.0.1:3128":                   "http://127.0.0.1:3128",
		"http://proxy.example:3128/":              "http://proxy.example:3128",
		"https://user:SECRET@proxy.example":       "https://proxy.example",
		"http://DOM%5Cuser:SECRET%40@proxy:3128":  "http://proxy:3128",
		"socks5://user:SECRET@[::1]:1080":         "socks5://[::1]:1080",
		"user:SECRET@proxy:3128":                  "proxy:3128",
		"proxy:3128":                              "proxy:3128",
		"http://user:p/SECRET@proxy:3128":         "",
		"http://user:p#SECRET@proxy:3128":         "",
		"http://user:p?SECRET@proxy:3128":         "",
		`http://user:p\SECRET@proxy:3128`:         "",
		`http://DOM\user:SECRET@proxy:3128`:       "",
		"http://user:p SECRET@proxy:3128":         "",
		"http://user:p\tSECRET@proxy:3128":        "",
		`http://user:"SECRET"@proxy:3128`:         "",
		"http://user:%SECRET@proxy:3128":          "",
		"http://user:p@SECRET@proxy:3128":         "",
		"http://SECRET#@proxy:3128":               "",
		"http://SECRET?@proxy:3128":               "",
		"http://proxy:3128?SECRET":                "",
		"http://proxy:SECRET":                     "",
		"http://user:SECRET@":                     "",
		"http:/user:SECRET@proxy:3128":            "",
		"http://user:SECRET＠proxy:3128":           "",
		"http://user:SECRET\u202e@proxy:3128\n":   "",
		"http://user:<SECRET>@proxy:3128":         "",
		"http://[SECRET@proxy:3128":               "",
		"http://user:SECRET@proxy:3128 no-spaces": "",
	}
	for proxy, want := range tests {
		if got := shownProxy(proxy); got != want {
			t.Errorf("%q: got %q; want %q", proxy, got, want)
		}
		t.Setenv("HTTPS_PROXY", "")
		t.Setenv("https_proxy", proxy) // last: it is the same variable on Windows
		odd := want == ""
		config := &kubeconfig.Config{Clusters: []kubeconfig.Cluster{
			{Name: "c", ProxyURL: proxy, ClusterID: "8d91899c-0739-4a1a-acc5-deadbeefbb8f"},
		}}
		findings := (&doctor{config: config}).checkProxies(t.Context())
		if (len(findings) == 2) != odd {
			t.Errorf("%q: got findings %+v; want two: %v", proxy, findings, odd)
		}
		err := &credential.Error{Class: credential.Unreachable, Err: errors.New("lookup SECRET: no such host")}
		findings = append(findings, failure("api", err))
		for _, f := range findings {
			if odd && strings.Contains(f.Message+f.Hint, "SECRET") {
				t.Errorf("%q: got %+v; want no SECRET in it", proxy, f)
			}
		}
	}
}
