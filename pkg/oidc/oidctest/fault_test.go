package oidctest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// everyFault is what all endpoints have.
func everyFault() []string { return []string{"500", "hang", "html", "huge"} }

// request is a good request to each endpoint, except to token.
func (w *world) request(ctx context.Context, endpoint string) *http.Request {
	w.t.Helper()
	method, address, form := http.MethodPost, w.URL()+"/"+endpoint, url.Values{"client_id": {clientID}}
	switch endpoint {
	case "discovery":
		method, address = http.MethodGet, w.URL()+"/.well-known/openid-configuration"
	case "keys":
		method = http.MethodGet
	case "authorize":
		method, address = http.MethodGet, w.authorizeURL()
	case "device":
		form.Set("scope", allScopes)
	case "revoke":
		form.Set("token", "unknown")
	case "logout":
		form.Set("id_token_hint", w.IDToken(nil))
	}
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

func TestEveryEndpointsFaults(t *testing.T) {
	for _, endpoint := range []string{"discovery", "keys", "authorize", "token", "device", "revoke", "logout"} {
		t.Run(endpoint, func(t *testing.T) {
			w := newWorld(t)
			before, _ := w.do(w.request(t.Context(), endpoint))

			w.Fault(endpoint, "500")
			if response, _ := w.do(w.request(t.Context(), endpoint)); response.StatusCode != 500 {
				t.Errorf("500: got %s, want 500", response.Status)
			}
			w.Fault(endpoint, "html")
			response, _ := w.do(w.request(t.Context(), endpoint))
			if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
				t.Errorf("html: got %s %s, want 200 text/html", response.Status, response.Header.Get("Content-Type"))
			}
			w.Fault(endpoint, "huge")
			if response := w.open(w.request(t.Context(), endpoint)); response.ContentLength < 100<<20 {
				t.Errorf("huge: got %d bytes, want more than 100 MiB", response.ContentLength)
			} else if n, err := io.CopyN(io.Discard, response.Body, 1<<20); err != nil {
				t.Errorf("huge: got %d bytes and %v, want as many as are read", n, err)
			}
			w.Fault(endpoint, "hang")
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if response, err := http.DefaultClient.Do(w.request(ctx, endpoint)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("hang: got %v and %v, want none before the deadline", response, err)
			}
			w.Fault(endpoint, "")
			if after, _ := w.do(w.request(t.Context(), endpoint)); after.StatusCode != before.StatusCode {
				t.Errorf("got %s after the faults, want %s as before", after.Status, before.Status)
			}
		})
	}
}

