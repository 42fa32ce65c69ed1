package digitalocean_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	accessToken = "dop_v1_test"
	clusterID   = digitalocean.ClusterID("8d91899c-0739-4a1a-acc5-deadbeefbb8f")
)

// newAPI starts a fake API with one cluster and returns a client for it.
func newAPI(
	t *testing.T, change func(*digitalocean.Options),
) (*digitaloceantest.API, *digitaloceantest.Cluster, *digitalocean.Client) {
	t.Helper()
	api := digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(string(clusterID))
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(openapitest.Checked(t, api))
	t.Cleanup(server.Close)
	options := digitalocean.Options{
		AccessToken: digitalocean.AccessToken{Secret: credential.NewSecret(accessToken), Source: "the test"},
		APIURL:      server.URL,
		UserAgent:   "test",
	}
	if change != nil {
		change(&options)
	}
	client, err := digitalocean.NewClient(options)
	if err != nil {
		t.Fatal(err)
	}
	return api, cluster, client
}

func fetch(t *testing.T, client *digitalocean.Client, expiry time.Duration) (credential.Credential, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return client.Credential(ctx, clusterID, expiry)
}

func TestCredential(t *testing.T) {
	api, cluster, client := newAPI(t, nil)
	for expiry, want := range map[time.Duration]time.Duration{
		0:                digitaloceantest.DefaultExpiry,
		90 * time.Second: 90 * time.Second,
	} {
		before := time.Now()
		got, err := fetch(t, client, expiry)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Token.Reveal(), "k8s_v1_") || got.Server != cluster.Server ||
			string(got.CertificateAuthority) != string(cluster.CA()) {
			t.Errorf("got %+v, want a token, server %s and certificate authority %q", got, cluster.Server, cluster.CA())
		}
		if lifetime := got.ExpiresAt.Sub(before); lifetime > want+time.Minute || lifetime < want-2*time.Second {
			t.Errorf("got lifetime %s, want %s", lifetime, want)
		}
		if got.ExpiresAt.Nanosecond() == 0 || got.FetchedAt.Before(before) {
			t.Errorf("got expiry %v and time of fetch %v, want one with nanoseconds and one after %v",
				got.ExpiresAt, got.FetchedAt, before)
		}
		if !api.Accepts(string(clusterID), got.Token.Reveal()) {
			t.Error("the API: got the token refused, want it accepted")
		}
	}
}

func TestCertificateEndsAtItsNotAfter(t *testing.T) {
	api, cluster, client := newAPI(t, nil)
	cluster.Certificates, cluster.CertificateExpiry = true, time.Hour
	soon, late := time.Now().Add(time.Minute), time.Now().Add(100*time.Hour)
	tests := map[string]struct {
		expiresAt any
		want      time.Time
	}{
		"no expires_at": {nil, time.Now().Add(time.Hour)},
		"earlier":       {soon.Format(time.RFC3339), soon},
		"later":         {late.Format(time.RFC3339), time.Now().Add(time.Hour)},
	}
	for name, test := range tests {
		api.SetFault(digitaloceantest.Change(map[string]any{"expires_at": test.expiresAt}))
		got, err := fetch(t, client, 0)
		if err != nil {
			t.Fatal(err)
		}
		if off := got.ExpiresAt.Sub(test.want).Abs(); off > 10*time.Second {
			t.Errorf("%s: got expiry %s, want %s", name, got.ExpiresAt, test.want)
		}
		if got.ClientKey.IsZero() || len(got.ClientCertificate) == 0 || !got.Token.IsZero() {
			t.Errorf("%s: got %+v, want only a certificate and its key", name, got)
		}
	}
}

func TestUnknownExpiry(t *testing.T) {
	api, _, client := newAPI(t, nil)
	api.SetFault(digitaloceantest.Named()["no-expiry"])
	got, err := fetch(t, client, 0)
	if err != nil || !got.ExpiresAt.IsZero() {
		t.Errorf("got expiry %v, %v; want none", got.ExpiresAt, err)
	}
}

