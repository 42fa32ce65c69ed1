package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

const deviceAnswer = `{"device_code":"hunter2-device-code","user_code":"BCDF-GHJK",` +
	`"verification_uri":"https://a.example/activate",` +
	`"verification_uri_complete":"https://a.example/activate?user_code=BCDF-GHJK","expires_in":600,"interval":5}`

func TestStartDevice(t *testing.T) {
	const cannot = "the answer can't be used: "
	unusable := func(says string) *want {
		return &want{class: credential.Unusable, says: cannot + says, lost: true}
	}
	tests := map[string]struct {
		status        int
		replace, with string // nothing to replace: all of it
		want          *want
	}{
		"ok":          {200, "https", "https", nil},
		"no interval": {200, `"interval"`, `"x"`, nil},
		"loopback":    {200, "https://a.example/activate\"", "http://127.0.0.1:1/\"", nil},
		"unauthorized": {
			400, "", `{"error":"unauthorized_client"}`, &want{class: credential.Refused, code: "unauthorized_client"},
		},
		"html":              {200, "", "<html>hunter2", unusable("it is an HTML page")},
		"no code":           {200, "user_code", "x", unusable("it has no code that can be used")},
		"no device code":    {200, "device_code", "x", unusable("it has no code that can be used")},
		"code with control": {200, "BCDF-GHJK", `BCDF\u001b[2J`, unusable("it has no code that can be used")},
		"code with newline": {200, "BCDF-GHJK", `BCDF\n`, unusable("it has no code that can be used")},
		"long code":         {200, "BCDF-GHJK", strings.Repeat("x", 65), unusable("it has no code that can be used")},
		"odd device code":   {200, "hunter2-device-code", "hunter2 ", unusable(`its field "device_code" can't be used`)},
		"no address":        {200, "verification_uri", "x", unusable("it has no address to open")},
		"address in clear":  {200, "https://a.example/activate", "http://a.example/", unusable("it has no address to open")},
		"another scheme":    {200, "https://a.example/activate", "file:///etc", unusable("it has no address to open")},
		"address, control":  {200, ".example/activate", `.example/\u001b[2J`, unusable("it has no address to open")},
		"address, space":    {200, ".example/activate", `.example/ a`, unusable("it has no address to open")},
		"long address": {
			200, "https://a.example/activate", "https://a.example/" + strings.Repeat("a", 1<<10),
			unusable("it has no address to open"),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var form url.Values
			body := test.with
			if test.replace != "" {
				body = strings.Replace(deviceAnswer, test.replace, test.with, 1)
			}
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm()
				form = r.PostForm
				says(test.status, body)(w, r)
			})
			provider := oauth.OpenID{Device: f.Issuer + "/d"}
			got, err := f.client.StartDevice(t.Context(), provider, clientID, []string{"openid", "email"})
			checkOutcome(t, err, test.want)
			if err == nil && (got.Code != "BCDF-GHJK" || !strings.Contains(body, got.Address+`"`)) {
				t.Errorf("got %q and %q, want the code and the address", got.Code, got.Address)
			}
			if diff := cmp.Diff(url.Values{"client_id": {clientID}, "scope": {"openid email"}}, form); diff != "" {
				t.Errorf("got another form than wanted (-want +got):\n%s", diff)
			}
		})
	}
}

// polls has a device poll a server that gives these answers, one after the other and the last of them for good, and
// returns when it was polled, in seconds. "" hangs.
func polls(
	ctx context.Context, t *testing.T, interval string, answers ...string,
) (at []int, grant oauth.Grant, err error) {
	t.Helper()
	answer := func(body string) (*http.Response, error) {
		status := http.StatusOK
		if strings.Contains(body, `"error"`) {
			status = http.StatusBadRequest
		}
		return &http.Response{
			StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
	start := time.Now()
	client := &oauth.Client{HTTP: roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Path == "/d" {
			return answer(strings.Replace(deviceAnswer, `"interval":5`, `"interval":`+interval, 1))
		}
		if err := r.ParseForm(); err != nil || r.PostForm.Get("device_code") != "hunter2-device-code" ||
			r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:device_code" ||
			r.PostForm.Get("client_id") != clientID {
			t.Errorf("got the form %v, want the device's", r.PostForm)
		}
		at = append(at, int(time.Since(start).Seconds()))
		next := answers[min(len(at), len(answers))-1]
		if next == "" {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return answer(next)
	})}
	provider := oauth.OpenID{Server: oauth.Server{Token: "https://a.example/t"}, Device: "https://a.example/d"}
	device, err := client.StartDevice(ctx, provider, clientID, []string{"openid"})
	if err != nil {
		t.Fatal(err)
	}
	grant, err = client.AwaitDevice(ctx, provider, clientID, device)
	return at, grant, err
}

func TestAwaitDevice(t *testing.T) {
	const (
		ok      = `{"access_token":"a","refresh_token":"b","id_token":"a.b.c"}`
		pending = `{"error":"authorization_pending"}`
		slow    = `{"error":"slow_down"}`
	)
	tests := map[string]struct {
		interval string
		answers  []string
		at       []int
		want     *want
	}{
		"at once":          {"5", []string{ok}, []int{5}, nil},
		"pending":          {"5", []string{pending, pending, ok}, []int{5, 10, 15}, nil},
		"slow down":        {"5", []string{slow, slow, ok}, []int{5, 15, 30}, nil},
		"other interval":   {"12", []string{pending, ok}, []int{12, 24}, nil},
		"interval as text": {`"3"`, []string{pending, ok}, []int{3, 6}, nil},
		"no interval":      {`null`, []string{pending, ok}, []int{5, 10}, nil},
		"zero interval":    {`0`, []string{pending, ok}, []int{5, 10}, nil},
		"negative":         {`-1`, []string{pending, ok}, []int{5, 10}, nil},
		"long interval":    {`1e9`, []string{pending, slow, ok}, []int{60, 120, 180}, nil},
		"hangs":            {"5", []string{"", pending, ok}, []int{5, 30, 40}, nil},
		"fails":            {"5", []string{`{"error":"server_error"}`, ok}, []int{5, 15}, nil},
		"denied": {
			"5", []string{pending, `{"error":"access_denied","error_description":"no, hunter2-device-code"}`}, []int{5, 10},
			&want{class: credential.Refused, says: "access_denied: no, [redacted]", code: "access_denied"},
		},
		"expired": {
			"5", []string{`{"error":"expired_token"}`}, []int{5},
			&want{class: credential.Refused, says: "expired_token", code: "expired_token"},
		},
		"html": {
			"5", []string{"<html>hunter2"}, []int{5},
			&want{class: credential.Unusable, says: "it is an HTML page", lost: true},
		},
		"never": {"7", []string{pending}, nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				start := time.Now()
				at, grant, err := polls(ctx, t, test.interval, test.answers...)
				if name == "never" {
					if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Minute {
						t.Errorf("got the error %v after %v, want the context's after ten minutes", err, time.Since(start))
					}
					return
				}
				checkOutcome(t, err, test.want)
				if err == nil && grant.IDToken.Reveal() != "a.b.c" {
					t.Errorf("got the ID token %q, want a.b.c", grant.IDToken.Reveal())
				}
				if diff := cmp.Diff(test.at, at); diff != "" {
					t.Errorf("got polls at other seconds than wanted (-want +got):\n%s", diff)
				}
			})
		})
	}
}
