package oidctest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// claimFaults are the token endpoint's faults by which an ID token has other claims and a good signature. They change
// what the claims should be into what the fault makes of them.
func claimFaults(w *world) map[string]func(claims map[string]any, refreshed bool) {
	now := float64(w.now().Unix())
	return map[string]func(claims map[string]any, refreshed bool){
		"wrong-iss":      func(claims map[string]any, _ bool) { claims["iss"] = "https://stranger.example" },
		"wrong-aud":      func(claims map[string]any, _ bool) { claims["aud"] = "stranger" },
		"many-audiences": func(claims map[string]any, _ bool) { claims["aud"] = []any{clientID, "stranger"} },
		"other-azp":      func(claims map[string]any, _ bool) { claims["azp"] = "stranger" },
		"wrong-nonce":    func(claims map[string]any, _ bool) { claims["nonce"] = "stranger" },
		"no-nonce":       func(claims map[string]any, _ bool) { delete(claims, "nonce") },
		"no-exp":         func(claims map[string]any, _ bool) { delete(claims, "exp") },
		"expired":        func(claims map[string]any, _ bool) { claims["iat"], claims["exp"] = now-7200, now-3600 },
		"future": func(claims map[string]any, _ bool) {
			claims["iat"], claims["nbf"], claims["exp"] = now+300, now+300, now+3900
		},
		"far-future": func(claims map[string]any, _ bool) {
			claims["iat"], claims["nbf"], claims["exp"] = now+3600, now+3600, now+7200
		},
		"other-subject": func(claims map[string]any, refreshed bool) {
			if refreshed {
				claims["sub"] = "stranger"
			}
		},
	}
}

func TestClaimFaults(t *testing.T) {
	w := newWorld(t)
	good := w.signIn()
	goodClaims := w.claims(good)
	_, good = w.refresh(refreshTokenOf(t, good))
	goodRefreshedClaims := w.claims(good)
	for fault, change := range claimFaults(w) {
		w.Fault("token", fault)
		answer := w.signIn()
		want := maps.Clone(goodClaims)
		change(want, false)
		if diff := cmp.Diff(want, w.claims(answer)); diff != "" {
			t.Errorf("%s: got other claims (-want +got):\n%s", fault, diff)
		}
		_, answer = w.refresh(refreshTokenOf(t, answer))
		want = maps.Clone(goodRefreshedClaims)
		change(want, true)
		if diff := cmp.Diff(want, w.claims(answer)); diff != "" {
			t.Errorf("%s, refreshed: got other claims (-want +got):\n%s", fault, diff)
		}
	}
}

// signatureFaults are those by which no key of the provider's verifies the signature.
func signatureFaults() []string { return []string{"alg-none", "hs256", "bad-signature", "unknown-kid"} }

func TestSignatureFaults(t *testing.T) {
	w := newWorld(t)
	for _, fault := range signatureFaults() {
		w.Fault("token", fault)
		answer := w.signIn()
		if claims, err := w.verify(answer); err == nil {
			t.Errorf("%s: got the claims %v, want a signature that isn't good", fault, claims)
		}
		parts := strings.Split(answer["id_token"].(string), ".")
		if len(parts) != 3 {
			t.Fatalf("%s: got the ID token %q, want three parts", fault, answer["id_token"])
		}
		header, claims := part(t, parts[0]), part(t, parts[1])
		if claims["sub"] != "user-1" || claims["nonce"] != "nonce-1" {
			t.Errorf("%s: got the claims %v, want the user's and the nonce", fault, claims)
		}
		key := w.keySet().Keys[0]
		wantAlg, wantKnown := "RS256", true
		switch fault {
		case "alg-none":
			wantAlg, wantKnown = "none", false
			if parts[2] != "" {
				t.Errorf("alg-none: got the signature %q, want none", parts[2])
			}
		case "hs256":
			wantAlg = "HS256"
			der, err := x509.MarshalPKIXPublicKey(key.Key)
			if err != nil {
				t.Fatal(err)
			}
			mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			io.WriteString(mac, parts[0]+"."+parts[1])
			if want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); parts[2] != want {
				t.Errorf("hs256: got the signature %s, want %s", parts[2], want)
			}
		case "unknown-kid":
			wantKnown = false
		}
		if header["alg"] != wantAlg || (header["kid"] == key.KeyID) != wantKnown {
			t.Errorf("%s: got the header %v, want the alg %s, and the key's kid: %t", fault, header, wantAlg, wantKnown)
		}
	}
}

