package execcredential_test

import (
	"fmt"
	"os"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
)

// A complete exec credential plugin: it answers the request in the environment.
func Example() {
	os.Setenv(execcredential.EnvVar,
		`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false}}`)
	defer os.Unsetenv(execcredential.EnvVar)

	request, err := execcredential.ParseRequest([]byte(os.Getenv(execcredential.EnvVar)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	c := credential.Credential{Token: credential.NewSecret("a-cluster-token")}
	if err := execcredential.WriteResponse(os.Stdout, request.Version, c, time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	// Output:
	// {"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":{"token":"a-cluster-token"}}
}
