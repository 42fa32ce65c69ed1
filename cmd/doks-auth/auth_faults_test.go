package main

import (
	"os"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func TestFaultsOfSignIn(t *testing.T) {
	tests := map[string]struct {
		code int
		says string
	}{
		"invalid-grant":        {3, "invalid_grant"},
		"invalid-grant-minted": {3, "invalid_grant"},
		"invalid-client":       {3, "invalid_client"},
		"unauthorized-client":  {3, "unauthorized_client"},
		"invalid-redirect-uri": {1, "invalid_redirect_uri"},
		"server-error":         {5, "the authorization server failed: server_error"},
		"no-access-token":      {6, "it has no access token"},
		"empty-access-token":   {6, "it has no access token"},
		"newline-access-token": {6, "a control character"},
		"no-refresh-token":     {6, "the answer has no refresh token"},
		"no-expires-in":        {},
		"expires-in-zero":      {},
		"expires-in-negative":  {},
		"expires-in-huge":      {},
		"expires-in-string":    {},
		"token-type-mac":       {6, "not a bearer token"},
		"no-scope":             {},
		"no-info":              {},
		"info-string":          {},
		"error-html":           {6, "an HTML page"},
		"error-empty":          {1, "rejected the request"},

		"401": {3, "401"}, "403": {3, "403"}, "404": {1, "404"}, "429": {5, "rate limited"}, "500": {5, "500"},
		"502": {5, "502"}, "hang": {5, "no answer within"}, "reset": {5, "EOF"}, "cut": {5, "EOF"},
		"html": {6, "an HTML page"}, "truncated": {6, ""}, "null": {6, ""}, "huge": {6, "too large"},
		"redirect": {7, "refusing to follow a redirect"}, "reset-minted": {5, "EOF"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, auth := newUser(t, "browser-approve", 0)
			fault, ok := digitaloceantest.NamedOfAuth()[name]
			if !ok {
				fault = digitaloceantest.Named()[name]
			}
			auth.fail(fault)
			if test.code != 0 {
				p.env = append(p.env, "BROWSER="+os.Args[0]+" browser-fails")
			}
			got := p.run(t, nil, "auth", "login", "--timeout=3s", "--issuer="+auth.url)
			if got.code != test.code || !strings.Contains(got.stderr, test.says) {
				t.Errorf("got exit code %d and %q, want %d and %q", got.code, got.stderr, test.code, test.says)
			}
			shown(t, auth, got.stdout+got.stderr)
			if test.code == 0 {
				if got := p.run(t, nil, "exec-credential", "--api-version=v1", tokenCluster); got.code != 0 {
					t.Errorf("afterwards: got %+v, want exit code 0", got)
				}
				return
			}
			if got.stdout != "" {
				t.Errorf("got %q on standard output, want nothing", got.stdout)
			}
			p.keptNothing(t, auth)
		})
	}
}
