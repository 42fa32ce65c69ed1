package restconfig_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// standIn starts a fake API and fake API servers for clusters with the given names, each with
// two namespaces, and returns the API's URL.
func standIn(names ...string) (apiURL string, stop func()) {
	api := digitaloceantest.NewAPI("dop_v1_example")
	server := httptest.NewServer(api)
	stops := []func(){server.Close}
	for i, name := range names {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("8d91899c-0739-4a1a-acc5-%012x", i))
		if err != nil {
			panic(err)
		}
		cluster.Name = name
		cluster.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"kind":"NamespaceList","apiVersion":"v1","metadata":{},"items":[
				{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"default"}},
				{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"kube-system"}}]}`)
		})
		if err := cluster.Serve(api); err != nil {
			panic(err)
		}
		stops = append(stops, func() { cluster.Close() })
		cluster.Server = "https://" + cluster.Addr()
		api.AddCluster(cluster)
	}
	return server.URL, func() {
		for _, stop := range stops {
			stop()
		}
	}
}

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// Lists the namespaces of one cluster. A real program omits APIURL, reads the access token from its own
// configuration, and can use k8s.io/client-go/kubernetes as well.
func ExampleForCluster() {
	apiURL, stop := standIn("production")
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	config, err := restconfig.ForCluster(ctx, "8d91899c-0739-4a1a-acc5-000000000000", restconfig.Options{
		AccessToken: credential.NewSecret("dop_v1_example"),
		APIURL:      apiURL,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := client.Resource(namespaces).List(ctx, metav1.ListOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, namespace := range list.Items {
		fmt.Println(namespace.GetName())
	}
	// Output:
	// default
	// kube-system
}

// A controller for all clusters of an account. Each has its own config and token, and the
// failure of one doesn't affect the others.
func ExampleForCluster_controller() {
	apiURL, stop := standIn("production", "staging")
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	accessToken := credential.NewSecret("dop_v1_example")
	account, err := digitalocean.NewClient(digitalocean.Options{
		AccessToken: digitalocean.AccessToken{Secret: accessToken, Source: "the example"},
		APIURL:      apiURL,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer account.CloseIdleConnections()
	clusters, err := account.Clusters(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	reconcile := func(cluster digitalocean.Cluster) error {
		config, err := restconfig.ForCluster(ctx, cluster.ID, restconfig.Options{
			AccessToken: accessToken,
			APIURL:      apiURL,
		})
		if err != nil {
			return err
		}
		client, err := dynamic.NewForConfig(config)
		if err != nil {
			return err
		}
		list, err := client.Resource(namespaces).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		fmt.Printf("%s has %d namespaces\n", cluster.Name, len(list.Items))
		return nil
	}
	var wait sync.WaitGroup
	for _, cluster := range clusters {
		wait.Go(func() {
			if err := reconcile(cluster); err != nil {
				fmt.Fprintf(os.Stderr, "cluster %q: %v\n", cluster.Name, err)
			}
		})
	}
	wait.Wait()
	// Unordered output:
	// production has 2 namespaces
	// staging has 2 namespaces
}

// A custom provider. For a custom Store, see credential.Store.
func ExampleNew() {
	provider := credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
		now := time.Now()
		return credential.Credential{
			Server:    "https://kubernetes.example",
			Token:     credential.NewSecret("a-cluster-token"),
			FetchedAt: now,
			ExpiresAt: now.Add(time.Hour),
		}, nil
	})
	config, err := restconfig.New(context.Background(), &credential.Cached{
		Provider: provider,
		Leeway:   10 * time.Minute,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(config.Host, config.BearerToken == "")
	// Output: https://kubernetes.example true
}