func TestRetries(t *testing.T) {
	times := digitaloceantest.Times
	status := digitaloceantest.Status
	const retryAfter, unreachable = "Retry-After", credential.Unreachable
	tests := map[string]struct {
		fault digitaloceantest.Fault
		calls int
		class credential.Class
		ok    bool
	}{
		"once":                     {times(1, status(500)), 2, "", true},
		"a lost answer":            {times(2, digitaloceantest.Reset), 1, unreachable, false},
		"permanent":                {status(503), 3, unreachable, false},
		"Retry-After":              {times(1, status(429, retryAfter, "1")), 2, "", true},
		"Retry-After, too long":    {status(429, retryAfter, "3600"), 1, unreachable, false},
		"Retry-After, overflowing": {status(429, retryAfter, "99999999999999999999999"), 1, unreachable, false},
		"Retry-After, a far date":  {status(429, retryAfter, "Fri, 01 Jan 2100 00:00:00 GMT"), 1, unreachable, false},
		"Retry-After, negative":    {times(1, status(429, retryAfter, "-5")), 2, "", true},
		"hourly limit":             {status(429, "Ratelimit-Remaining", "0"), 1, unreachable, false},
		"the client's error":       {status(422), 1, credential.Other, false},
		"a refusal":                {status(401), 1, credential.Refused, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _, client := newAPI(t, nil)
			api.SetFault(test.fault)
			_, err := fetch(t, client, 0)
			if (err == nil) != test.ok || credential.ClassOf(err) != test.class {
				t.Errorf("got error %v of class %q, want success %v, class %q",
					err, credential.ClassOf(err), test.ok, test.class)
			}
			if got := api.Calls(); got != test.calls {
				t.Errorf("got %d calls, want %d", got, test.calls)
			}
		})
	}
}

func TestNoRetryWithoutTimeForIt(t *testing.T) {
	api, _, client := newAPI(t, nil)
	api.SetFault(digitaloceantest.Status(503))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := client.Credential(ctx, clusterID, 0); credential.ClassOf(err) != credential.Unreachable {
		t.Errorf("got error %v, want one of class %q", err, credential.Unreachable)
	}
	if api.Calls() != 1 || ctx.Err() != nil {
		t.Errorf("got %d calls, context error %v; want 1 call and none", api.Calls(), ctx.Err())
	}
}

// A redirect isn't followed: its target receives no request.
func TestRedirect(t *testing.T) {
	seen := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen = true }))
	defer elsewhere.Close()
	api, _, client := newAPI(t, nil)
	api.SetFault(digitaloceantest.Redirect(elsewhere.URL))
	if _, err := fetch(t, client, 0); credential.ClassOf(err) != credential.Unsafe {
		t.Errorf("got error %v, want one of class %q", err, credential.Unsafe)
	}
	if seen || api.Calls() != 1 {
		t.Errorf("got followed %v, %d calls; want false, 1 call", seen, api.Calls())
	}
}

