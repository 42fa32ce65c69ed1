package cmd

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
)

// authStatus is the command that shows an account.
type authStatus struct {
	*options

	output *output
}

// shownAccount is an account as the command prints it.
type shownAccount struct {
	Source        string    `json:"source"`
	Login         string    `json:"login,omitempty"`
	Context       string    `json:"context,omitempty"` // doctl's
	Kind          string    `json:"kind"`
	User          string    `json:"user"` // the email address; "" if unknown
	Team          string    `json:"team"`
	UserUUID      string    `json:"user_uuid"`
	TeamUUID      string    `json:"team_uuid"`
	API           string    `json:"api"`
	Scopes        []string  `json:"scopes"`         // of a session; else empty
	MissingScopes []string  `json:"missing_scopes"` // that doks-auth needs
	UnknownScopes []string  `json:"unknown_scopes"` // that doks-auth needs, and that may be missing
	ExpiresAt     time.Time `json:"access_token_expires_at,omitzero"`
	Refreshes     bool      `json:"refreshes"` // doks-auth refreshes the session after that
	Storage       string    `json:"storage,omitempty"`
	SignedIn      time.Time `json:"signed_in_at,omitzero"`
}

// shownStatus is what the command prints.
type shownStatus struct {
	*shownAccount // nil: there is none

	SSO []shownSession `json:"sso_sessions,omitempty"`
}

// shownSession is a session for single sign-on as the command prints it.
type shownSession struct {
	Issuer    string    `json:"issuer"`
	ClientID  string    `json:"client_id"`
	Email     string    `json:"email"`
	Subject   string    `json:"subject"`
	Roles     []string  `json:"roles"`
	ExpiresAt time.Time `json:"expires_at"` // of the ID token
	Refreshes bool      `json:"refreshes"`  // doks-auth refreshes the session after that
	SignedIn  time.Time `json:"signed_in_at"`
}

func newAuthStatus(opts *options) *cobra.Command {
	s := &authStatus{options: opts}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the account that commands use",
		Long: `status shows the account that the flags, the environment, the current login or doctl's configuration
choose, and asks the API whose it is. A session is refreshed if it has to be.

It shows which of the scopes that doks-auth needs are missing. Whether an access token that isn't a
session's has the scope kubernetes:access_cluster is unknown: to find out, status would have to create a
credential. The exit code is 3 if the session has ended, or if the API refuses the access token.

It also shows who is signed in with single sign-on, without asking the provider.`,
		Example: `  doks-auth auth status
  doks-auth auth status --account work
  doks-auth auth status -o json | jq -r .team`,
		Args:              usageArgs(noArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: opts.prints(func(ctx context.Context, _ []string) ([]byte, error) {
			shown := shownStatus{SSO: s.ssoSessions()}
			account, err := s.status(ctx)
			switch {
			case err == nil:
				shown.shownAccount = &account
			case !errors.Is(err, accounts.ErrNoAccessToken) || len(shown.SSO) == 0:
				return nil, err
			}
			return s.output.render(shown, func(w io.Writer) { statusTable(w, shown) })
		}),
	}
	s.output = addOutputFlag(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// status asks the API about the account.
func (s *authStatus) status(ctx context.Context) (shownAccount, error) {
	a, err := s.account()
	if err != nil {
		return shownAccount{}, err
	}
	client, err := a.client()
	if err != nil {
		return shownAccount{}, err
	}
	arrived := s.waiting(theAPI)
	found, err := try(ctx, client)
	arrived()
	if err != nil {
		return shownAccount{}, a.explain(err)
	}
	shown := shownAccount{
		Source: a.Source, Login: a.Login, Context: a.Context, Kind: kindOf(a.IsSession()), API: a.API,
		Scopes: []string{}, MissingScopes: append([]string{}, found.missing...), UnknownScopes: []string{scopeCredentials},
	}
	if a.IsSession() { // after the calls, which may have refreshed it
		session, err := a.Session(ctx)
		if err != nil {
			return shownAccount{}, a.explain(err)
		}
		shown.ExpiresAt, shown.Refreshes = session.ExpiresAt, session.Refreshes
		if len(session.Scopes) > 0 {
			shown.Scopes = session.Scopes
			shown.MissingScopes, shown.UnknownScopes = accounts.MissingScopes(session.Scopes), []string{}
		}
	}
	if a.Login != "" {
		login, err := s.sources().ReadLogin(a.Login)
		if err != nil {
			return shownAccount{}, err
		}
		shown.Storage, shown.SignedIn = login.Storage, login.Since
		if found.user.UUID == "" {
			found.user = login.User // as the authorization server said
		}
	}
	shown.User, shown.Team = found.user.Email, found.user.TeamName
	shown.UserUUID, shown.TeamUUID = found.user.UUID, found.user.TeamUUID
	return shown, nil
}

// ssoSessions returns the sessions for single sign-on. It asks nobody.
func (s *authStatus) ssoSessions() []shownSession {
	var shown []shownSession
	for _, session := range s.sessions().All() {
		if session.SignedIn {
			shown = append(shown, shownSession{
				session.Issuer, session.ID, session.Email, session.Subject, append([]string{}, session.Roles...),
				session.ExpiresAt, session.Refreshes, session.Since,
			})
		}
	}
	return shown
}

func statusTable(w io.Writer, shown shownStatus) {
	if shown.shownAccount != nil {
		accountTable(w, *shown.shownAccount)
	}
	for _, s := range shown.SSO {
		row(w, "Single sign-on", shownURL(s.Issuer))
		row(w, "User", cmp.Or(s.Email, s.Subject))
		row(w, "Roles", strings.Join(s.Roles, ", "))
		row(w, "ID token expires", untilText(s.ExpiresAt, s.Refreshes))
		row(w, "Signed in", s.SignedIn.UTC().Format(time.RFC3339))
	}
}

func accountTable(w io.Writer, a shownAccount) {
	row(w, "From", a.Source)
	row(w, "Kind", a.Kind)
	row(w, "User", a.User)
	row(w, "Team", a.Team)
	row(w, "API", a.API)
	if len(a.Scopes) > 0 {
		row(w, "Scopes", strings.Join(a.Scopes, ", "))
	}
	missing := "none"
	if len(a.MissingScopes) > 0 {
		missing = strings.Join(a.MissingScopes, ", ")
	}
	row(w, "Missing scopes", missing)
	if len(a.UnknownScopes) > 0 {
		row(w, "Unknown scopes", strings.Join(a.UnknownScopes, ", "))
	}
	if a.Kind == kindSession {
		expires := "at an unknown time"
		if !a.ExpiresAt.IsZero() {
			expires = a.ExpiresAt.UTC().Format(time.RFC3339)
		}
		if a.Refreshes {
			expires += ", then it is refreshed"
		}
		row(w, "Access token expires", expires)
	}
	if a.Login != "" {
		row(w, "Signed in", a.SignedIn.UTC().Format(time.RFC3339))
		row(w, "Kept in", "a "+a.Storage)
	}
}
