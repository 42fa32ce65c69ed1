package digitaloceantest

import (
	"encoding/json"
	"net/http"
)

// The user and group of the API's tokens.
const (
	TokenUser  = "token@doks.example"
	TokenGroup = "doks:users"
)

// TokenReview returns an authentication webhook for a real Kubernetes API server
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication):
// it authenticates the tokens for which accepts returns true, such as by [API.Accepts].
func TokenReview(accepts func(token string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			APIVersion string `json:"apiVersion"`
			Spec       struct {
				Token string `json:"token"`
			} `json:"spec"`
		}
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		status := map[string]any{"authenticated": false}
		if accepts(review.Spec.Token) {
			status = map[string]any{
				"authenticated": true,
				"user":          map[string]any{"username": TokenUser, "groups": []string{TokenGroup}},
			}
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"apiVersion": review.APIVersion, "kind": "TokenReview", "status": status,
		})
	})
}
