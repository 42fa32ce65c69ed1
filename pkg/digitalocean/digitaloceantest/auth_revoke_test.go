package digitaloceantest_test

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// A cluster token revokes itself, at both addresses of the authorization server, and the cluster refuses it then.
func TestRevokeClusterToken(t *testing.T) {
	for _, at := range []string{"the authorization server's address", "the API's address"} {
		t.Run(at, func(t *testing.T) {
			w := newWorld(t, nil)
			server := w.url
			if at == "the API's address" {
				server = w.apiURL
			}
			if err := w.cluster.Serve(w.api); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.cluster.Close() })
			mint := func() string {
				status, answer := w.get("/v2/kubernetes/clusters/"+clusterID+"/credentials", staticToken)
				token, ok := answer["token"].(string)
				if status != http.StatusOK || !ok {
					t.Fatalf("got %d %v, want a token", status, answer)
				}
				return token
			}
			token, other, old := mint(), mint(), mint()
			calls := w.api.Calls()
			revoke := func(token, bearer string) (int, map[string]any) {
				return w.do(http.MethodPost, server+"/v1/oauth/revoke", bearer, "application/x-www-form-urlencoded",
					url.Values{"token": {token}}.Encode())
			}
			for _, bearer := range []string{"", other, staticToken} {
				status, answer := revoke(token, bearer)
				wantError(t, status, answer, http.StatusUnauthorized, "invalid_token")
			}
			wantAuthenticated(t, w.cluster, token, http.StatusOK)

			if status, answer := revoke(token, token); status != http.StatusOK {
				t.Errorf("got %d %v, want 200", status, answer)
			}
			wantAuthenticated(t, w.cluster, token, http.StatusUnauthorized)
			wantAuthenticated(t, w.cluster, other, http.StatusOK)
			if got := w.api.Tokens(clusterID); got != 2 {
				t.Errorf("got %d tokens that the cluster accepts, want 2", got)
			}
			status, answer := revoke(token, token)
			wantError(t, status, answer, http.StatusUnauthorized, "invalid_token")

			w.advance(digitaloceantest.DefaultExpiry + time.Second)
			status, answer = revoke(old, old)
			wantError(t, status, answer, http.StatusUnauthorized, "invalid_token")
			if got := [3]int{w.api.Tokens(clusterID), w.auth.Revocations(), w.api.Calls()}; got != [3]int{0, 1, calls} {
				t.Errorf("got %v tokens, revocations and calls of the API, want %v", got, [3]int{0, 1, calls})
			}
		})
	}
}

// wantAuthenticated fails unless a cluster answers a request with a token with a status.
func wantAuthenticated(t *testing.T, cluster *digitaloceantest.Cluster, token string, want int) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+cluster.Addr()+"/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != want {
		t.Errorf("the cluster answered %d, want %d", response.StatusCode, want)
	}
}
