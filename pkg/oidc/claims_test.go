package oidc_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// tampering is a transport that replaces the ID token in answers by one with other claims.
type tampering struct {
	w    *world
	edit func(claims map[string]any)
}

func (f tampering) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/token") || response.StatusCode != http.StatusOK {
		return response, err
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return nil, err
	}
	body["id_token"] = f.w.IDToken(f.edit)
	text, err := json.Marshal(body)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return response, err
}

// Odd claims after a refresh, whose ID token needs no nonce.
func TestOddClaims(t *testing.T) {
	w := newWorld(t)
	w.SetUser(sam)
	w.must(w.way())
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	without := func(name string) func(map[string]any) {
		return func(claims map[string]any) { delete(claims, name) }
	}
	exp := func(value any) func(map[string]any) { return set("exp", value) }
	soon := w.clock.Now().Add(100 * time.Second).Unix()
	tests := map[string]struct {
		edit     func(claims map[string]any)
		lifetime time.Duration // 0: the error says
		says     string
	}{
		"expires now":           {exp(w.clock.Now().Unix()), 0, "it expired at 2030-01-02T03:04:05Z"},
		"expires in a second":   {exp(w.clock.Now().Unix() + 1), time.Second, ""},
		"expires in ages":       {exp(1 << 50), 365 * 24 * time.Hour, ""},
		"expires at a fraction": {exp(float64(soon) + 0.9), 100 * time.Second, ""},
		"expires as text":       {exp("soon"), 0, "failed to unmarshal claims"},
		"expires at null":       {exp(nil), 0, "failed to unmarshal claims"},
		"expires negatively":    {exp(-5), 0, "it has no expiry"},
		"issued never":          {without("iat"), time.Hour, ""},
		"issued later":          {set("iat", 1<<50), time.Hour, ""},
		"one audience in list":  {set("aud", []string{clientID}), time.Hour, ""},
		"own party":             {set("azp", clientID), time.Hour, ""},
		"audiences, own party": {func(claims map[string]any) {
			claims["aud"], claims["azp"] = []string{clientID, "other"}, clientID
		}, time.Hour, ""},
		"issuer is long":   {set("iss", "https://"+strings.Repeat("x", 100)), 0, "[redacted]"},
		"no audience":      {set("aud", nil), 0, "expected audience"},
		"party is a list":  {set("azp", []string{clientID}), 0, "its claims are of the wrong type"},
		"email is a list":  {set("email", []string{"a"}), 0, "its claims are of the wrong type"},
		"no subject":       {set("sub", nil), 0, "it doesn't say whose it is"},
		"no roles":         {set("team_role", nil), time.Hour, ""},
		"roles are odd":    {set("team_role", map[string]any{"a": 1}), time.Hour, ""},
		"a role is a text": {set("team_role", "owner"), time.Hour, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sessions := w.sessions()
			sessions.Transport = tampering{w, test.edit}
			session, err := sessions.Find(w.client())
			if err != nil {
				t.Fatal(err)
			}
			w.t = t
			provider := &oidc.Provider{Session: session, After: w.clock.Now().Add(time.Nanosecond)}
			got, err := provider.Credential(t.Context())
			if test.lifetime == 0 {
				want{credential.Unusable, test.says}.check(t, err)
				return
			}
			if life := got.ExpiresAt.Sub(w.clock.Now()); err != nil || life != test.lifetime {
				t.Errorf("got a lifetime of %v, %v; want %v", life, err, test.lifetime)
			}
			if now, err := sessions.Find(w.client()); err != nil || !now.ExpiresAt.Equal(got.ExpiresAt) {
				t.Errorf("got a session until %v, %v; want it kept until %v", now.ExpiresAt, err, got.ExpiresAt)
			}
		})
	}
}

// What the claims say about the user is shown to people.
func TestUserIsPrintable(t *testing.T) {
	w := newWorld(t)
	w.SetUser(sam)
	w.must(w.way())
	sessions := w.sessions()
	roles := []string{"\x1b[2Jrole\n"}
	for range 100 {
		roles = append(roles, "r")
	}
	sessions.Transport = tampering{w, func(claims map[string]any) {
		claims["email"], claims["team_role"] = "sam\r\n\u202e\x00@"+strings.Repeat("x", 300), roles
	}}
	session, err := sessions.Find(w.client())
	if err != nil {
		t.Fatal(err)
	}
	provider := &oidc.Provider{Session: session, After: w.clock.Now().Add(time.Nanosecond)}
	if _, err := provider.Credential(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := w.session()
	if wantEmail := "sam@" + strings.Repeat("x", 251) + "…"; s.Email != wantEmail {
		t.Errorf("got the email %q, want %q", s.Email, wantEmail)
	}
	if len(s.Roles) != 50 || s.Roles[0] != "[2Jrole" {
		t.Errorf("got %d roles, the first of them %q; want 50, and %q", len(s.Roles), s.Roles[0], "[2Jrole")
	}
}
