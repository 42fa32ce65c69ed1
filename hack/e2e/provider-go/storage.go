package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// accessLifetime is the lifetime of access tokens. It differs from that of ID tokens on purpose.
const accessLifetime = time.Hour

// counts are what happened for a user.
type counts struct {
	SignIns     int `json:"sign_ins"`
	Refreshes   int `json:"refreshes"`
	Reuses      int `json:"reuses"` // of refresh tokens that were spent
	Revocations int `json:"revocations"`
	Logouts     int `json:"logouts"`
}

// session is what begins with a sign-in and is refreshed. When a spent refresh token is used, it ends.
type session struct {
	clientID, subject string
	scopes            []string
	since             time.Time
	refreshToken      string // the one that isn't spent; empty after the end
}

// storage is the provider's memory.
type storage struct {
	keys

	mu       sync.Mutex
	clients  map[string]client
	requests map[string]*request
	codes    map[string]string // ids of requests
	sessions map[string]*session
	devices  map[string]*op.DeviceAuthorizationState
	waiting  map[string]string // device codes by user codes
	counts   map[string]*counts
}

func newStorage() *storage {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // crypto/rand doesn't fail
	}
	return &storage{
		keys: keys{key},
		clients: map[string]client{
			"doks": {"doks", time.Hour}, "doks-short": {"doks-short", time.Hour}, "elsewhere": {"elsewhere", time.Hour},
		},
		requests: make(map[string]*request),
		codes:    make(map[string]string),
		sessions: make(map[string]*session),
		devices:  make(map[string]*op.DeviceAuthorizationState),
		waiting:  make(map[string]string),
		counts:   make(map[string]*counts),
	}
}

// of returns the counts of a user. s.mu must be held.
func (s *storage) of(user string) *counts {
	if s.counts[user] == nil {
		s.counts[user] = &counts{}
	}
	return s.counts[user]
}

func (s *storage) countsOf(user string) counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.of(user)
}

// CreateAccessToken implements op.AuthStorage.
func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(r.GetSubject()).SignIns++
	return rand.Text(), time.Now().Add(accessLifetime), nil
}

// CreateAccessAndRefreshTokens implements op.AuthStorage.
func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, spent string) (
	id, refreshToken string, expiry time.Time, err error,
) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, refreshToken, expiry = rand.Text(), rand.Text(), time.Now().Add(accessLifetime)
	if spent == "" {
		request := r.(op.IDTokenRequest) // of a code or of a device
		s.sessions[refreshToken] = &session{
			request.GetClientID(), request.GetSubject(), request.GetScopes(), request.GetAuthTime(), refreshToken,
		}
		s.of(request.GetSubject()).SignIns++
		return id, refreshToken, expiry, nil
	}
	current, err := s.alive(spent)
	if err != nil {
		return "", "", time.Time{}, err
	}
	current.refreshToken = refreshToken
	s.sessions[refreshToken] = current
	s.of(current.subject).Refreshes++
	return id, refreshToken, expiry, nil
}

// alive returns the session of a refresh token, unless it has ended, and ends it if the token is spent. s.mu must be
// held.
func (s *storage) alive(refreshToken string) (*session, error) {
	current := s.sessions[refreshToken]
	if current == nil || current.refreshToken == "" {
		return nil, oidc.ErrInvalidGrant().WithDescription("no such session")
	}
	if current.refreshToken != refreshToken {
		s.of(current.subject).Reuses++
		current.refreshToken = ""
		return nil, oidc.ErrInvalidGrant().WithDescription("the refresh token was used before")
	}
	return current, nil
}

// TokenRequestByRefreshToken implements op.AuthStorage.
func (s *storage) TokenRequestByRefreshToken(_ context.Context, refreshToken string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.alive(refreshToken)
	if err != nil {
		return nil, err
	}
	return &refresh{*current}, nil
}

// GetRefreshTokenInfo implements op.AuthStorage.
func (s *storage) GetRefreshTokenInfo(_ context.Context, _, token string) (subject, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.sessions[token]
	if current == nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return current.subject, token, nil
}

// RevokeToken implements op.AuthStorage.
func (s *storage) RevokeToken(_ context.Context, token, _, clientID string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.sessions[token]
	if current == nil {
		return nil
	}
	if current.clientID != clientID {
		return oidc.ErrInvalidClient()
	}
	current.refreshToken = ""
	s.of(current.subject).Revocations++
	return nil
}

// TerminateSession implements op.AuthStorage.
func (s *storage) TerminateSession(_ context.Context, subject, clientID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(subject).Logouts++
	for _, current := range s.sessions {
		if current.subject == subject && current.clientID == clientID {
			current.refreshToken = ""
		}
	}
	return nil
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest: the claims of ID tokens.
func (s *storage) SetUserinfoFromRequest(
	_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, scopes []string,
) error {
	info.Subject = r.GetSubject()
	if slices.Contains(scopes, "email") {
		info.UserInfoEmail = oidc.UserInfoEmail{Email: r.GetSubject(), EmailVerified: true}
	}
	if slices.Contains(scopes, "team_role") {
		info.AppendClaims("team_role", "Owner")
	}
	return nil
}

// GetClientByClientID implements op.OPStorage.
func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clients[id]; ok {
		return c, nil
	}
	return nil, errors.New("no such client")
}

// setLifetime changes how long a client's ID tokens are valid, and reports whether there is such a client.
func (s *storage) setLifetime(id string, lifetime time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.clients[id]
	if ok {
		s.clients[id] = client{id, lifetime}
	}
	return ok
}

// errNotOffered says that the tests need no such thing.
var errNotOffered = errors.New("not offered")

// AuthorizeClientIDSecret implements op.OPStorage. No client has a secret.
func (s *storage) AuthorizeClientIDSecret(context.Context, string, string) error {
	return errNotOffered
}

// SetUserinfoFromScopes implements op.OPStorage, which has replaced it.
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromToken implements op.OPStorage.
func (s *storage) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errNotOffered
}

// SetIntrospectionFromToken implements op.OPStorage.
func (s *storage) SetIntrospectionFromToken(
	context.Context, *oidc.IntrospectionResponse, string, string, string,
) error {
	return errNotOffered
}

// GetPrivateClaimsFromScopes implements op.OPStorage.
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// GetKeyByIDAndClientID implements op.OPStorage.
func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}

// ValidateJWTProfileScopes implements op.OPStorage.
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}

// Health implements op.Storage.
func (s *storage) Health(context.Context) error { return nil }
