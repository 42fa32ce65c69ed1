package digitaloceantest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// An API with one cluster that works at first and then fails.
func ExampleAPI() {
	const id = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	api := digitaloceantest.NewAPI("dop_v1_example")
	cluster, err := digitaloceantest.NewCluster(id)
	if err != nil {
		fmt.Println(err)
		return
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(api)
	defer server.Close()

	call := func() {
		request, err := http.NewRequest(http.MethodGet, server.URL+"/v2/kubernetes/clusters/"+id+"/credentials", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		request.Header.Set("Authorization", "Bearer dop_v1_example")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer response.Body.Close()
		fmt.Println(response.Status, api.Mints(id))
	}
	call()
	api.SetFault(digitaloceantest.Status(429, "Retry-After", "5"))
	call()
	// Output:
	// 200 OK 1
	// 429 Too Many Requests 1
}
