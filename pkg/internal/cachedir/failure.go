package cachedir

import (
	"context"
	"encoding/json"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// failureFile is what a file with a failure contains.
type failureFile struct {
	credential.Failure

	ClusterID string `json:"cluster_id,omitempty"` // so that it can be found without the access token
}

// Failure implements credential.FailureStore.
func (d *Dir) Failure(_ context.Context, key credential.Key) (credential.Failure, error) {
	data, err := d.readPlain(key, failureSuffix)
	if err != nil {
		return credential.Failure{}, err
	}
	var f credential.Failure
	if err := json.Unmarshal(data, &f); err != nil || f.Message == "" {
		return credential.Failure{}, miss("corrupt failure", err)
	}
	return f, nil
}

// PutFailure implements credential.FailureStore. A failure contains no secret and isn't sealed.
func (d *Dir) PutFailure(_ context.Context, key credential.Key, f credential.Failure) error {
	return d.writePlain(key, failureSuffix, failureFile{f, key.ClusterID})
}

// failedCluster returns the cluster of the failure in the file at path, or "".
func failedCluster(path string) string {
	data, err := readFile(path)
	var f failureFile
	if err != nil || json.Unmarshal(data, &f) != nil {
		return ""
	}
	return f.ClusterID
}
