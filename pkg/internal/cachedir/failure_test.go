package cachedir

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Failures written by an earlier version are readable, and fields added since are preserved.
func TestFailureFormat(t *testing.T) {
	at := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	old := credential.Failure{At: at, Class: credential.Unreachable, Message: "m", Within: 2 * time.Second}
	slow := old
	slow.Renewal = true
	tests := map[string]credential.Failure{
		`{"at":"2026-01-02T12:00:00Z","class":"unreachable","message":"m","within":2000000000}`:                old,
		`{"at":"2026-01-02T12:00:00Z","class":"unreachable","message":"m","within":2000000000,"renewal":true}`: slow,
	}
	for text, want := range tests {
		d := Open(filepath.Join(t.TempDir(), "cache"), accessToken)
		if err := d.PutFailure(t.Context(), key, want); err != nil {
			t.Fatal(err)
		}
		path := newSeal(d.path, key, accessToken).path(failureSuffix)
		withCluster := strings.TrimSuffix(text, "}") + `,"cluster_id":"` + key.ClusterID + `"}`
		if got, err := os.ReadFile(path); err != nil || string(got) != withCluster {
			t.Errorf("got %s, %v; want %s", got, err, withCluster)
		}
		entries, err := List(d.path)
		if err != nil || len(entries) != 1 || entries[0].FailureOf != key.ClusterID || !entries[0].Absent {
			t.Errorf("got %+v, %v; want the failure's cluster, %s", entries, err, key.ClusterID)
		}
		for _, written := range []string{text, withCluster} {
			if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := d.Failure(t.Context(), key)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: got error %v, want none (-want +got):\n%s", written, err, diff)
			}
		}
	}
}

// A slow renewal is remembered for other processes, too.
func TestSlowRenewalAcrossProcesses(t *testing.T) {
	dir, now, calls := t.TempDir(), time.Now(), 0
	cached := func(now time.Time) *credential.Cached {
		return &credential.Cached{
			Store: Open(dir, accessToken), Key: key, Now: func() time.Time { return now },
			Provider: credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
				calls++
				return newCredential("new"), nil
			}),
		}
	}
	mustPut(t, Open(dir, accessToken), key, newCredential("old"))
	inLeeway := now.Add(56 * time.Minute)
	f := credential.Failure{At: inLeeway, Class: credential.Unreachable, Message: "m", Renewal: true}
	if err := Open(dir, accessToken).PutFailure(t.Context(), key, f); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		after time.Duration
		want  string
		calls int
	}{{59 * time.Second, "old", 0}, {time.Minute, "new", 1}} {
		got, err := cached(inLeeway.Add(test.after)).Credential(t.Context())
		if err != nil || got.Token.Reveal() != test.want || calls != test.calls {
			t.Errorf("after %s: got %q, %v with %d calls; want %q with %d",
				test.after, got.Token.Reveal(), err, calls, test.want, test.calls)
		}
	}
}
