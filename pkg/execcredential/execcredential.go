// Package execcredential implements the protocol between a Kubernetes client and its exec credential
// plugin: it reads the client's request and writes the response that the client
// expects on the plugin's standard output.
//
// It supports the versions client.authentication.k8s.io/v1 and /v1beta1. The protocol is described
// in KEP-541 and at
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins.
// Where clients deviate from it, this package accepts what they actually send.
package execcredential

import (
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Kind is the kind of requests and responses.
const Kind = "ExecCredential"

// Version is an API version of the protocol. The zero value is not a version.
type Version string

// The supported versions.
const (
	V1      Version = group + "/v1"
	V1Beta1 Version = group + "/v1beta1"
)

const group = "client.authentication.k8s.io"

// ParseVersion parses a version, with or without its group: "client.authentication.k8s.io/v1beta1" or
// "v1beta1". Its error wraps [ErrVersion] and has class Usage.
func ParseVersion(s string) (Version, error) {
	switch s {
	case string(V1), "v1":
		return V1, nil
	case string(V1Beta1), "v1beta1":
		return V1Beta1, nil
	}
	return "", &credential.Error{Class: credential.Usage, Err: fmt.Errorf("%w %s", ErrVersion, show.Word(s))}
}

// Errors for bad requests, of class Usage.
var (
	ErrVersion    = errors.New("unsupported ExecCredential version") // neither V1 nor V1Beta1
	ErrNotRequest = errors.New("not an ExecCredential")
)
