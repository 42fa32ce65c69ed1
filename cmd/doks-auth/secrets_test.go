package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// proxies are addresses that contain a secret, as people write and mistype them.
var proxies = []string{
	"http://user:p/SECRET@127.0.0.1:1", "http://user:p#SECRET@127.0.0.1:1", "http://user:p?SECRET@127.0.0.1:1",
	`http://user:p\SECRET@127.0.0.1:1`, "http://user:p SECRET@127.0.0.1:1", `http://DOM\user:SECRET@127.0.0.1:1`,
	`http://user:"SECRET"@127.0.0.1:1`, "http://user:'SECRET'@127.0.0.1:1", "http://SECRET@127.0.0.1:1",
	"http://user:\tSECRET@127.0.0.1:1", "http://user:%SECRET@127.0.0.1:1", "user:SECRET@127.0.0.1:1",
	"SECRET@127.0.0.1:1", "http://user:SECRET@127.0.0.1:1", "http://user:p@SECRET@127.0.0.1:1",
	"http://[SECRET@127.0.0.1:1", "http://user:SECRET@", "http://user:SECRET@127.0.0.1:port",
	"http:/user:SECRET@127.0.0.1:1", "http://user:p/SECRET", `http:\\user:SECRET@127.0.0.1:1`,
	"http://user:SECRET＠127.0.0.1:1", "socks5://user:p/SECRET@127.0.0.1:1", "http://user:SECRET#@127.0.0.1:1",
	"http://SECRET#@127.0.0.1:1", "http://SECRET?@127.0.0.1:1", "http://127.0.0.1:1/?SECRET",
	"http://127.0.0.1:1#SECRET", "://SECRET@127.0.0.1:1", "http://user:<SECRET>@127.0.0.1:1",
	" http://user:SECRET@127.0.0.1:1", "http://user:SECRET@127.0.0.1:1 ",
}

// doctor shows only scheme, host and port of proxies and other addresses.
func TestDoctorShowsNoSecretInAddresses(t *testing.T) {
	_, url, token, _ := newAPI(t)
	for _, proxy := range proxies {
		p := newPlugin(t, url)
		path := filepath.Join(p.dir, "config")
		server := "https://" + token.Host()
		doctor := func(server, proxyURL, where string, env ...string) {
			t.Helper()
			type object = map[string]any
			entry := object{
				"apiVersion":         "client.authentication.k8s.io/v1",
				"command":            "doks-auth",
				"args":               []string{"exec-credential", tokenCluster},
				"interactiveMode":    "Never",
				"provideClusterInfo": true,
				"env":                []any{object{"name": where, "value": proxy}},
			}
			cluster := object{"server": server, "proxy-url": proxyURL}
			text, err := json.Marshal(object{
				"current-context": "c",
				"clusters":        []any{object{"name": "c", "cluster": cluster}},
				"contexts":        []any{object{"name": "c", "context": object{"cluster": "c", "user": "u"}}},
				"users":           []any{object{"name": "u", "user": object{"exec": entry}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			run := p
			run.env = append(append([]string{"KUBECONFIG=" + path, "DIGITALOCEAN_CONFIG=/none"}, p.env...), env...)
			got := run.run(t, nil, "doctor", "--timeout=2s")
			if all := got.stdout + got.stderr; strings.Contains(all, "SECRET") {
				t.Errorf("%q as %q: got %s, want no secret in it", proxy, append(env, server, proxyURL, where), all)
			}
		}
		const direct = "HTTPS_PROXY=http://127.0.0.1:1"
		doctor(server, "", "HTTPS_PROXY", "HTTPS_PROXY="+proxy)
		doctor(server, "", "HTTPS_PROXY", "https_proxy="+proxy)
		doctor(server, proxy, "HTTPS_PROXY")
		doctor(proxy, "", "DIGITALOCEAN_API_URL", direct)
		doctor(server, "", "DIGITALOCEAN_API_URL", direct)
	}
}
