package cmd

import (
	"net/url"
	"os"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

const proxyHint = "write it as scheme://host:port, with user:password@ before the host if need be, percent-encoded"

// checkProxies tells of proxies of another form than can be shown, without a part of them: there are passwords
// in them.
func checkProxies(config *kubeconfig.Config) []finding {
	const check = "proxy"
	var findings []finding
	if name := oddProxy(); name != "" {
		findings = append(findings, warning(check, proxyHint, "%s isn't of the form scheme://host:port", name))
	}
	for _, cluster := range config.Clusters {
		if config.IDOf(&cluster) != "" && cluster.ProxyURL != "" && shownProxy(cluster.ProxyURL) == "" {
			findings = append(findings, warning(check, proxyHint, "the proxy-url of the cluster entry %q isn't of the form scheme://host:port", cluster.Name))
		}
	}
	return findings
}

// envProxy returns the proxy to servers by https that the environment names, and the variable; net/http reads
// them itself, once a process.
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

// shownProxy returns scheme, host and port of a proxy; "" if that can't be shown or can't be parsed, when errors
// would quote all of it.
func shownProxy(proxy string) string {
	shown := credential.ShowURL(proxy)
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
