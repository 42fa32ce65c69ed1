package oidctest_test

import (
	"slices"
	"testing"
)

func (w *world) metadata() map[string]any {
	w.t.Helper()
	_, metadata := w.get(w.URL() + "/.well-known/openid-configuration")
	return metadata
}

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	for name, want := range map[string]string{
		"issuer":                        w.URL(),
		"authorization_endpoint":        w.URL() + "/authorize",
		"token_endpoint":                w.URL() + "/token",
		"jwks_uri":                      w.URL() + "/keys",
		"device_authorization_endpoint": w.URL() + "/device",
		"revocation_endpoint":           w.URL() + "/revoke",
		"end_session_endpoint":          w.URL() + "/logout",
	} {
		if got := w.metadata()[name]; got != want {
			t.Errorf("got the %s %v, want %q", name, got, want)
		}
	}
	for _, endpoint := range []string{"discovery", "keys", "authorize", "token", "device", "revoke", "logout"} {
		want := 0
		if endpoint == "discovery" {
			want = 7
		}
		if got := w.Calls(endpoint); got != want {
			t.Errorf("got %d calls of %s, want %d", got, endpoint, want)
		}
	}
}

func TestWithout(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		feature, member string
		value           string // in the member's list; empty if the whole member is missing
	}{
		{"refresh", "grant_types_supported", "refresh_token"},
		{"offline_access", "scopes_supported", "offline_access"},
		{"device", "grant_types_supported", deviceGrant},
		{"device", "device_authorization_endpoint", ""},
		{"revocation", "revocation_endpoint", ""},
		{"end_session", "end_session_endpoint", ""},
		{"pkce", "code_challenge_methods_supported", ""},
	}
	has := func(member, value string) bool {
		list, _ := w.metadata()[member].([]any)
		return value != "" && slices.Contains(list, any(value)) || value == "" && w.metadata()[member] != nil
	}
	for _, test := range tests {
		w.Without(test.feature)
		if has(test.member, test.value) {
			t.Errorf("without %s: got %s %s, want it missing", test.feature, test.member, test.value)
		}
		w.Without()
		if !has(test.member, test.value) {
			t.Errorf("with %s again: got no %s %s, want it", test.feature, test.member, test.value)
		}
	}
}

func TestUnknownNamesPanic(t *testing.T) {
	w := newWorld(t)
	for name, call := range map[string]func(){
		"feature":             func() { w.Without("refreshing") },
		"fault":               func() { w.Fault("token", "rotated") },
		"endpoint of a fault": func() { w.Fault("tokens", "500") },
		"endpoint restored":   func() { w.Fault("tokens", "") },
		"endpoint of calls":   func() { w.Calls("tokens") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("got no panic for a name that doesn't exist, want one")
				}
			}()
			call()
		})
	}
}
