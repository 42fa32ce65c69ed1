package oidctest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// startDevice starts a device's sign-in and returns its codes.
func (w *world) startDevice() (deviceCode, userCode string, answer map[string]any) {
	w.t.Helper()
	status, answer := w.post("/device", url.Values{"client_id": {clientID}, "scope": {allScopes}})
	deviceCode, _ = answer["device_code"].(string)
	userCode, _ = answer["user_code"].(string)
	if status != http.StatusOK || deviceCode == "" || userCode == "" {
		w.t.Fatalf("starting a device: got %d %v, want codes", status, answer)
	}
	return deviceCode, userCode, answer
}

func (w *world) poll(deviceCode string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{"grant_type": {deviceGrant}, "client_id": {clientID}, "device_code": {deviceCode}}
	return w.post("/token", form)
}

func TestDevice(t *testing.T) {
	w := newWorld(t)
	deviceCode, userCode, answer := w.startDevice()
	if answer["interval"] != 5.0 || answer["expires_in"] != 600.0 || answer["verification_uri"] != w.URL()+"/activate" {
		t.Errorf("got %v, want the interval 5, expires_in 600 and the address of a page", answer)
	}
	status, answer := w.poll(deviceCode)
	wantError(t, status, answer, http.StatusBadRequest, "authorization_pending")
	if err := w.ApproveDevice(userCode); err != nil {
		t.Fatal(err)
	}
	if err := w.ApproveDevice(userCode); err == nil {
		t.Error("approving again: got no error, want one")
	}
	w.advance(5 * time.Second)
	status, answer = w.poll(deviceCode)
	if status != http.StatusOK {
		t.Fatalf("got %d %v, want tokens", status, answer)
	}
	if claims := w.claims(answer); claims["sub"] != "user-1" || claims["nonce"] != nil {
		t.Errorf("got the claims %v, want the user's without a nonce", claims)
	}
	if status, answer = w.refresh(refreshTokenOf(t, answer)); status != http.StatusOK || w.SignIns() != 1 {
		t.Errorf("refreshing: got %d %v after %d sign-ins, want 200 after 1", status, answer, w.SignIns())
	}
	status, answer = w.poll(deviceCode)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
}

func TestDeviceRefusals(t *testing.T) {
	w := newWorld(t)
	start := func(changes ...string) (int, map[string]any) {
		return w.post("/device", url.Values{"client_id": {clientID}, "scope": {allScopes}}, changes...)
	}
	status, answer := start("client_id", "client-2")
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_client")
	status, answer = start("scope", "email")
	wantError(t, status, answer, http.StatusBadRequest, "invalid_scope")
	status, answer = w.poll("")
	wantError(t, status, answer, http.StatusBadRequest, "invalid_request")
	status, answer = w.poll("unknown")
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")

	denied, userCode, _ := w.startDevice()
	if err := w.DenyDevice(userCode); err != nil {
		t.Fatal(err)
	}
	status, answer = w.poll(denied)
	wantError(t, status, answer, http.StatusBadRequest, "access_denied")

	expired, userCode, _ := w.startDevice()
	w.advance(10 * time.Minute)
	status, answer = w.poll(expired)
	wantError(t, status, answer, http.StatusBadRequest, "expired_token")
	if err := w.ApproveDevice(userCode); err == nil {
		t.Error("approving an expired device: got no error, want one")
	}

	w.Without("device")
	if status, answer := start(); status != http.StatusNotFound {
		t.Errorf("got %d %v, want 404", status, answer)
	}
	status, answer = w.poll(denied)
	wantError(t, status, answer, http.StatusBadRequest, "unsupported_grant_type")
}

func TestDeviceSlowsDown(t *testing.T) {
	w := newWorld(t)
	w.SetDeviceInterval(2 * time.Second)
	deviceCode, _, _ := w.startDevice()
	polls := []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"},
		{3 * time.Second, "authorization_pending"}, // late
		{time.Second, "authorization_pending"},     // on time, though soon after the one before
		{time.Second, "slow_down"},                 // and from now on seven seconds apart
		{2 * time.Second, "slow_down"},             // twelve
		{12 * time.Second, "authorization_pending"},
	}
	for n, poll := range polls {
		w.advance(poll.after)
		if status, answer := w.poll(deviceCode); status != http.StatusBadRequest || answer["error"] != poll.want {
			t.Errorf("poll %d: got %d %v, want 400 with the error %s", n, status, answer, poll.want)
		}
	}
}

func TestDevicePage(t *testing.T) {
	w := newWorld(t)
	page := func(answer map[string]any) string { return answer["verification_uri_complete"].(string) }

	deviceCode, _, answer := w.startDevice()
	if err := w.Browse(t.Context(), page(answer)); err != nil {
		t.Fatal(err)
	}
	if status, answer := w.poll(deviceCode); status != http.StatusOK {
		t.Errorf("got %d %v, want tokens", status, answer)
	}
	if err := w.Browse(t.Context(), page(answer)); err == nil {
		t.Error("opening the page again: got no error, want one")
	}

	w.Refuse()
	deviceCode, _, answer = w.startDevice()
	if err := w.Browse(t.Context(), page(answer)); err != nil {
		t.Fatal(err)
	}
	status, answer := w.poll(deviceCode)
	wantError(t, status, answer, http.StatusBadRequest, "access_denied")

	_, userCode, _ := w.startDevice()
	if status, _ := w.post("/activate", url.Values{"user_code": {userCode}}); status != http.StatusBadRequest {
		t.Errorf("submitting no decision: got %d, want 400", status)
	}
	if response, _ := w.get(w.URL() + "/activate"); response.StatusCode != http.StatusOK {
		t.Errorf("got %s, want a page that asks for the code", response.Status)
	}
}
