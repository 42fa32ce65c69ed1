package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// A provider that somebody recorded could send people to the sign-in page that they know, and get their code.
func TestMixUp(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	tests := map[string]struct {
		page    string // of the other provider
		refused bool
	}{
		"the page":         {w.URL() + "/authorize", true},
		"another spelling": {strings.ToUpper(w.URL()[:4]) + w.URL()[4:] + "//./AUTHORIZE/", true},
		"another page":     {w.URL() + "/other", false},
		"its own":          {"/authorize", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var metadata map[string]any
			other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/.well-known/openid-configuration":
					json.NewEncoder(w).Encode(metadata)
				case "/keys":
					w.Write([]byte(`{"keys":[{}]}`))
				default:
					t.Errorf("got a request for %s, want none", r.URL.Path)
				}
			}))
			defer other.Close()
			page := test.page
			if strings.HasPrefix(page, "/") {
				page = other.URL + page
			}
			metadata = map[string]any{
				"issuer": other.URL, "authorization_endpoint": page, "token_endpoint": other.URL + "/token",
				"jwks_uri": other.URL + "/keys",
			}
			session, err := w.sessions().Record(t.Context(), oidc.Client{Issuer: other.URL, ID: clientID})
			if err != nil {
				t.Fatal(err)
			}
			opened := ""
			err = session.SignIn(t.Context(), oidc.Way{Port: w.port, Open: func(ctx context.Context, url string) error {
				opened = url
				return errors.New("nobody looks")
			}})
			if !test.refused {
				want{refused, "nobody looks"}.check(t, err)
				return
			}
			want{unsafe, "its sign-in page is that of " + strconv.Quote(w.URL())}.check(t, err)
			if opened != "" {
				t.Errorf("got the page %q, want none", opened)
			}
		})
	}
	if w.SignIns() != 1 {
		t.Errorf("got %d sign-ins, want 1", w.SignIns())
	}
}