// open sends a request, and leaves the answer's body open until the test ends.
func (w *world) open(request *http.Request) *http.Response {
	w.t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestHangEndsWithTheServer(t *testing.T) {
	errs := make(chan error, 1)
	t.Run("", func(t *testing.T) { // its server is closed when it ends
		w := newWorld(t)
		w.Fault("keys", "hang")
		request := w.request(context.WithoutCancel(t.Context()), "keys")
		go func() {
			response, err := http.DefaultClient.Do(request)
			if err == nil {
				response.Body.Close()
			}
			errs <- err
		}()
		for w.Calls("keys") == 0 {
			time.Sleep(time.Millisecond)
		}
	})
	if err := <-errs; err == nil {
		t.Error("got an answer, want a closed connection")
	}
}

func TestDiscoveryFaults(t *testing.T) {
	w := newWorld(t)
	good := w.metadata()
	changes := map[string]string{
		"other-issuer":   "issuer",
		"http-endpoints": "token_endpoint",
		"http-authorize": "authorization_endpoint",
		"http-keys":      "jwks_uri",
		"http-device":    "device_authorization_endpoint",
		"http-revoke":    "revocation_endpoint",
		"http-logout":    "end_session_endpoint",
	}
	for fault, member := range changes {
		w.Fault("discovery", fault)
		got, _ := w.metadata()[member].(string)
		wantPlain := fault != "other-issuer"
		if got == "" || got == good[member] || strings.HasPrefix(got, "http://stranger.example/") != wantPlain {
			t.Errorf("%s: got the %s %q, want a stranger's", fault, member, got)
		}
		if len(w.metadata()) != len(good) {
			t.Errorf("%s: got %v, want only %s changed", fault, w.metadata(), member)
		}
	}
	w.Fault("discovery", "empty")
	if got := w.metadata(); got == nil || len(got) != 0 {
		t.Errorf("empty: got %v, want an empty object", got)
	}
	w.Fault("discovery", "not-json")
	if got := w.metadata(); got != nil {
		t.Errorf("not-json: got %v, want no object", got)
	}
	w.Fault("discovery", "redirect")
	response, _ := w.do(w.request(t.Context(), "discovery"))
	_, moved := w.get(response.Header.Get("Location"))
	if response.StatusCode != http.StatusFound || moved["issuer"] != w.URL() {
		t.Errorf("redirect: got %s to %v, want 302 to the metadata", response.Status, moved)
	}
	tested := append(everyFault(), "empty", "not-json", "redirect")
	for fault := range changes {
		tested = append(tested, fault)
	}
	wantTested(t, "discovery", tested)
}

// wantTested checks that an endpoint's faults are the tested ones.
func wantTested(t *testing.T, endpoint string, tested []string) {
	t.Helper()
	faults := oidctest.FaultsOf(endpoint)
	slices.Sort(faults)
	slices.Sort(tested)
	if !slices.Equal(faults, tested) {
		t.Errorf("got the faults %q of %s, want those that are tested: %q", faults, endpoint, tested)
	}
}

func TestKeysFaults(t *testing.T) {
	w := newWorld(t)
	idToken := map[string]any{"id_token": w.IDToken(nil)}
	w.claims(idToken)
	for fault, want := range map[string]int{"empty": 0, "rotated": 1} {
		w.Fault("keys", fault)
		if got := len(w.keySet().Keys); got != want {
			t.Errorf("%s: got %d keys, want %d", fault, got, want)
		}
		if claims, err := w.verify(idToken); err == nil {
			t.Errorf("%s: got the claims %v, want an error: the signing key isn't there", fault, claims)
		}
	}
	w.Fault("keys", "")
	w.claims(idToken)
	wantTested(t, "keys", append(everyFault(), "empty", "rotated"))
}

func TestAuthorizeFaults(t *testing.T) {
	w := newWorld(t)
	w.Fault("authorize", "error")
	if got := w.browse(); got.Get("error") != "server_error" || got.Get("state") != "state-1" || got.Has("code") {
		t.Errorf("error: got %v, want the error server_error and the state", got)
	}
	w.Fault("authorize", "wrong-state")
	if got := w.browse(); got.Get("state") == "state-1" || got.Get("state") == "" || got.Get("code") == "" {
		t.Errorf("wrong-state: got %v, want a code and another state", got)
	}
	w.Fault("authorize", "wrong-iss")
	if got := w.browse(); got.Get("iss") == w.URL() || got.Get("iss") == "" || got.Get("code") == "" {
		t.Errorf("wrong-iss: got %v, want a code and another iss", got)
	}
	w.Fault("authorize", "no-iss")
	if got := w.browse(); got.Has("iss") || got.Get("code") == "" {
		t.Errorf("no-iss: got %v, want a code and no iss", got)
	}
	wantTested(t, "authorize", append(everyFault(), "error", "wrong-state", "wrong-iss", "no-iss"))
}

func TestDeviceFaults(t *testing.T) {
	w := newWorld(t)
	w.Fault("device", "unauthorized-client")
	response, answer := w.do(w.request(t.Context(), "device"))
	wantError(t, response.StatusCode, answer, http.StatusBadRequest, "unauthorized_client")
	wantTested(t, "device", append(everyFault(), "unauthorized-client"))
	wantTested(t, "revoke", everyFault())
	wantTested(t, "logout", everyFault())
}