// If the local clock is behind, the expiry is moved to match it. If it is ahead, the error for an answer
// that looks expired says so.
func TestClockSkew(t *testing.T) {
	clock := func(off time.Duration) func(*digitalocean.Options) {
		return func(o *digitalocean.Options) { o.Now = func() time.Time { return time.Now().Add(off) } }
	}
	_, _, behind := newAPI(t, clock(-time.Hour))
	got, err := fetch(t, behind, 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if lifetime := got.ExpiresAt.Sub(got.FetchedAt); lifetime > 10*time.Minute || lifetime < 9*time.Minute {
		t.Errorf("got lifetime %s by the local clock, want up to a minute less than 10m", lifetime)
	}

	_, _, ahead := newAPI(t, clock(time.Hour))
	_, err = fetch(t, ahead, 10*time.Minute)
	if credential.ClassOf(err) != credential.Unusable || !strings.Contains(err.Error(), "the local clock is 1h0m") ||
		!strings.Contains(err.Error(), "ahead of the API's") {
		t.Errorf("got error %v, want one of class %q about the clocks", err, credential.Unusable)
	}
	if got, err := fetch(t, ahead, 0); err != nil || got.ExpiresAt.Before(time.Now()) {
		t.Errorf("got expiry %v, %v; want one in the future", got.ExpiresAt, err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	token := func(text string) digitalocean.AccessToken {
		return digitalocean.AccessToken{Secret: credential.NewSecret(text), Source: "the test"}
	}
	good := token("t")
	tests := map[string]struct {
		token  digitalocean.AccessToken
		apiURL string
		class  credential.Class
	}{
		"default":                 {good, "", ""},
		"https":                   {good, "https://api.example", ""},
		"loopback by name":        {good, "http://localhost:8080", ""},
		"loopback by number":      {good, "http://127.1.2.3:8080", ""},
		"loopback by IPv6":        {good, "http://[::1]:8080", ""},
		"plain http":              {good, "http://api.digitalocean.com", credential.Unsafe},
		"a loopback lookalike":    {good, "http://127.0.0.1.evil.example", credential.Unsafe},
		"another one":             {good, "http://localhost.evil.example", credential.Unsafe},
		"another scheme":          {good, "ftp://api.example", credential.Unsafe},
		"no scheme":               {good, "api.digitalocean.com", credential.Usage},
		"a password":              {good, "https://u:p@api.example", credential.Usage},
		"a path":                  {good, "https://api.example/v2", credential.Usage},
		"a host without a name":   {good, "https://:443", credential.Usage},
		"not a URL":               {good, "https://api example", credential.Usage},
		"no token":                {digitalocean.AccessToken{}, "", credential.Usage},
		"a token with a newline":  {token("a\r\nX: b"), "", credential.Usage},
		"a token with a null":     {token("a\x00"), "", credential.Usage},
		"a token with a zero gap": {token("a\u200bb"), "", credential.Usage},
	}
	for name, test := range tests {
		_, err := digitalocean.NewClient(digitalocean.Options{AccessToken: test.token, APIURL: test.apiURL})
		if (err == nil) != (test.class == "") || credential.ClassOf(err) != test.class {
			t.Errorf("%s: got error %v of class %q, want class %q", name, err, credential.ClassOf(err), test.class)
		}
	}
}

// Errors and logs contain none of our secrets, even if an external error does.
func TestProxyPasswordIsNotShown(t *testing.T) {
	var log bytes.Buffer
	_, _, client := newAPI(t, func(o *digitalocean.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, errors.New(`invalid proxy "http://user:hunter2@proxy" for ` + accessToken)
		})
	})
	_, err := fetch(t, client, 0)
	for _, text := range []string{fmt.Sprint(err), log.String()} {
		secret := strings.Contains(text, "hunter2") || strings.Contains(text, accessToken)
		if !strings.Contains(text, "invalid proxy") || secret {
			t.Errorf("got %q, want %q and no secret", text, "invalid proxy")
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClusterID(t *testing.T) {
	for in, want := range map[string]string{
		"8d91899c-0739-4a1a-acc5-deadbeefbb8f":          "8d91899c-0739-4a1a-acc5-deadbeefbb8f",
		"8D91899C-0739-4A1A-ACC5-DEADBEEFBB8F":          "8d91899c-0739-4a1a-acc5-deadbeefbb8f",
		"":                                              "",
		"production":                                    "",
		"8d91899c-0739-4a1a-acc5-deadbeefbb8":           "",
		"8d91899c-0739-4a1a-acc5-deadbeefbb8f0":         "",
		"8d91899c+0739-4a1a-acc5-deadbeefbb8f":          "",
		"8d91899g-0739-4a1a-acc5-deadbeefbb8f":          "",
		"../../account/keys/../../../../../aaa":         "",
		"urn:uuid:8d91899c-0739-4a1a-acc5-deadbeefbb8f": "",
	} {
		got, err := digitalocean.ParseClusterID(in)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("ParseClusterID(%q): got %q, %v; want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		string(clusterID) + ".k8s.ondigitalocean.com":                   string(clusterID),
		strings.ToUpper(string(clusterID)) + ".K8S.ONDIGITALOCEAN.COM.": string(clusterID),
		string(clusterID) + ".k8s.ondigitalocean.com.evil.example":      "",
		string(clusterID) + ".evil.example":                             "",
		"x" + string(clusterID) + ".k8s.ondigitalocean.com":             "",
		"api." + string(clusterID) + ".k8s.ondigitalocean.com":          "",
		string(clusterID) + ".k8s.ondİgitalocean.com":                   "",
		string(clusterID) + ".\u212a8s.ondigitalocean.com":              "",
		".k8s.ondigitalocean.com":                                       "",
		"":                                                              "",
	} {
		if got, _ := digitalocean.ClusterIDFromHost(in); string(got) != want {
			t.Errorf("ClusterIDFromHost(%q): got %q, want %q", in, got, want)
		}
	}
}
