package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const clusterID = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"

// newAPI starts a stand-in with one cluster. The returned run asks the command line for its
// credential at a time that lies so far ahead, and returns the exit code and what was printed.
func newAPI(t *testing.T) (api *digitaloceantest.API, run func(ahead time.Duration, args ...string) (code int, stdout, stderr string)) {
	t.Helper()
	api = digitaloceantest.NewAPI("dop_v1_test")
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(api)
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

// With a credential that is due for renewal but still valid, what may pass by itself, and an answer
// that can't be used, go unnoticed; a refusal doesn't.
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
			for range 2 { // the second time by the failure's memory
				code, stdout, stderr = run(late)
				if !want {
					if code == 0 || stdout != "" {
						t.Errorf("exit code %d, %q", code, stdout)
					}
					continue
				}
				if code != 0 || stderr != "" {
					t.Fatalf("exit code %d, %q", code, stderr)
				}
				got := parse(t, stdout)
				if got.Status.Token != first.Status.Token {
					t.Error("not the cached credential")
				}
				soon := got.Status.ExpirationTimestamp.Sub(time.Now().Add(late))
				if soon > time.Minute || soon < 50*time.Second {
					t.Errorf("to be asked again in %s", soon)
				}
			}
			if calls := api.Calls(); calls != 2 {
				t.Errorf("%d calls", calls)
			}
			// Beyond its end nothing is served.
			code, stdout, _ = run(digitaloceantest.DefaultExpiry+time.Minute, "--timeout=1s")
			if code == 0 || stdout != "" {
				t.Errorf("after the end: exit code %d, %q", code, stdout)
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	api, run := newAPI(t)
	_, stdout, _ := run(0)
	first := parse(t, stdout)
	if until := time.Until(first.Status.ExpirationTimestamp); until > digitaloceantest.DefaultExpiry-5*time.Minute {
		t.Errorf("to be asked again in %s", until)
	}
	_, stdout, _ = run(digitaloceantest.DefaultExpiry - 5*time.Minute - 10*time.Second)
	if parse(t, stdout) != first {
		t.Error("renewed too early")
	}
	_, stdout, _ = run(digitaloceantest.DefaultExpiry - 4*time.Minute)
	if parse(t, stdout).Status.Token == first.Status.Token || api.Mints(clusterID) != 2 {
		t.Error("not renewed")
	}
}
