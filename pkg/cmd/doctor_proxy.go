package cmd

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

const proxyHint = "write it as scheme://host:port, with user:password@, percent-encoded, before the host if needed"

// checkProxies reports proxies that aren't of the form that can be shown. It shows no part of them, because
// they may contain a password.
func (d *doctor) checkProxies(context.Context) []finding {
	const check = "proxy"
	var findings []finding
	if name := oddProxy(); name != "" {
		findings = append(findings, warning(check, proxyHint, "%s isn't of the form scheme://host:port", name))
	}
	for _, cluster := range d.config.Clusters {
		if d.config.IDOf(&cluster) != "" && cluster.ProxyURL != "" && shownProxy(cluster.ProxyURL) == "" {
			findings = append(findings, warning(check, proxyHint,
				"the proxy-url of the cluster entry %q isn't of the form scheme://host:port", cluster.Name))
		}
	}
	return findings
}

// envProxy returns the environment's proxy for https, and the name of its variable. It reads the process's own
// environment, as net/http does.
func envProxy() (name, proxy string) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if proxy := os.Getenv(name); proxy != "" {
			return name, proxy
		}
	}
	return "", ""
}

// oddProxy returns the variable whose proxy can't be shown, or "".
func oddProxy() string {
	if name, proxy := envProxy(); proxy != "" && shownProxy(proxy) == "" {
		return name
	}
	return ""
}

// shownProxy returns scheme, host and port of a proxy. It returns "" if they can't be told from a password, or
// if the proxy can't be parsed, in which case errors quote all of it.
func shownProxy(proxy string) string {
	shown := show.URL(proxy)
	if !strings.HasPrefix(shown, `"`) {
		return ""
	}
	shown = strings.Trim(shown, `"`)
	if !strings.Contains(proxy, "://") {
		proxy = "http://" + proxy // as net/http does
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" || !strings.HasSuffix(shown, u.Host) {
		return ""
	}
	return shown
}
