package digitalocean

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// ClusterID is a cluster's id, a UUID in lower case. It is safe in a path.
type ClusterID string

// ErrClusterID says that a text is no cluster id, which is a UUID.
var ErrClusterID = errors.New("is not a cluster id")

// ParseClusterID returns the id that s is. An error is of class Usage.
func ParseClusterID(s string) (ClusterID, error) {
	if !isUUID(s) {
		return "", &credential.Error{Class: credential.Usage, Err: fmt.Errorf("%s %w", credential.ShowWord(s), ErrClusterID)}
	}
	return ClusterID(strings.ToLower(s)), nil
}

// clusterDomain is the domain under which each cluster's API server has its id as name.
const clusterDomain = ".k8s.ondigitalocean.com"

// ClusterIDFromHost returns the id in an API server's host name, <id>.k8s.ondigitalocean.com. Only ASCII
// letters are the same in upper case: other names are other hosts to clients.
func ClusterIDFromHost(host string) (ClusterID, bool) {
	const idSize = len("8d91899c-0739-4a1a-acc5-deadbeefbb8f")
	if len(host) <= idSize || !credential.SameHost(host[idSize:], clusterDomain) || !isUUID(host[:idSize]) {
		return "", false
	}
	return ClusterID(strings.ToLower(host[:idSize])), true
}

// isUUID tells whether s has the form of RFC 9562, section 4: hexadecimal digits in five groups.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, b := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if b != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(b)) {
				return false
			}
		}
	}
	return true
}
