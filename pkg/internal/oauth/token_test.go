package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

const granted = `{"access_token":"doo_v1_a","token_type":"bearer","refresh_token":"dor_v1_b","expires_in":3600,` +
	`"scope":"read write","info":{"name":"N","email":"e@example.com","uuid":"u","team_uuid":"t","team_name":"T"}}`

func grant() oauth.Grant {
	return oauth.Grant{
		Access:    credential.NewSecret("doo_v1_a"),
		Refresh:   credential.NewSecret("dor_v1_b"),
		ExpiresAt: now().Truncate(time.Second).Add(time.Hour),
		Scope:     "read write",
		User:      oauth.User{Name: "N", Email: "e@example.com", UUID: "u", TeamUUID: "t", TeamName: "T"},
	}
}

// checkGrant fails the test unless a grant is as wanted.
func checkGrant(t *testing.T, got, want oauth.Grant, err error) {
	t.Helper()
	equal := cmp.Comparer(credential.Secret.Equal)
	if err == nil && got.Date.IsZero() {
		t.Error("got no date, want the server's")
	}
	got.Date = want.Date
	if diff := cmp.Diff(want, got, equal); err != nil || diff != "" {
		t.Errorf("got %v and another grant than wanted (-want +got):\n%s", err, diff)
	}
}

func TestExchangeAndRefresh(t *testing.T) {
	var form url.Values
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form = r.PostForm
		head := [4]string{r.Method, r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("User-Agent")}
		if want := [4]string{"POST", "/token", "", "doks-auth/test"}; head != want {
			t.Errorf("got %q, want %q", head, want)
		}
		if !r.Close {
			t.Error("got a request on a connection that is kept, want each on its own")
		}
		says(200, granted)(w, r)
	})
	got, err := f.exchange(t)
	checkGrant(t, got, grant(), err)
	want := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "code": {sentCode},
		"code_verifier": {sentVerifier}, "redirect_uri": {redirectURI},
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("got another form than wanted (-want +got):\n%s", diff)
	}

	got, err = f.refresh(t)
	checkGrant(t, got, grant(), err)
	want = url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {sentRefresh}}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("got another form than wanted (-want +got):\n%s", diff)
	}
}

// Odd values of what isn't needed must not lose the tokens.
func TestGrants(t *testing.T) {
	long := strings.Repeat("é", 1<<10)
	tests := map[string]struct {
		replace, with string
		change        func(*oauth.Grant)
	}{
		"type in capitals": {`"bearer"`, `"BEARER"`, nil},
		"type null":        {`"bearer"`, `null`, nil},
		"no type":          {`"token_type":"bearer",`, ``, nil},
		"no refresh": {
			`"refresh_token":"dor_v1_b",`, ``,
			func(g *oauth.Grant) { g.Refresh = credential.NewSecret(sentRefresh) },
		},
		"duplicate":        {`{"access_token":`, `{"access_token":"doo_v1_first","access_token":`, nil},
		"other case":       {`"token_type"`, `"ACCESS_TOKEN":"hunter2","token_type"`, nil},
		"unknown field":    {`"token_type"`, `"x":{"y":[1]},"token_type"`, nil},
		"white space":      {`{"access_token"`, " \n{\"access_token\"", nil},
		"no scope":         {`"scope":"read write",`, ``, func(g *oauth.Grant) { g.Scope = "" }},
		"scope null":       {`"read write"`, `null`, func(g *oauth.Grant) { g.Scope = "" }},
		"scope list":       {`"read write"`, `["read"]`, func(g *oauth.Grant) { g.Scope = "" }},
		"scope control":    {`"read write"`, `"read\u001b"`, func(g *oauth.Grant) { g.Scope = "" }},
		"no info":          {`"info"`, `"x"`, func(g *oauth.Grant) { g.User = oauth.User{} }},
		"name number":      {`"N"`, `1`, func(g *oauth.Grant) { g.User.Name = "" }},
		"name long":        {`"N"`, `"a` + long + `"`, func(g *oauth.Grant) { g.User.Name = "a" + long[:1022] }},
		"name control":     {`"N"`, `"\u001b[2J"`, func(g *oauth.Grant) { g.User.Name = "\x1b[2J" }},
		"empty error":      {`"token_type"`, `"error":"","token_type"`, nil},
		"id of the answer": {`"token_type"`, `"id":"x","token_type"`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			body := strings.Replace(granted, test.replace, test.with, 1)
			if body == granted {
				t.Fatalf("%q is not in the answer", test.replace)
			}
			want := grant()
			if test.change != nil {
				test.change(&want)
			}
			got, err := newFake(t, says(200, body)).refresh(t)
			checkGrant(t, got, want, err)
		})
	}
	got, err := newFake(t, says(200, `{"access_token":"doo_v1_a"}`)).exchange(t)
	checkGrant(t, got, oauth.Grant{Access: credential.NewSecret("doo_v1_a")}, err)
}

// The expiry counts from when the request was sent, not from when it was answered.
func TestExpiry(t *testing.T) {
	const year = 365 * 24 * time.Hour
	tests := map[string]time.Duration{ // 0: unknown
		`3600`: time.Hour, `"3600"`: time.Hour, `3600.9`: time.Hour, `3.6e3`: time.Hour, `"1"`: time.Second,
		`31536001`: year, `99999999999`: year, `9223372036854775808`: year, `1e30`: year, `1e999`: year,
		`"1e999"`: year,
		`0`:       0, `-1`: 0, `-1e999`: 0, `"0"`: 0, `0.5`: 0, `null`: 0, `""`: 0, `"soon"`: 0, `"NaN"`: 0, `true`: 0,
		`{}`: 0, `[3600]`: 0,
	}
	for value, lifetime := range tests {
		t.Run(value, func(t *testing.T) {
			var answered bool
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				answered = true
				says(200, strings.Replace(granted, "3600", value, 1))(w, r)
			})
			f.client.Now = func() time.Time {
				if answered {
					t.Error("got a look at the clock after the answer, want one before the request")
				}
				return now()
			}
			want := grant()
			want.ExpiresAt = time.Time{}
			if lifetime > 0 {
				want.ExpiresAt = now().Truncate(time.Second).Add(lifetime)
			}
			got, err := f.refresh(t)
			checkGrant(t, got, want, err)
		})
	}
}
