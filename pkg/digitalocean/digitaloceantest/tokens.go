package digitaloceantest

import "time"

// mintedToken is a cluster token.
type mintedToken struct {
	clusterID string
	expiresAt time.Time
}

// Accepts reports whether the API minted the token for the cluster, and it has neither expired nor been
// revoked.
func (a *API) Accepts(clusterID, token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.minted[token]
	return ok && t.clusterID == clusterID && a.now().Before(t.expiresAt)
}

// Revoke revokes all tokens minted so far for the cluster.
func (a *API) Revoke(clusterID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for token, t := range a.minted {
		if t.clusterID == clusterID {
			delete(a.minted, token)
		}
	}
}

// revokeToken revokes a token that it minted, and reports whether the cluster accepted it before.
func (a *API) revokeToken(token string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.minted[token]
	delete(a.minted, token)
	return ok && a.now().Before(t.expiresAt)
}

// Tokens returns how many tokens the cluster accepts: those that were minted for it, and have neither expired nor been
// revoked.
func (a *API) Tokens(clusterID string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, t := range a.minted {
		if t.clusterID == clusterID && a.now().Before(t.expiresAt) {
			n++
		}
	}
	return n
}
