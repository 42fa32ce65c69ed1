package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

// revocation removes cached credentials, and revokes their tokens before. A token that isn't revoked is kept.
type revocation struct {
	*inventory

	revoker *accounts.Revoker
	goes    func(cachedir.Entry) bool
	out     strings.Builder // a line for each credential that was removed
}

// revoke removes the entries for which goes returns true, and revokes their tokens before. It returns a line for each
// credential that it removed. If a person interrupts it, it finishes with the token at hand.
func (i *inventory) revoke(
	ctx context.Context, entries []cachedir.Entry, goes func(cachedir.Entry) bool,
) (string, error) {
	ctx, begin, end := interruptible(ctx)
	defer end()
	begin()
	r := &revocation{inventory: i, revoker: i.sources().Revoker(), goes: goes}
	var failures []error
	left := 0
	for _, e := range entries {
		if !goes(e) {
			continue
		}
		if isInterrupted(ctx) {
			left++
			continue
		}
		switch err := r.clear(ctx, e); {
		case err != nil && err == ctx.Err(): // it was waiting for another process
			left++
		case err != nil:
			failures = append(failures, err)
		}
	}
	return r.out.String(), i.notRevoked(failures, left)
}

func isInterrupted(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// clear removes an entry.
func (r *revocation) clear(ctx context.Context, e cachedir.Entry) error {
	arrived := r.waiting("another process that is fetching a credential")
	held, err := e.Hold(ctx)
	arrived()
	switch {
	case err == nil:
		defer held.Release()
	case isInterrupted(ctx):
		return ctx.Err()
	default:
		return removalError(ctx, e, err)
	}
	if !r.goes(held.Entry) {
		return nil
	}
	of, got, remark, err := r.look(ctx, held.Entry)
	switch {
	case err != nil:
		return clearingError(held.Entry, err)
	case of != nil:
		return r.revokeToken(ctx, held, of, got)
	}
	line := removedLine(r.describe(ctx, held.Entry)) + remark + "\n"
	if held.Absent {
		line = ""
		if held.FailureOf != "" {
			line = failureLine(held.FailureOf) + "\n"
		}
	}
	if err := held.Remove(); err != nil {
		return removalError(ctx, held.Entry, err)
	}
	r.out.WriteString(line)
	return nil
}

// look returns the credential in an entry whose token must be revoked, and whose it is. If there is none, of is nil, and
// it returns what to say about what can't be revoked, though the cluster may accept it.
func (r *revocation) look(
	ctx context.Context, e cachedir.Entry,
) (of *account, got credential.Credential, remark string, err error) {
	got, owner := r.open(ctx, e)
	expiry := got.ExpiresAt.UTC().Format(time.RFC3339)
	switch {
	case e.Err == nil && !r.Now().Before(e.ExpiresAt):
	case owner == nil && (e.Err != nil || r.isOwned(e)):
		remark = "; a token in it can't be read, and wasn't revoked"
	case owner == nil:
		err = advise(credential.Usage, errors.New("it belongs to none of the accounts found here"),
			"give the access token that it was fetched with, for example with --token-file; "+
				"'doks-auth cache clear' without --revoke only removes it")
	case owner.account == nil:
		remark = "; its ID token can't be revoked, and expires at " + expiry
	case got.Token.IsZero():
		remark = "; its client certificate can't be revoked, and expires at " + expiry
	default:
		of = owner.account
	}
	return of, got, remark, err
}

// open returns the credential in an entry, and whose it is; nil if it can't be opened.
func (i *inventory) open(ctx context.Context, e cachedir.Entry) (credential.Credential, *owner) {
	for n := range i.owners {
		dir, key, known := i.owners[n].entryOf(e.ClusterID, e.Expiry)
		if !known || !dir.IsOf(e, key) {
			continue
		}
		if got, err := dir.Read(ctx, e, key); err == nil {
			return got, &i.owners[n]
		}
	}
	return credential.Credential{}, nil
}

// revokeToken revokes the token in an entry, and removes the entry. It sets the entry aside first: from then on nobody
// is given the token, even if this process is killed.
func (r *revocation) revokeToken(
	ctx context.Context, held *cachedir.Held, of *account, got credential.Credential,
) error {
	line := removedLine(r.describe(ctx, held.Entry))
	issuer, err := r.revoker.Find(ctx, of.Account)
	if isInterrupted(ctx) {
		return ctx.Err()
	}
	if err == nil && ctx.Err() != nil {
		err = &credential.Error{Class: credential.Unreachable, Err: errors.New("no time is left")}
	}
	if err != nil {
		return clearingError(held.Entry, keptError(held.Entry, err))
	}
	wasAside := held.Aside
	if !wasAside {
		if err := held.SetAside(); err != nil {
			return clearingError(held.Entry, fmt.Errorf("setting it aside: %w", err))
		}
	}
	going, cancel := finishing(ctx)
	defer cancel()
	err = r.revoker.Revoke(going, of.Account, got.Token)
	var sharedErr error
	if err == nil || oauth.Lost(err) {
		sharedErr = r.unshare(going, of, held.Entry, got)
	} else if !wasAside {
		if putBackErr := held.PutBack(); putBackErr != nil {
			r.log().Warn("the credential can't be put back", "cluster", held.ClusterID, "reason", putBackErr)
		}
	}
	if err != nil {
		return clearingError(held.Entry, keptError(held.Entry, err))
	}
	if err := held.Remove(); err != nil {
		return removalError(ctx, held.Entry, fmt.Errorf("its token is revoked, but %w", err))
	}
	fmt.Fprintf(&r.out, "%s; %s confirmed that its token is revoked\n", line, shownURL(issuer))
	return sharedErr
}

// unshare removes a credential from the shared cache, if there is one: other machines shouldn't use it, either.
func (r *revocation) unshare(
	ctx context.Context, of *account, e cachedir.Entry, got credential.Credential,
) error {
	server := r.sharedServer()
	if server == nil {
		return nil
	}
	identity, key, known := of.keyOf(e.ClusterID, e.Expiry)
	if !known {
		return nil // it can't have been shared
	}
	server.Retry()
	if err := server.For(identity).Remove(ctx, key, got); err != nil {
		return advise(credential.Unreachable,
			fmt.Errorf("clearing the cache: the token for cluster %q is revoked, but may still be in the shared cache: %w",
				e.ClusterID, err),
			"'doks-auth cache clear --shared' removes it there")
	}
	return nil
}

// finishTime is how long an interrupted run may go on with a revocation: otherwise its outcome would be unknown.
const finishTime = 2 * time.Second

// finishing returns a context that ends a while after ctx is canceled, but no later than ctx's deadline.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	going, cancel := context.WithCancel(context.WithoutCancel(ctx))
	release := cancel
	if deadline, ok := ctx.Deadline(); ok {
		going, release = context.WithDeadline(going, deadline)
	}
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(finishTime, cancel) })
	return going, func() { stop(); release(); cancel() }
}
