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

// inPlugins makes the environment that plugins are run in this process's own, for what runs them as
// its kubeconfig says.
func inPlugins(t *testing.T, p plugin) {
	t.Helper()
	for _, variable := range p.env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
}

// Saved, used by client-go, and removed: one mint, and a kubeconfig as before.
func TestSaveUseRemove(t *testing.T) {
	api, url, token, cert := newAPI(t)
	serve(t, api, token)
	serve(t, api, cert)
	p := newPlugin(t, url)
	inPlugins(t, p)
	path := filepath.Join(p.dir, "config")
	before := "# mine\ncurrent-context: \"\"\nclusters:\n- {name: kind, cluster: {server: 'https://kind.example'}} # at home\nusers: []\ncontexts:\n"
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
				t.Fatal(r.stderr)
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
				t.Errorf("authenticated by %q, not %q; %v", got, want, err)
			}
		}
		if r := p.run(t, nil, "kubeconfig", "remove", "--kubeconfig="+path, cluster.ID); r.code != 0 || !strings.Contains(r.stdout, "removed") {
			t.Errorf("%s%s", r.stdout, r.stderr)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// An empty list is written as kubectl does.
		want := strings.NewReplacer("users: []", "users: null", "contexts:", "contexts: null").Replace(before)
		if diff := cmp.Diff(want, string(after)); diff != "" {
			t.Error(diff)
		}
		if mints := api.Mints(cluster.ID); mints != 1 {
			t.Errorf("%d mints", mints)
		}
	}
}

// A save and a hundred plugins cost one mint, and saving at once loses nobody's cluster.
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
				t.Error(r.stderr)
			}
		})
	}
	all.Wait()
	config, err := clientcmd.LoadFromFile(filepath.Join(p.dir, ".kube", "config"))
	if err != nil {
		t.Fatal(err)
	}
	if len(config.Clusters) != n || len(config.Contexts) != n || len(config.AuthInfos) != n {
		t.Errorf("%d clusters, %d contexts, %d users", len(config.Clusters), len(config.Contexts), len(config.AuthInfos))
	}
	for range 100 {
		all.Go(func() {
			if r := p.run(t, nil, "exec-credential", "--api-version=v1", ids[0]); r.code != 0 {
				t.Error(r.stderr)
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if mints := api.Mints(id); mints != 1 {
			t.Errorf("%d mints for %s", mints, id)
		}
	}
}

// Every cluster of a large account, over three pages, each with one mint.
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
		if r := p.run(t, nil, "kubeconfig", "save", "--all"); r.code != 0 || strings.Count(r.stdout, "saved context") != n {
			t.Fatal(r.stderr)
		}
	}
	config, err := clientcmd.LoadFromFile(filepath.Join(p.dir, ".kube", "config"))
	if err != nil || len(config.Contexts) != n || config.CurrentContext != "" {
		t.Errorf("%d contexts, %q is current; %v", len(config.Contexts), config.CurrentContext, err)
	}
	if calls, mints := api.Calls(), api.Mints(token.ID); calls != 3+n+3 || mints != 1 {
		t.Errorf("%d calls, %d mints of one cluster", calls, mints)
	}
}
