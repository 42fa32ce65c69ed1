package digitalocean_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/hack/openapitest"
)

// The OpenAPI document's examples of users are understood. They are checked against the document, too.
func TestDocumentedUsers(t *testing.T) {
	document := openapitest.Open(t)
	api, _, client := newAPI(t, nil)
	account, user := `{"account":`+document.ExampleOf(t, "account")+`}`, document.ExampleOf(t, "user")
	api.SetAccountFault(func(w http.ResponseWriter, r *http.Request, _ func() map[string]any) {
		text := account
		if strings.HasSuffix(r.URL.Path, "/user") {
			text = user
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, text)
	})
	if name, err := client.ClusterUser(t.Context(), clusterID); err != nil || name != "sammy@digitalocean.com" {
		t.Errorf("the cluster's user: got %q, %v; want %q", name, err, "sammy@digitalocean.com")
	}
	got, err := client.User(t.Context())
	if err != nil || got.Email != "sammy@digitalocean.com" || got.TeamName != "My Team" {
		t.Errorf("the account: got %+v, %v; want %q and %q", got, err, "sammy@digitalocean.com", "My Team")
	}
}
