package digitalocean

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/uuid"
)

// ClusterID is a cluster's ID, a UUID in lower case. It is safe in a path.
type ClusterID string

// ErrClusterID means that a string is not a cluster ID, which is a UUID.
var ErrClusterID = errors.New("is not a cluster id")

// ParseClusterID parses a cluster ID, in upper or lower case. Errors wrap [ErrClusterID] and have class Usage.
func ParseClusterID(s string) (ClusterID, error) {
	if !uuid.Is(s) {
		return "", &credential.Error{
			Class: credential.Usage,
			Err:   fmt.Errorf("%s %w", show.Word(s), ErrClusterID),
		}
	}
	return ClusterID(strings.ToLower(s)), nil
}

// clusterDomain is the domain of all clusters' API servers, below which each is named by its ID.
const clusterDomain = ".k8s.ondigitalocean.com"

// ClusterIDFromHost returns the ID in an API server's host name, <id>.k8s.ondigitalocean.com. It ignores the
// case of ASCII letters only, because clients treat other letters as different hosts.
func ClusterIDFromHost(host string) (ClusterID, bool) {
	const idSize = len("8d91899c-0739-4a1a-acc5-deadbeefbb8f")
	if len(host) <= idSize || !serverurl.SameHost(host[idSize:], clusterDomain) || !uuid.Is(host[:idSize]) {
		return "", false
	}
	return ClusterID(strings.ToLower(host[:idSize])), true
}
