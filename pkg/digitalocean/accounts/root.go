package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// The bearer of a session changes with each refresh, but what is cached must outlive it. So names and seals of cached
// credentials don't derive from the bearer but from a root: random bytes that are made when an account is first met.
// The state directory holds two kinds of records about that:
//
//   - accounts/<who>: an account's root
//   - bearers/<digest>: the root of an access token or a refresh token that has been seen, so that a cache hit needs
//     this one file only

const (
	bearersFolder  = "bearers/"
	accountsFolder = "accounts/"
	sessionsFolder = "sessions/"
	refreshFolder  = "refresh/"
)

// bearerRecord says which account a bearer belongs to.
type bearerRecord struct {
	Root []byte `json:"root,omitempty"`

	// Clusters holds roots by cluster, if it is only known who the bearer is for a cluster.
	Clusters map[string][]byte `json:"clusters,omitempty"`

	// Scope is the session's. A session with other scopes is another account.
	Scope string `json:"scope,omitempty"`

	// Spent means that the session was refreshed, and has another access token now.
	Spent bool `json:"spent,omitempty"`
}

// root returns the bearer's root for a cluster.
func (r bearerRecord) root(cluster string) (credential.Secret, bool) {
	root := r.Root
	if len(root) == 0 {
		root = r.Clusters[cluster]
	}
	return credential.NewSecret(string(root)), len(root) > 0
}

func (r bearerRecord) isKnown() bool { return len(r.Root) > 0 || len(r.Clusters) > 0 }

// sameAccount reports whether two bearers are known to belong to one account.
func (r bearerRecord) sameAccount(other bearerRecord) bool {
	if len(r.Root) > 0 {
		return slices.Equal(r.Root, other.Root)
	}
	for cluster, root := range r.Clusters {
		if slices.Equal(root, other.Clusters[cluster]) {
			return true
		}
	}
	return false
}

// bearerName returns the name of a bearer's record. What one API says about a bearer doesn't count for another.
func bearerName(api string, token credential.Secret) string {
	return bearersFolder + credential.Identity(credential.NewSecret(api+" "+token.Reveal()))
}

// bearer returns what is known about a bearer. The error wraps fs.ErrNotExist if that is nothing.
func (s *Sources) bearer(api string, token credential.Secret) (record bearerRecord, err error) {
	err = s.state().Read(bearerName(api, token), &record)
	return record, err
}

// who is whom the API sees: a user in a team, with some scopes.
type who struct {
	api, user, team, scope string
	cluster                string // "" if the team is known
}

// record returns the name of the record that holds the root.
func (w who) record() string {
	text := fmt.Appendf(nil, "%q %q %q %q %q", w.api, w.user, w.team, w.cluster, scopesOf(w.scope))
	digest := sha256.Sum256(text)
	return accountsFolder + hex.EncodeToString(digest[:16])
}

// scopesOf returns the scopes in a session's scope, which may be in any order, sorted.
func scopesOf(scope string) []string {
	return slices.Compact(slices.Sorted(slices.Values(strings.Fields(scope))))
}

// Identity returns the secret from which the name and the seal of the account's cached credentials for a cluster are
// derived. It makes no call. It returns false if the account is a session whose access token hasn't been seen before:
// then call Place.
func (a *Account) Identity(cluster digitalocean.ClusterID) (credential.Secret, bool) {
	switch {
	case a.login != nil:
		return credential.NewSecret(string(a.login.Root)), true
	case !a.mayBeSession():
		return a.token, true
	}
	if root, ok := a.known(a.token, string(cluster)); ok {
		return root, true
	}
	s := a.doctl.session(a.Context)
	if s.Refresh.IsZero() || !a.sources.state().IsUsable(bearersFolder) {
		return a.token, true
	}
	// doctl got a new access token with the refresh token that it still has.
	record, err := a.sources.bearer(a.API, s.Refresh)
	if root, ok := record.root(string(cluster)); err == nil && ok && slices.Equal(scopesOf(record.Scope), scopesOf(s.Scope)) {
		record.Spent = false
		a.sources.remember(a.API, s, record)
		return root, true
	}
	return credential.Secret{}, false
}

// known returns the root of a bearer that has been seen.
func (a *Account) known(token credential.Secret, cluster string) (credential.Secret, bool) {
	record, err := a.sources.bearer(a.API, token)
	root, ok := record.root(cluster)
	if err != nil || !ok {
		return credential.Secret{}, false
	}
	a.spent.Store(record.Spent)
	return root, true
}

