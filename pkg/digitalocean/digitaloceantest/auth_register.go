package digitaloceantest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// clientOfStart is the ID of the client that Start's sessions belong to.
const clientOfStart = "0b2a5a4f6c1d4f0e9a7b3c8d5e6f70810b2a5a4f6c1d4f0e9a7b3c8d5e6f7081"

// oauthClient is a registered client.
type oauthClient struct {
	name         string
	redirectURIs []string
}

// registeredRedirects returns the redirect URIs that a client may register.
func registeredRedirects() []string {
	return []string{"http://127.0.0.1/callback", "http://localhost/callback"}
}

// mayRedirectTo reports whether the client registered a redirect URI, on any port (RFC 8252, section 7.3).
func (c *oauthClient) mayRedirectTo(redirectURI string) bool {
	asked, err := url.Parse(redirectURI)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.redirectURIs, func(registered string) bool {
		u, err := url.Parse(registered)
		if err != nil {
			return false
		}
		if port := asked.Port(); port != "" {
			u.Host += ":" + port
		}
		return u.String() == redirectURI
	})
}

// register registers a client (RFC 7591).
func (s *AuthServer) register(r *http.Request) (map[string]any, error) {
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		return nil, badRequest("invalid_client_metadata", "the body must be JSON")
	}
	var metadata struct {
		RedirectURIs    []string `json:"redirect_uris"`
		TokenAuthMethod string   `json:"token_endpoint_auth_method"`
		GrantTypes      []string `json:"grant_types"`
		ResponseTypes   []string `json:"response_types"`
		ClientName      string   `json:"client_name"`
		ClientURI       string   `json:"client_uri"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &metadata)
	}
	if err != nil {
		return nil, badRequest("invalid_client_metadata", err.Error())
	}
	if len(metadata.RedirectURIs) == 0 {
		return nil, badRequest("invalid_redirect_uri", "redirect_uris is missing")
	}
	for _, uri := range metadata.RedirectURIs {
		if !slices.Contains(registeredRedirects(), uri) {
			return nil, badRequest("invalid_redirect_uri", "a redirect URI must be on loopback, without a port")
		}
	}
	slices.Sort(metadata.GrantTypes)
	clientURI, err := url.Parse(metadata.ClientURI)
	refused := ""
	switch {
	case metadata.TokenAuthMethod != "none":
		refused = "token_endpoint_auth_method must be none"
	case !slices.Equal(metadata.GrantTypes, []string{"authorization_code", "refresh_token"}):
		refused = "grant_types must be authorization_code and refresh_token"
	case !slices.Equal(metadata.ResponseTypes, []string{"code"}):
		refused = "response_types must be code"
	case metadata.ClientName == "":
		refused = "client_name is missing"
	case err != nil || clientURI.Scheme != "http" && clientURI.Scheme != "https" || clientURI.Host == "":
		refused = "client_uri must be a web address"
	}
	if refused != "" {
		return nil, badRequest("invalid_client_metadata", refused)
	}
	id := randomHex()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[id] = &oauthClient{metadata.ClientName, metadata.RedirectURIs}
	s.registrations++
	return map[string]any{
		"client_id":                  id,
		"client_id_issued_at":        s.api.now().Unix(),
		"redirect_uris":              metadata.RedirectURIs,
		"token_endpoint_auth_method": metadata.TokenAuthMethod,
		"grant_types":                metadata.GrantTypes,
		"response_types":             metadata.ResponseTypes,
		"client_name":                metadata.ClientName,
		"client_uri":                 metadata.ClientURI,
	}, nil
}

// knownClient returns an error if the client isn't registered. s.mu must be held.
func (s *AuthServer) knownClient(id string) error {
	if s.clients[id] == nil {
		return unauthorized("invalid_client", "the client is unknown")
	}
	return nil
}

// Forget drops a client's registration. Its sessions can no longer be refreshed.
func (s *AuthServer) Forget(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, clientID)
}

// ForgetClients drops all registrations.
func (s *AuthServer) ForgetClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.clients)
}
