package oauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Each answer that isn't a grant is a classified error, and is not asked for again.
func TestFailures(t *testing.T) {
	unusable := func(says string) want {
		return want{class: credential.Unusable, says: "the answer can't be used: " + says, lost: true}
	}
	refused := func(says, code string) want {
		return want{class: credential.Refused, says: "the authorization server refused: " + says, code: code}
	}
	rejected := func(says, code string) want {
		return want{says: "the authorization server rejected the request: " + says, code: code}
	}
	unreachable := func(says string) want { return want{class: credential.Unreachable, says: says} }
	lost := func(w want) want {
		w.lost = true
		return w
	}
	withToken := func(token string) string { return `{"access_token":` + token + `,"refresh_token":"hunter2"}` }
	with := func(field string) string { return `{"access_token":"a",` + field + `}` }
	const (
		badAccess = `its field "access_token" `
		badOther  = `its field "refresh_token" `
	)
	tests := map[string]struct {
		status int
		body   string
		want   want
	}{
		"html":           {200, `<!doctype html>hunter2`, unusable("it is an HTML page")},
		"form":           {200, `access_token=hunter2`, unusable("it is not JSON")},
		"null":           {200, `null`, unusable("it is not a JSON object")},
		"array":          {200, `["hunter2"]`, unusable("it is not a JSON object")},
		"text":           {200, `"hunter2"`, unusable("it is not a JSON object")},
		"truncated":      {200, granted[:20], unusable("it is truncated")},
		"two":            {200, granted + granted, unusable("it is not JSON")},
		"empty":          {200, ``, unusable("it is empty")},
		"no content":     {204, ``, unusable("it is empty")},
		"too large":      {200, with(`"x":"` + strings.Repeat("x", 1<<20) + `"`), unusable("it is too large")},
		"no token":       {200, `{}`, unusable("it has no access token")},
		"token null":     {200, withToken(`null`), unusable("it has no access token")},
		"token empty":    {200, withToken(`""`), unusable("it has no access token")},
		"token number":   {200, withToken(`1`), unusable(badAccess + "is of the wrong type")},
		"token space":    {200, withToken(`"hunter2 x"`), unusable(badAccess + "can't be used: the token contains")},
		"token control":  {200, withToken(`"hunter2\r\nX: y"`), unusable(badAccess + "can't be used")},
		"token unicode":  {200, withToken(`"hunter2é"`), unusable(badAccess + "can't be used")},
		"token long":     {200, withToken(`"` + strings.Repeat("x", 17<<10) + `"`), unusable(badAccess + "is too long")},
		"refresh number": {200, with(`"refresh_token":1`), unusable(badOther + "is of the wrong type")},
		"refresh space":  {200, with(`"refresh_token":"hunter2 "`), unusable(badOther + "can't be used")},
		"mac":            {200, with(`"token_type":"mac"`), unusable("its token is not a bearer token")},
		"type number":    {200, with(`"token_type":1`), unusable(`its field "token_type" is of the wrong type`)},

		"invalid grant": {
			400, `{"error":"invalid_grant","error_description":"it was\nused"}`,
			refused("invalid_grant: it was used (status 400)", "invalid_grant"),
		},
		"invalid grant of the API": {
			400, `{"id":"invalid_grant","message":"it was used","request_id":"r"}`,
			refused("invalid_grant: it was used (status 400)", "invalid_grant"),
		},
		"invalid grant and 200": {
			200, `{"error":"invalid_grant","access_token":"hunter2"}`,
			refused("invalid_grant (status 200)", "invalid_grant"),
		},
		"invalid client":      {401, `{"error":"invalid_client"}`, refused("invalid_client", "invalid_client")},
		"unauthorized client": {400, `{"error":"unauthorized_client"}`, refused("unauth", "unauthorized_client")},
		"access denied":       {400, `{"error":"access_denied"}`, refused("access_denied", "access_denied")},
		"401":                 {401, `{}`, refused("Unauthorized (status 401)", "")},
		"403 with HTML":       {403, `<html>hunter2`, refused("Forbidden (status 403)", "")},

		"invalid request":   {400, `{"error":"invalid_request"}`, rejected("invalid_request", "invalid_request")},
		"code is an object": {400, `{"error":{"code":"hunter2"}}`, rejected("Bad Request", "")},
		"code is a text":    {400, `{"error":"a code\u001b[2J"}`, rejected("Bad Request", "")},
		"no code":           {400, `{}`, rejected("Bad Request (status 400)", "")},
		"odd status":        {499, `{}`, rejected("no reason given (status 499)", "")},

		"400 with HTML": {
			400, `<html>hunter2`, want{class: credential.Unusable, says: "it is an HTML page (status 400)"},
		},
		"404 with text": {404, `hunter2`, want{class: credential.Unusable, says: "it is not JSON (status 404)"}},
		"400 too large": {
			400, `{"error":"invalid_grant","x":"` + strings.Repeat("x", 64<<10) + `"}`,
			want{class: credential.Unusable, says: "it is too large (status 400)"},
		},

		"429": {429, `{}`, unreachable("rate limited by the authorization server: Too Many Requests (status 429)")},
		"500": {500, `<html>hunter2`, unreachable("server failed: Internal Server Error (status 500)")},
		"503": {503, ``, unreachable("server failed: Service Unavailable (status 503)")},
		"502": {502, `<html>hunter2`, lost(unreachable("server failed: Bad Gateway (status 502)"))},
		"524": {524, `<html>hunter2`, lost(unreachable("server failed: no reason given (status 524)"))},
		"unavailable": {
			400, `{"error":"temporarily_unavailable"}`,
			want{class: credential.Unreachable, says: "server failed", code: "temporarily_unavailable"},
		},
		"500 too large": {500, strings.Repeat("hunter2", 64<<10), unreachable("(status 500)")},

		"302": {302, ``, want{class: credential.Unsafe, says: "refusing to follow a redirect: Found (status 302)"}},
		"307": {307, ``, want{class: credential.Unsafe, says: "refusing to follow a redirect: Temporary Redirect"}},
		"308": {308, ``, want{class: credential.Unsafe, says: "refusing to follow a redirect: Permanent Redirect"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if test.status/100 == 3 {
					w.Header().Set("Location", "/token?hunter2")
				}
				says(test.status, test.body)(w, r)
			})
			grant, err := f.refresh(t)
			test.want.check(t, err)
			if !grant.Access.IsZero() || !grant.Refresh.IsZero() {
				t.Error("got tokens and an error, want only an error")
			}
			if got := f.requests.Load(); got != 1 {
				t.Errorf("got %d requests, want 1", got)
			}
			if err != nil && !strings.HasPrefix(err.Error(), `refreshing the session at "`+f.Issuer+`": `) {
				t.Errorf("got %v, want it to name the server", err)
			}
		})
	}
}

