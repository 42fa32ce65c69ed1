package oauth_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func TestRegister(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		var got any
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		want := map[string]any{
			"redirect_uris":              []any{"http://127.0.0.1/callback", "http://localhost/callback"},
			"token_endpoint_auth_method": "none",
			"grant_types":                []any{"authorization_code", "refresh_token"},
			"response_types":             []any{"code"},
			"client_name":                "doks-auth",
			"client_uri":                 "https://doks-auth.example",
		}
		if diff := cmp.Diff(any(want), got); diff != "" {
			t.Errorf("got another request than wanted (-want +got):\n%s", diff)
		}
		head := [4]string{r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("User-Agent")}
		if want := [4]string{"POST", "/register", "application/json", "doks-auth/test"}; head != want {
			t.Errorf("got %q, want %q", head, want)
		}
		says(201, `{"client_id":"client-1","client_id_issued_at":1}`)(w, r)
	})
	got, err := f.client.Register(t.Context(), f.Server, "doks-auth", "https://doks-auth.example")
	if err != nil || got != clientID {
		t.Errorf("got %q, %v; want %q", got, err, clientID)
	}
}

func TestRegisterFails(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   want
	}{
		"no id":   {201, `{}`, want{class: credential.Unusable, says: "it has no client id", lost: true}},
		"number":  {201, `{"client_id":1}`, want{class: credential.Unusable, says: "it has no client id", lost: true}},
		"control": {201, `{"client_id":"a\n"}`, want{class: credential.Unusable, says: "its client id", lost: true}},
		"long": {
			201, `{"client_id":"` + strings.Repeat("a", 1<<10+1) + `"}`,
			want{class: credential.Unusable, says: "its client id", lost: true},
		},
		"html": {201, `<html>`, want{class: credential.Unusable, says: "it is an HTML page", lost: true}},
		"refused": {
			400, `{"error":"invalid_redirect_uri","error_description":"no port"}`,
			want{says: "request: invalid_redirect_uri: no port (status 400)", code: "invalid_redirect_uri"},
		},
		"too many": {
			429, `{"id":"too_many_requests","message":"slow down"}`,
			want{class: credential.Unreachable, says: "rate limited", code: "too_many_requests"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, says(test.status, test.body))
			id, err := f.client.Register(t.Context(), f.Server, "doks-auth", "")
			test.want.check(t, err)
			if id != "" || f.requests.Load() != 1 {
				t.Errorf("got id %q after %d requests, want none after 1", id, f.requests.Load())
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   want // zero: no error
	}{
		"200":      {200, ``, want{}},
		"200 json": {200, `{}`, want{}},
		"200 text": {200, `ok`, want{}},
		"204":      {204, ``, want{}},
		"202":      {202, ``, want{class: credential.Unusable, says: "its status is 202", lost: true}},
		"200 html": {200, `<html>hunter2`, want{class: credential.Unusable, says: "it is an HTML page", lost: true}},
		"200 error": {
			200, `{"error":"unsupported_token_type"}`,
			want{says: "rejected the request", code: "unsupported_token_type"},
		},
		"401": {
			401, `{"id":"unauthorized","message":"Unable to authenticate you"}`,
			want{class: credential.Refused, says: "unauthorized: Unable to authenticate you", code: "unauthorized"},
		},
		"302": {302, ``, want{class: credential.Unsafe, says: "refusing to follow a redirect"}},
		"503": {503, `<html>`, want{class: credential.Unreachable, says: "failed: Service Unavailable (status 503)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				got := [3]string{r.URL.Path, r.Header.Get("Authorization"), r.PostFormValue("token")}
				if want := [3]string{"/revoke", "Bearer " + sentRefresh, sentRefresh}; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				w.Header().Set("Location", "/revoke")
				says(test.status, test.body)(w, r)
			})
			err := f.client.Revoke(t.Context(), f.Revocation, credential.NewSecret(sentRefresh))
			switch {
			case test.want != want{}:
				test.want.check(t, err)
			case err != nil:
				t.Errorf("got %v, want no error", err)
			}
			if got := f.requests.Load(); got != 1 {
				t.Errorf("got %d requests, want 1", got)
			}
		})
	}
	f := newFake(t, says(200, ""))
	for _, token := range []string{"", "hunter2\n"} {
		err := f.client.Revoke(t.Context(), f.Revocation, credential.NewSecret(token))
		want{class: credential.Usage, says: "the token "}.check(t, err)
	}
	if got := f.requests.Load(); got != 0 {
		t.Errorf("got %d requests, want none", got)
	}
}