// part returns a part of a token in its compact form.
func part(t *testing.T, encoded string) (decoded map[string]any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(text, &decoded)
	}
	if err != nil {
		t.Fatalf("decoding %q: %v", encoded, err)
	}
	return decoded
}

func TestUnprocessedTokenFaults(t *testing.T) {
	w := newWorld(t)
	refreshToken, code := refreshTokenOf(t, w.signIn()), w.browse().Get("code")
	for fault, want := range map[string]int{"error-200": 200, "invalid-grant": 400} {
		w.Fault("token", fault)
		status, answer := w.exchange(code)
		wantError(t, status, answer, want, "invalid_grant")
		status, answer = w.refresh(refreshToken)
		wantError(t, status, answer, want, "invalid_grant")
	}
	w.Fault("token", "")
	if status, answer := w.exchange(code); status != http.StatusOK {
		t.Errorf("got %d %v after the faults, want tokens for the code", status, answer)
	}
	if status, answer := w.refresh(refreshToken); status != http.StatusOK {
		t.Errorf("got %d %v after the faults, want tokens for the refresh token", status, answer)
	}
}

func TestLostAnswers(t *testing.T) {
	w := newWorld(t)
	for n, fault := range []string{"drop", "hang-granted"} {
		refreshToken := refreshTokenOf(t, w.signIn())
		w.Fault("token", fault)
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {refreshToken}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL()+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if fault == "hang-granted" {
			go func() {
				for w.Refreshes() == n && ctx.Err() == nil {
					time.Sleep(time.Millisecond)
				}
				cancel()
			}()
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			t.Errorf("%s: got %s, want no answer", fault, response.Status)
		} else if got := errors.Is(err, context.Canceled); got != (fault == "hang-granted") {
			t.Errorf("%s: got the error %v", fault, err)
		}
		if w.Refreshes() != n+1 || w.Alive(refreshToken) {
			t.Errorf("%s: got %d refreshes and the token alive: %t, want %d and false",
				fault, w.Refreshes(), w.Alive(refreshToken), n+1)
		}
		w.Fault("token", "")
	}
}

func TestAnswerFaults(t *testing.T) {
	w := newWorld(t)
	w.Fault("token", "no-id-token")
	if answer := w.signIn(); answer["id_token"] != nil || answer["access_token"] == nil {
		t.Errorf("no-id-token: got %v, want an access token only", answer)
	}
	w.Fault("token", "control-chars")
	if answer := w.signIn(); !strings.HasSuffix(answer["id_token"].(string), "\n") {
		t.Errorf("control-chars: got the ID token %q, want one with a newline", answer["id_token"])
	}
	w.Fault("token", "control-chars-refresh")
	if answer := w.signIn(); !strings.Contains(refreshTokenOf(t, answer), " ") {
		t.Errorf("control-chars-refresh: got the refresh token %q, want one with a space", answer["refresh_token"])
	}
	w.Fault("token", "no-rotation")
	refreshToken := refreshTokenOf(t, w.signIn())
	for range 2 {
		status, answer := w.refresh(refreshToken)
		if status != http.StatusOK || answer["refresh_token"] != nil || !w.Alive(refreshToken) {
			t.Errorf("no-rotation: got %d %v, want tokens without a refresh token", status, answer)
		}
	}
	tested := append(everyFault(), signatureFaults()...)
	for fault := range claimFaults(w) {
		tested = append(tested, fault)
	}
	tested = append(tested, "error-200", "invalid-grant", "drop", "hang-granted", "no-id-token", "control-chars",
		"control-chars-refresh", "no-rotation")
	wantTested(t, "token", tested)
}
