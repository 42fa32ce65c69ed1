package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// requestOf returns the request of a client that will send the credential to a server. The words say what the
// client trusts: the certificates of the cluster's own authority and of a foreign one, modified by the words that
// follow.
func requestOf(cluster *digitaloceantest.Cluster, server string, words []string) (string, error) {
	other, err := digitaloceantest.NewCluster(certCluster)
	if err != nil {
		return "", err
	}
	target := map[string]any{"server": server, "config": nil}
	var own, foreign []byte
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "own":
			own = cluster.CA()
		case "foreign":
			foreign = other.CA()
		case "text":
			own = []byte("not a certificate")
		case "broken": // some parsers accept it anyway
			foreign = bytes.Replace(other.CA(), []byte("-----END CERTIFICATE-----"), []byte("-----END CERT-----"), 1)
		case "twice":
			own = append(bytes.Clone(own), own...)
		case "spaced":
			own = []byte("\r\n# the cluster's\n\n" + strings.ReplaceAll(string(own), "\n", "\r\n") + "\n \t\n")
		case "trusted":
			foreign = bytes.ReplaceAll(foreign, []byte("CERTIFICATE"), []byte("TRUSTED CERTIFICATE"))
		case "headers":
			foreign = bytes.Replace(foreign, []byte("-----\n"), []byte("-----\nX: y\n\n"), 1)
		case "der":
			block, _ := pem.Decode(foreign)
			foreign = append(block.Bytes, '\n')
		case "insecure":
			target["insecure-skip-tls-verify"] = true
		case "tls-server-name":
			target[name] = value
		case "none":
		default:
			return "", fmt.Errorf("unknown word %q", word)
		}
	}
	if ca := append(bytes.Clone(foreign), own...); len(ca) > 0 {
		target["certificate-authority-data"] = ca
	}
	request, err := json.Marshal(map[string]any{
		"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
		"spec": map[string]any{"cluster": target, "interactive": false},
	})
	return string(request), err
}
