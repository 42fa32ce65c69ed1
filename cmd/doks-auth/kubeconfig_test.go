package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// inPlugins sets a plugin's environment in this process, for clients that run the plugin from a kubeconfig.
func inPlugins(t *testing.T, p plugin) {
	t.Helper()
	for _, variable := range p.env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
}

// Saving a cluster, using it with client-go and removing it costs one mint and restores the kubeconfig.
func TestSaveUseRemove(t *testing.T) {
	api, url, token, cert := newAPI(t)
	serve(t, api, token)
	serve(t, api, cert)
	p := newPlugin(t, url)
	inPlugins(t, p)
	path := filepath.Join(p.dir, "config")
	before := "# mine\ncurrent-context: \"\"\nclusters:\n" +
		"- {name: kind, cluster: {server: 'https://kind.example'}} # at home\nusers: []\ncontexts:\n"
	for want, cluster := range map[string]*digitaloceantest.Cluster{"token": token, "client certificate": cert} {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{cluster.ID},
			{cluster.ID, "--exec-api-version=v1beta1", "--alias=" + cluster.Region},
		} {
			r := p.run(t, nil, append([]string{"kubeconfig", "save", "--kubeconfig=" + path}, args...)...)
			if r.code != 0 {
				t.Fatalf("save: got exit code %d, want 0: %s", r.code, r.stderr)
			}
			config, err := clientcmd.BuildConfigFromFlags("", path)
			if err != nil {
				t.Fatal(err)
			}
			client, err := rest.HTTPClientFor(config)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ask(client, cluster); err != nil || got != want {
				t.Errorf("got a request authenticated by %q, %v; want %q", got, err, want)
			}
		}
		r := p.run(t, nil, "kubeconfig", "remove", "--kubeconfig="+path, cluster.ID)
		if r.code != 0 || !strings.Contains(r.stdout, "removed") {
			t.Errorf("remove: got %+v, want exit code 0 and %q", r, "removed")
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, string(after)); diff != "" {
			t.Errorf("kubeconfig (-want +got):\n%s", diff)
		}
		if mints := api.Mints(cluster.ID); mints != 1 {
			t.Errorf("got %d mints, want 1", mints)
		}
	}
}

// Concurrent saves don't lose each other's clusters, and a save and a hundred plugin runs cost one mint.
func TestSavesAtOnce(t *testing.T) {
	api, url, _, _ := newAPI(t)
	p := newPlugin(t, url)
	const n = 20
	var ids []string
	for i := range n {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012x", i))
		if err != nil {
			t.Fatal(err)
		}
		cluster.Name = fmt.Sprint("c", i)
		api.AddCluster(cluster)
		ids = append(ids, cluster.ID)
	}
	var all sync.WaitGroup
	for _, id := range ids {
		all.Go(func() {
			if r := p.run(t, nil, "kubeconfig", "save", id); r.code != 0 {
				t.Errorf("save: got exit code %d, want 0: %s", r.code, r.stderr)
			}
		})
	}
	all.Wait()
	config, err := clientcmd.LoadFromFile(filepath.Join(p.dir, ".kube", "config"))
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Clusters) != n || len(config.Contexts) != n || len(config.AuthInfos) != n {
		t.Errorf("got %d clusters, %d contexts, %d users; want %d each",
			len(config.Clusters), len(config.Contexts), len(config.AuthInfos), n)
	}
	for range 100 {
		all.Go(func() {
			if r := p.run(t, nil, "exec-credential", "--api-version=v1", ids[0]); r.code != 0 {
				t.Errorf("exec-credential: got exit code %d, want 0: %s", r.code, r.stderr)
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if mints := api.Mints(id); mints != 1 {
			t.Errorf("got %d mints for %s, want 1", mints, id)
		}
	}
}

// save --all saves all clusters of a large account, listed on three pages, with one mint each.
func TestSaveAll(t *testing.T) {
	api, url, token, _ := newAPI(t)
	const n = 450
	for i := range n - 2 {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012x", i))
		if err != nil {
			t.Fatal(err)
		}
		cluster.Name = fmt.Sprintf("Cluster.%d", i)
		api.AddCluster(cluster)
	}
	p := newPlugin(t, url)
	for range 2 {
		r := p.run(t, nil, "kubeconfig", "save", "--all")
		if saved := strings.Count(r.stdout, "saved context"); r.code != 0 || saved != n {
			t.Fatalf("got exit code %d, %d saved contexts; want 0, %d: %s", r.code, saved, n, r.stderr)
		}
	}
	config, err := clientcmd.LoadFromFile(filepath.Join(p.dir, ".kube", "config"))
	if err != nil || len(config.Contexts) != n || config.CurrentContext != "" {
		t.Errorf("got %+v, %v; want %d contexts and no current one", config, err, n)
	}
	if calls, mints := api.Calls(), api.Mints(token.ID); calls != 3+n+3 || mints != 1 {
		t.Errorf("got %d calls, %d mints for one cluster; want %d, 1", calls, mints, 3+n+3)
	}
}
