package cachedir

import (
	"context"
	"encoding/json"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

var _ credential.JudgmentStore = (*Dir)(nil)

// Judgment implements credential.JudgmentStore.
func (d *Dir) Judgment(_ context.Context, key credential.Key) (credential.Judgment, error) {
	data, err := d.readPlain(key, judgmentSuffix)
	if err != nil {
		return credential.Judgment{}, err
	}
	var j credential.Judgment
	if err := json.Unmarshal(data, &j); err != nil {
		return credential.Judgment{}, miss("corrupt judgment", err)
	}
	return j, nil
}

// PutJudgment implements credential.JudgmentStore. A judgment contains no secret and isn't sealed.
func (d *Dir) PutJudgment(_ context.Context, key credential.Key, j credential.Judgment) error {
	return d.writePlain(key, judgmentSuffix, j)
}
