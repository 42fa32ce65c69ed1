package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// ssoLogout signs out of single sign-on.
type ssoLogout struct {
	*options

	isSet bool // --sso
	all   bool
	files kubeconfigFiles
}

// run signs out of the sessions that the arguments choose, and removes what is cached for them.
func (l *ssoLogout) run(ctx context.Context, args []string) ([]byte, error) {
	sessions, err := l.chosen(ctx, args)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	var failures []error
	for _, session := range sessions {
		if err := l.signOut(ctx, &out, session); err != nil {
			failures = append(failures, err)
		}
	}
	return []byte(out.String()), firstOf(failures)
}

// chosen returns the session of a context, of the current one, or the only one that there is.
func (l *ssoLogout) chosen(ctx context.Context, args []string) ([]*oidc.Session, error) {
	var signedIn []*oidc.Session
	for _, session := range l.sessions().All() {
		if session.SignedIn {
			signedIn = append(signedIn, session)
		}
	}
	switch {
	case l.all && len(args) > 0:
		return nil, usageErrorf("--all can't be combined with a context")
	case l.all:
		return signedIn, nil
	}
	config, err := l.files.read(ctx, l.options)
	if err != nil {
		return nil, err
	}
	flags, err := l.ssoFlagsOf(config, strings.Join(args, ""))
	switch {
	case err == nil:
		session, err := l.sessions().Find(flags.client())
		if err == nil && !session.SignedIn {
			err = advise(credential.Usage, fmt.Errorf("nobody is signed in at %s", shownURL(session.Issuer)), "")
		}
		return []*oidc.Session{session}, err
	case len(args) > 0:
		return nil, err
	case len(signedIn) == 1:
		return signedIn, nil
	case len(signedIn) == 0:
		return nil, advise(credential.Usage, errors.New("nobody is signed in with single sign-on"), "")
	}
	return nil, advise(credential.Usage, errors.New("there are several sessions"),
		"name a context that uses one of them, or use --all")
}

func (l *ssoLogout) signOut(ctx context.Context, out *strings.Builder, session *oidc.Session) error {
	inventory := &inventory{options: l.options, owners: []owner{l.ssoOwner(session)}} // while it is there to tell
	at := shownURL(session.Issuer)
	remoteErr, err := session.SignOut(ctx)
	if err != nil {
		return err
	}
	if remoteErr != nil {
		fmt.Fprintf(l.Stderr, "the provider may keep the session: %s\n", oneLine(remoteErr.Error()))
	}
	fmt.Fprintf(out, "signed out at %s\n", at)
	return inventory.removeOwned(ctx, out)
}
