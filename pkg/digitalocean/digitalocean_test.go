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

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	accessToken = "dop_v1_test"
	clusterID   = digitalocean.ClusterID("8d91899c-0739-4a1a-acc5-deadbeefbb8f")
)

// newAPI starts a stand-in with one cluster, and returns a client of it.
func newAPI(t *testing.T, change func(*digitalocean.Options)) (*digitaloceantest.API, *digitaloceantest.Cluster, *digitalocean.Client) {
	t.Helper()
	api := digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(string(clusterID))
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(api)
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
		if !strings.HasPrefix(got.Token.Reveal(), "k8s_v1_") || got.Server != cluster.Server || string(got.CertificateAuthority) != string(cluster.CA()) {
			t.Errorf("%+v", got)
		}
		if lifetime := got.ExpiresAt.Sub(before); lifetime > want+time.Minute || lifetime < want-2*time.Second {
			t.Errorf("it lives for %s, not %s", lifetime, want)
		}
		if got.ExpiresAt.Nanosecond() == 0 || got.FetchedAt.Before(before) {
			t.Errorf("%v, %v", got.ExpiresAt, got.FetchedAt)
		}
		if !api.Accepts(string(clusterID), got.Token.Reveal()) {
			t.Error("the token isn't the API's")
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
		"not told":       {nil, time.Now().Add(time.Hour)},
		"told, earlier":  {soon.Format(time.RFC3339), soon},
		"told, too late": {late.Format(time.RFC3339), time.Now().Add(time.Hour)},
	}
	for name, test := range tests {
		api.SetFault(digitaloceantest.Change(map[string]any{"expires_at": test.expiresAt}))
		got, err := fetch(t, client, 0)
		if err != nil {
			t.Fatal(err)
		}
		if off := got.ExpiresAt.Sub(test.want).Abs(); off > 10*time.Second {
			t.Errorf("%s: off by %s", name, off)
		}
		if got.ClientKey.IsZero() || len(got.ClientCertificate) == 0 || !got.Token.IsZero() {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestUnknownExpiry(t *testing.T) {
	api, _, client := newAPI(t, nil)
	api.SetFault(digitaloceantest.Named()["no-expiry"])
	got, err := fetch(t, client, 0)
	if err != nil || !got.ExpiresAt.IsZero() {
		t.Errorf("%v, %v", got.ExpiresAt, err)
	}
}

func TestRetries(t *testing.T) {
	tests := map[string]struct {
		fault digitaloceantest.Fault
		calls int
		class credential.Class
		ok    bool
	}{
		"passes at once":       {digitaloceantest.Times(1, digitaloceantest.Status(500)), 2, "", true},
		"passes in time":       {digitaloceantest.Times(2, digitaloceantest.Reset), 1, credential.Unreachable, false},
		"doesn't pass":         {digitaloceantest.Status(503), 3, credential.Unreachable, false},
		"as long as it says":   {digitaloceantest.Times(1, digitaloceantest.Status(429, "Retry-After", "1")), 2, "", true},
		"much longer":          {digitaloceantest.Status(429, "Retry-After", "3600"), 1, credential.Unreachable, false},
		"beyond measure":       {digitaloceantest.Status(429, "Retry-After", "99999999999999999999999"), 1, credential.Unreachable, false},
		"at a far time":        {digitaloceantest.Status(429, "Retry-After", "Fri, 01 Jan 2100 00:00:00 GMT"), 1, credential.Unreachable, false},
		"nonsense":             {digitaloceantest.Times(1, digitaloceantest.Status(429, "Retry-After", "-5")), 2, "", true},
		"hourly limit":         {digitaloceantest.Status(429, "Ratelimit-Remaining", "0"), 1, credential.Unreachable, false},
		"not for the client's": {digitaloceantest.Status(422), 1, credential.Other, false},
		"not for a refusal":    {digitaloceantest.Status(401), 1, credential.Refused, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _, client := newAPI(t, nil)
			api.SetFault(test.fault)
			_, err := fetch(t, client, 0)
			if (err == nil) != test.ok || credential.ClassOf(err) != test.class {
				t.Errorf("%v of class %q", err, credential.ClassOf(err))
			}
			if got := api.Calls(); got != test.calls {
				t.Errorf("%d calls, not %d", got, test.calls)
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
		t.Error(err)
	}
	if api.Calls() != 1 || ctx.Err() != nil {
		t.Errorf("%d calls, %v", api.Calls(), ctx.Err())
	}
}

// A redirect isn't followed: its target sees nothing.
func TestRedirect(t *testing.T) {
	seen := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen = true }))
	defer elsewhere.Close()
	api, _, client := newAPI(t, nil)
	api.SetFault(digitaloceantest.Redirect(elsewhere.URL))
	if _, err := fetch(t, client, 0); credential.ClassOf(err) != credential.Unsafe {
		t.Error(err)
	}
	if seen || api.Calls() != 1 {
		t.Errorf("followed: %v, %d calls", seen, api.Calls())
	}
}

// Where the local clock is behind, the credential ends earlier by it; where it is ahead, an answer
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
		t.Errorf("by the local clock it lives for %s", lifetime)
	}

	_, _, ahead := newAPI(t, clock(time.Hour))
	_, err = fetch(t, ahead, 10*time.Minute)
	if credential.ClassOf(err) != credential.Unusable || !strings.Contains(err.Error(), "the local clock is 1h0m") || !strings.Contains(err.Error(), "ahead of the API's") {
		t.Error(err)
	}
	if got, err := fetch(t, ahead, 0); err != nil || got.ExpiresAt.Before(time.Now()) {
		t.Errorf("%v, %v", got.ExpiresAt, err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	good := digitalocean.AccessToken{Secret: credential.NewSecret("t"), Source: "the test"}
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
		"a token with a newline":  {digitalocean.AccessToken{Secret: credential.NewSecret("a\r\nX: b")}, "", credential.Usage},
		"a token with a null":     {digitalocean.AccessToken{Secret: credential.NewSecret("a\x00")}, "", credential.Usage},
		"a token with a zero gap": {digitalocean.AccessToken{Secret: credential.NewSecret("a\u200bb")}, "", credential.Usage},
	}
	for name, test := range tests {
		_, err := digitalocean.NewClient(digitalocean.Options{AccessToken: test.token, APIURL: test.apiURL})
		if (err == nil) != (test.class == "") || credential.ClassOf(err) != test.class {
			t.Errorf("%s: %v of class %q", name, err, credential.ClassOf(err))
		}
	}
}

// The text of an error never holds a secret of ours, even if it came from outside.
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
		if !strings.Contains(text, "invalid proxy") || strings.Contains(text, "hunter2") || strings.Contains(text, accessToken) {
			t.Error(text)
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
			t.Errorf("ParseClusterID(%q): %q, %v", in, got, err)
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
			t.Errorf("ClusterIDFromHost(%q): %q", in, got)
		}
	}
}
