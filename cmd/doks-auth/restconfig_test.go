package main

import (
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// The library and the plugin share the cache, whichever comes first.
func TestLibrarySharesTheCache(t *testing.T) {
	for _, pluginFirst := range []bool{true, false} {
		api, url, cluster, _ := newAPI(t)
		serve(t, api, cluster)
		p := newPlugin(t, url)
		plugin := func() {
			if got := p.run(t, nil, "exec-credential", "--api-version=v1", cluster.ID); got.code != 0 {
				t.Errorf("got exit code %d, want 0: %s", got.code, got.stderr)
			}
		}
		library := func() {
			config, err := restconfig.ForCluster(t.Context(), tokenCluster, restconfig.Options{
				AccessToken: credential.NewSecret(accessToken),
				APIURL:      url + "/",
				CacheDir:    filepath.Join(p.dir, ".kube", "cache", "doks-auth"),
			})
			if err != nil {
				t.Fatal(err)
			}
			client, err := rest.HTTPClientFor(config)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ask(client, cluster); err != nil || got != "token" {
				t.Errorf("got a request authenticated by %q, %v; want %q", got, err, "token")
			}
		}
		if pluginFirst {
			plugin()
		}
		library()
		plugin()
		if mints := api.Mints(cluster.ID); mints != 1 {
			t.Errorf("got %d mints, want 1", mints)
		}
	}
}
