package oidctest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// A provider that works at first and then fails.
func ExampleIssuer() {
	issuer := oidctest.NewIssuer("client-1")
	server := httptest.NewServer(issuer)
	defer server.Close()
	issuer.SetURL(server.URL)

	discover := func() {
		response, err := http.Get(issuer.URL() + "/.well-known/openid-configuration")
		if err != nil {
			fmt.Println(err)
			return
		}
		response.Body.Close()
		fmt.Println(response.Status, issuer.Calls("discovery"))
	}
	discover()
	issuer.Fault("discovery", "500")
	discover()
	// Output:
	// 200 OK 1
	// 500 Internal Server Error 2
}
