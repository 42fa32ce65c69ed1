package digitaloceantest

import "time"

// SetUsers replaces the users who can sign in.
func (s *AuthServer) SetUsers(user User, more ...User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append([]User{user}, more...)
}

// SetDelay delays each answer by d. The request is handled after the delay: a client that gives up meanwhile has
// changed nothing. See Late for a delay after it.
func (s *AuthServer) SetDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// SetTokenFault makes calls for tokens answer with f; nil restores normal answers. f's mint argument exchanges the
// code or refreshes the session, at most once, and returns the answer.
func (s *AuthServer) SetTokenFault(f Fault) { s.setFault(&s.tokenFault, f) }

// SetRegisterFault makes registrations answer with f; nil restores normal answers. f's mint argument registers the
// client.
func (s *AuthServer) SetRegisterFault(f Fault) { s.setFault(&s.registerFault, f) }

// SetRevokeFault makes revocations answer with f; nil restores normal answers. f's mint argument revokes the token.
func (s *AuthServer) SetRevokeFault(f Fault) { s.setFault(&s.revokeFault, f) }

// SetMetadataFault makes calls for the server's metadata answer with f; nil restores normal answers. f's mint argument
// returns the metadata.
func (s *AuthServer) SetMetadataFault(f Fault) { s.setFault(&s.metadataFault, f) }

func (s *AuthServer) setFault(fault *Fault, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*fault = f
}

// Authorizations returns how many authorization requests arrived, including refused ones: how often a browser was
// sent to the server.
func (s *AuthServer) Authorizations() int { return s.count(&s.authorizations) }

// Registrations returns how many clients registered.
func (s *AuthServer) Registrations() int { return s.count(&s.registrations) }

// Refreshes returns how many refreshes succeeded.
func (s *AuthServer) Refreshes() int { return s.count(&s.refreshes) }

// Reuses returns how many times a client presented a refresh token that had already been used.
func (s *AuthServer) Reuses() int { return s.count(&s.reuses) }

// Revocations returns how many tokens clients revoked.
func (s *AuthServer) Revocations() int { return s.count(&s.revocations) }

func (s *AuthServer) count(counter *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *counter
}

// LastAnswered returns when the server last finished sending an answer with tokens, by the local clock. It is zero if
// it never did.
func (s *AuthServer) LastAnswered() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastAnswered
}
