package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// registration is the metadata of a client (RFC 7591, section 2).
type registration struct {
	RedirectURIs            []string `json:"redirect_uris"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	GrantTypes              []string `json:"grant_types"`
	ResponseTypes           []string `json:"response_types"`
	ClientName              string   `json:"client_name"`
	ClientURI               string   `json:"client_uri,omitempty"`
}

// Register registers a public client and returns its id. The client can be redirected to the path /callback on this
// machine, on any port (RFC 8252, section 7.3).
func (c *Client) Register(ctx context.Context, s Server, clientName, clientURI string) (string, error) {
	body, err := json.Marshal(registration{
		RedirectURIs:            []string{"http://127.0.0.1/callback", "http://localhost/callback"},
		TokenEndpointAuthMethod: "none",
		GrantTypes:              []string{"authorization_code", "refresh_token"},
		ResponseTypes:           []string{"code"},
		ClientName:              clientName,
		ClientURI:               clientURI,
	})
	if err != nil {
		return "", fmt.Errorf("registering a client: %w", err)
	}
	r := request{
		doing:       "registering a client",
		method:      http.MethodPost,
		endpoint:    s.Registration,
		contentType: "application/json",
		body:        string(body),
	}
	answer, fields, err := c.call(ctx, r)
	if err != nil {
		return "", err
	}
	id := fields.text("client_id")
	switch {
	case id == "":
		return "", r.unusable(answer, errors.New("it has no client id"))
	case len(id) > maxText || credential.CheckBearer(credential.NewSecret(id)) != nil:
		return "", r.unusable(answer, errors.New("its client id is not a short text of visible ASCII characters"))
	}
	return id, nil
}
