// Package execcredential speaks the protocol between a Kubernetes client and its exec credential
// plugin: it reads the request that the client passes, and writes the response that the client
// waits for on the plugin's standard output.
//
// The versions client.authentication.k8s.io/v1 and /v1beta1 are spoken. The protocol is described
// in KEP-541 and at
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins;
// where clients differ from it, this package takes what they really send.
package execcredential

import (
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Kind is the kind of requests and responses.
const Kind = "ExecCredential"

// Version is an API version of the protocol. The zero value is no version.
type Version string

// The versions that this package speaks.
const (
	V1      Version = group + "/v1"
	V1Beta1 Version = group + "/v1beta1"
)

const group = "client.authentication.k8s.io"

// ParseVersion returns the version that s names: whole, or by its last part, as in "v1beta1".
func ParseVersion(s string) (Version, error) {
	switch s {
	case string(V1), "v1":
		return V1, nil
	case string(V1Beta1), "v1beta1":
		return V1Beta1, nil
	}
	return "", &credential.Error{Class: credential.Usage, Err: fmt.Errorf("%w %s", ErrVersion, credential.ShowWord(s))}
}

// Errors of class Usage, which say what is wrong with a request.
var (
	ErrVersion    = errors.New("unsupported ExecCredential version") // neither V1 nor V1Beta1
	ErrNotRequest = errors.New("not an ExecCredential")
)
