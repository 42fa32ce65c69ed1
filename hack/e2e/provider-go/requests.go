package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// request is a client's request to sign a user in.
type request struct {
	*oidc.AuthRequest

	id, subject string
	since       time.Time
}

// GetID and the following methods implement op.AuthRequest.
func (r *request) GetID() string          { return r.id }
func (r *request) GetACR() string         { return "" }
func (r *request) GetAMR() []string       { return []string{"pwd"} }
func (r *request) GetAudience() []string  { return []string{r.ClientID} }
func (r *request) GetAuthTime() time.Time { return r.since }
func (r *request) GetClientID() string    { return r.ClientID }
func (r *request) GetNonce() string       { return r.Nonce }
func (r *request) GetScopes() []string    { return r.Scopes }
func (r *request) GetSubject() string     { return r.subject }
func (r *request) Done() bool             { return r.subject != "" }
func (r *request) GetRedirectURI() string { return r.RedirectURI }
func (r *request) GetState() string       { return r.State }
func (r *request) GetResponseType() oidc.ResponseType {
	return r.ResponseType
}
func (r *request) GetResponseMode() oidc.ResponseMode {
	return r.ResponseMode
}

// GetCodeChallenge implements op.AuthRequest.
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// refresh is a client's request to refresh a session.
type refresh struct{ session }

// GetAMR and the following methods implement op.RefreshTokenRequest.
func (r *refresh) GetAMR() []string                 { return []string{"pwd"} }
func (r *refresh) GetAudience() []string            { return []string{r.clientID} }
func (r *refresh) GetAuthTime() time.Time           { return r.since }
func (r *refresh) GetClientID() string              { return r.clientID }
func (r *refresh) GetScopes() []string              { return r.scopes }
func (r *refresh) GetSubject() string               { return r.subject }
func (r *refresh) SetCurrentScopes(scopes []string) { r.scopes = scopes }

// CreateAuthRequest implements op.AuthStorage.
func (s *storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if r.CodeChallenge == "" || r.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("a public client needs PKCE with S256")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	created := &request{AuthRequest: r, id: rand.Text()}
	s.requests[created.id] = created
	return created, nil
}

// request returns a request that has begun.
func (s *storage) request(id string) (*request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[id]
	return r, ok
}

// signIn says who signs in by a request.
func (s *storage) signIn(r *request, login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.subject, r.since = login, time.Now()
}

// AuthRequestByID implements op.AuthStorage.
func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	if r, ok := s.request(id); ok {
		return r, nil
	}
	return nil, errors.New("no such request")
}

// AuthRequestByCode implements op.AuthStorage.
func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	delete(s.codes, code)
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

// SaveAuthCode implements op.AuthStorage.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

// DeleteAuthRequest implements op.AuthStorage.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	return nil
}

// StoreDeviceAuthorization implements op.DeviceAuthorizationStorage.
func (s *storage) StoreDeviceAuthorization(
	_ context.Context, clientID, deviceCode, userCode string, expires time.Time, scopes []string,
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices[deviceCode] = &op.DeviceAuthorizationState{ClientID: clientID, Scopes: scopes, Expires: expires}
	s.waiting[userCode] = deviceCode
	return nil
}

// GetDeviceAuthorizatonState implements op.DeviceAuthorizationStorage.
func (s *storage) GetDeviceAuthorizatonState(
	_ context.Context, clientID, deviceCode string,
) (*op.DeviceAuthorizationState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.devices[deviceCode]
	if state == nil || state.ClientID != clientID {
		return nil, errors.New("no such device")
	}
	seen := *state
	if state.Done {
		delete(s.devices, deviceCode)
	}
	return &seen, nil
}

// decide says who signs in with a device's user code, and reports whether there is such a device. Without a login, the
// device is refused.
func (s *storage) decide(userCode, login string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.devices[s.waiting[userCode]]
	if state == nil {
		return false
	}
	state.Subject, state.AuthTime = login, time.Now()
	state.Done, state.Denied = login != "", login == ""
	return true
}
