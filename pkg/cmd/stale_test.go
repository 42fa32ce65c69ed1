package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const clusterID = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"

// newAPI starts a stand-in for the API with one cluster. The returned function runs exec-credential for it with a
// clock that is ahead, and returns the exit code and the output.
func newAPI(t *testing.T) (
	api *digitaloceantest.API, run func(ahead time.Duration, args ...string) (code int, stdout, stderr string),
) {
	t.Helper()
	api = digitaloceantest.NewAPI("dop_v1_test")
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(openapitest.Checked(t, api))
	t.Cleanup(server.Close)
	env := map[string]string{
		"DIGITALOCEAN_ACCESS_TOKEN": "dop_v1_test",
		"DIGITALOCEAN_API_URL":      server.URL,
		"DOKS_AUTH_CACHE_DIR":       t.TempDir(),
	}
	return api, func(ahead time.Duration, args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := cmd.Run(context.Background(), cmd.Env{
			Args:            append([]string{"exec-credential", "--api-version=v1", clusterID}, args...),
			Stdin:           strings.NewReader(""),
			Stdout:          &stdout,
			Stderr:          &stderr,
			StdinIsTerminal: func() bool { return false },
			Getenv:          func(name string) string { return env[name] },
			Now:             func() time.Time { return time.Now().Add(ahead) },
		})
		return code, stdout.String(), stderr.String()
	}
}

type response struct {
	Status struct {
		ExpirationTimestamp time.Time
		Token               string
	}
}

func parse(t *testing.T, stdout string) response {
	t.Helper()
	var r response
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %q", err, stdout)
	}
	return r
}

// A cached credential that is due for renewal but still valid is served despite a transient failure or an
// unusable answer, but not despite a refusal.
func TestStaleIfError(t *testing.T) {
	const late = digitaloceantest.DefaultExpiry - 3*time.Minute
	served := map[string]bool{
		"401": false, "403": false, "404": false, "422": false, "redirect": false,
		"429": true, "429-retry-after-1": true, "429-retry-after-huge": true, "429-hourly": true,
		"500": true, "502": true, "503": true, "hang": true, "reset": true, "cut": true,
		"html": true, "truncated": true, "null": true, "empty": true, "bad-base64": true,
		"huge": true, "expired": true, "newline": true, "no-server": true,
	}
	for name, want := range served {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, run := newAPI(t)
			code, stdout, stderr := run(0)
			if code != 0 {
				t.Fatal(stderr)
			}
			first := parse(t, stdout)
			api.SetFault(digitaloceantest.Named()[name])
			for range 2 { // the second run gets the remembered failure
				code, stdout, stderr = run(late)
				if !want {
					if code == 0 || stdout != "" {
						t.Errorf("got exit code %d, %q; want a failure and no output", code, stdout)
					}
					continue
				}
				if code != 0 || stderr != "" {
					t.Fatalf("got exit code %d, %q; want 0 and no error", code, stderr)
				}
				got := parse(t, stdout)
				if got.Status.Token != first.Status.Token {
					t.Errorf("got token %s; want the cached %s", got.Status.Token, first.Status.Token)
				}
				soon := got.Status.ExpirationTimestamp.Sub(time.Now().Add(late))
				if soon > time.Minute || soon < 50*time.Second {
					t.Errorf("got an expirationTimestamp in %s; want 50s to 1m", soon)
				}
			}
			if calls := api.Calls(); calls != 2 {
				t.Errorf("got %d calls, want 2", calls)
			}
			// An expired credential is never served.
			code, stdout, _ = run(digitaloceantest.DefaultExpiry+time.Minute, "--timeout=1s")
			if code == 0 || stdout != "" {
				t.Errorf("expired: got exit code %d, %q; want a failure and no output", code, stdout)
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	api, run := newAPI(t)
	_, stdout, _ := run(0)
	first := parse(t, stdout)
	if until := time.Until(first.Status.ExpirationTimestamp); until > digitaloceantest.DefaultExpiry-5*time.Minute {
		t.Errorf("got an expirationTimestamp in %s; want it at least 5m before the expiry", until)
	}
	_, stdout, _ = run(digitaloceantest.DefaultExpiry - 5*time.Minute - 10*time.Second)
	if got := parse(t, stdout); got != first {
		t.Errorf("10s before it is due: got %v; want the cached %v", got, first)
	}
	_, stdout, _ = run(digitaloceantest.DefaultExpiry - 4*time.Minute)
	if got, mints := parse(t, stdout), api.Mints(clusterID); got.Status.Token == first.Status.Token || mints != 2 {
		t.Errorf("after it is due: got token %s, %d mints; want a new one, 2 mints", got.Status.Token, mints)
	}
}