// A server may echo what was sent, in any field and form.
func TestEchoes(t *testing.T) {
	echoes := map[string]string{
		"refresh":       sentRefresh,
		"in capitals":   strings.ToUpper(sentRefresh[8:40]),
		"in quotes":     "'" + sentRefresh + "',",
		"cut off":       sentRefresh[:30] + "...",
		"its end":       "..." + sentRefresh[40:],
		"code":          sentCode,
		"code encoded":  "code=code%2f0123456789%2Babcdef%3d%3D",
		"code verifier": sentVerifier,
		"another token": "doo_v1_" + strings.Repeat("hunter2", 9),
	}
	for name, echo := range echoes {
		t.Run(name, func(t *testing.T) {
			for _, body := range []string{
				`{"error":"invalid_grant","error_description":"the token ` + echo + ` is spent"}`,
				`{"id":"invalid_grant","message":"the token ` + echo + ` is spent"}`,
			} {
				call := newFake(t, says(400, body)).refresh
				if strings.HasPrefix(name, "code") {
					call = newFake(t, says(400, body)).exchange
				}
				_, err := call(t)
				want{
					class: credential.Refused, code: "invalid_grant",
					says: "invalid_grant: the token [redacted] is spent (status 400)",
				}.check(t, err)
			}
		})
	}
	for _, field := range []string{"error", "id"} {
		_, err := newFake(t, says(400, `{"`+field+`":"`+sentRefresh[:40]+`"}`)).refresh(t)
		want{says: "Bad Request"}.check(t, err)
	}
	for description, shown := range map[string]string{
		strings.Repeat("long ", 200):    "x: " + strings.Repeat("long ", 60) + "… (status 400)",
		strings.Repeat("longer ", 1000): "request: x (status 400)",
	} {
		_, err := newFake(t, says(400, `{"error":"x","error_description":"`+description+`"}`)).refresh(t)
		want{says: shown, code: "x"}.check(t, err)
	}
}