// Place finds out whose a session is, and returns what Identity will return from now on. It calls the API, with a
// client that has the account as its bearer, unless it learns that from a refresh; that mints nothing. Sessions of one
// user in one team with the same scopes are one account. What can't be told apart from another account is a new one.
func (a *Account) Place(
	ctx context.Context, client *digitalocean.Client, cluster digitalocean.ClusterID,
) (credential.Secret, error) {
	s, err := a.live(ctx, credential.Secret{})
	if err != nil {
		return credential.Secret{}, err
	}
	previous := s.previous
	if root, ok := a.known(s.Access, string(cluster)); ok {
		return root, nil
	}
	found, err := a.ask(ctx, client, cluster)
	if err != nil {
		return credential.Secret{}, fmt.Errorf("finding out which account %s is signed in to: %w", a.Source, err)
	}
	if s, err = a.live(ctx, credential.Secret{}); err != nil { // the call may have refreshed it
		return credential.Secret{}, err
	}
	found.scope = s.Scope
	root := statedir.NewRandom()
	if found.user != "" {
		if root, err = a.sources.state().Random(ctx, found.record()); err != nil {
			a.sources.log().Warn("the account can't be remembered", "reason", err)
			return s.Access, nil
		}
	}
	record, err := a.sources.bearer(a.API, s.Access)
	if err != nil { // most likely there is none yet
		record = bearerRecord{Scope: s.Scope}
	}
	if found.user != "" && found.cluster == "" {
		record.Root = root
	} else {
		clusters := map[string][]byte{string(cluster): root}
		maps.Copy(clusters, record.Clusters)
		record.Clusters = clusters
	}
	if err := a.sources.remember(a.API, s, record); err != nil {
		return s.Access, nil
	}
	if !previous.IsZero() { // doctl's configuration may still show it
		record.Spent = true
		a.sources.remember(a.API, session{Access: previous}, record)
	}
	return credential.NewSecret(string(root)), nil
}

// remember keeps what is known about a session's bearers. It logs an error, too.
func (s *Sources) remember(api string, of session, record bearerRecord) error {
	for _, token := range []credential.Secret{of.Refresh, of.Access} {
		if token.IsZero() {
			continue
		}
		if err := s.state().Write(bearerName(api, token), record); err != nil {
			s.log().Warn("the account of the session can't be remembered", "reason", err)
			return err
		}
	}
	return nil
}

// ask asks the API whose the bearer is. The result has no user if the API doesn't say.
func (a *Account) ask(ctx context.Context, client *digitalocean.Client, cluster digitalocean.ClusterID) (who, error) {
	found := who{api: a.API}
	user, err := client.User(ctx)
	switch {
	case err == nil && user.TeamUUID != "":
		found.user, found.team = user.UUID, user.TeamUUID
		return found, nil
	case err == nil:
		found.user, found.cluster = user.UUID, string(cluster)
		return found, nil
	case !isForbidden(err):
		return found, err
	}
	name, err := client.ClusterUser(ctx, cluster)
	if isForbidden(err) {
		return found, nil
	}
	found.user, found.cluster = name, string(cluster)
	return found, err
}

func isForbidden(err error) bool { return credential.StatusOf(err) == http.StatusForbidden }

// NamedIdentity returns a secret that stands for an account which a program has a name for: always the same for the same
// name and state directory.
func (s Sources) NamedIdentity(ctx context.Context, name string) (credential.Secret, error) {
	digest := sha256.Sum256([]byte(name))
	root, err := s.state().Random(ctx, "programs/"+hex.EncodeToString(digest[:16]))
	if err != nil {
		return credential.Secret{}, fmt.Errorf("keeping the identity %s: %w", show.Word(name), err)
	}
	return credential.NewSecret(string(root)), nil
}

// StateDir returns the user's directory for logins and what is known about sessions: doks-auth in $XDG_STATE_HOME, or in
// the system's counterpart. It returns "" if there is no place for it.
func StateDir(getenv func(string) string, home string) string { return statedir.Find(getenv, home) }

// forgetAfter is how long what is known about a session stays after it was last recorded. Then the API is asked again.
const forgetAfter = 90 * 24 * time.Hour

// Prune removes what is known about sessions that haven't been used for long.
func (s Sources) Prune() {
	for _, folder := range []string{bearersFolder, accountsFolder, sessionsFolder, refreshFolder} {
		s.state().Prune(folder, forgetAfter)
	}
}
