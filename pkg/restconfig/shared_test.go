package restconfig_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// Programs on machines that share a cache share a token, and replace one that is refused once.
func TestSharedCache(t *testing.T) {
	api, cluster, o := newCluster(t)
	shared := miniredis.RunT(t)
	o.SharedCache = credential.NewSecret("redis://" + shared.Addr())
	first := newClient(t, o)
	mustVersion(t, first, cluster, "token")
	o.CacheDir = cacheDir(t)
	second := newClient(t, o)
	mustVersion(t, second, cluster, "token")
	if got := api.Mints(string(clusterID)); got != 1 {
		t.Errorf("got %d mints, want 1", got)
	}
	api.Revoke(string(clusterID))
	mustVersion(t, first, cluster, "token")
	mustVersion(t, second, cluster, "token")
	if got := api.Mints(string(clusterID)); got != 2 {
		t.Errorf("got %d mints after the first was revoked, want 2", got)
	}

	shared.Close()
	o.CacheDir = cacheDir(t)
	mustVersion(t, newClient(t, o), cluster, "token")
	if got := api.Mints(string(clusterID)); got != 3 {
		t.Errorf("got %d mints without the shared cache, want 3", got)
	}
}

func TestSharedCacheAddress(t *testing.T) {
	_, _, o := newCluster(t)
	for address, want := range map[string]credential.Class{
		"SECRET": credential.Usage, "redis://user:SECRET@cache.example": credential.Unsafe,
	} {
		o.SharedCache = credential.NewSecret(address)
		if _, err := restconfig.ForCluster(t.Context(), clusterID, o); credential.ClassOf(err) != want {
			t.Errorf("%s: got %v, want class %q", address, err, want)
		}
	}
}
