package accounts

import (
	"context"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// reserve implements keeper.
func (k *doctlSession) reserve(ctx context.Context, s session) (reservation, error) {
	key, err := k.stateKey(ctx)
	var place *statedir.Reservation
	if err == nil {
		place, err = k.state().Reserve(k.record())
	}
	if err != nil && checkWritable(k.path) != nil {
		return nil, err
	}
	if err != nil {
		k.log().Warn("the session will be kept in doctl's configuration only", "reason", err)
	}
	_, spent := k.copied()
	return &doctlReservation{k, s, spent, key, place}, nil
}

// doctlReservation is a reservation for a doctl session.
type doctlReservation struct {
	*doctlSession

	old   session
	spent []string
	key   []byte
	place *statedir.Reservation // nil: only doctl's file can be written
}

// keep implements reservation.
func (r *doctlReservation) keep(next session, user oauth.User) error {
	var err error
	if !next.Refresh.Equal(r.old.Refresh) {
		r.spent = append(r.spent, credential.Identity(r.old.Refresh))
		r.spent = r.spent[max(0, len(r.spent)-maxSpent):]
	}
	if r.place != nil {
		var sealed []byte
		if sealed, err = statedir.Seal(r.key, r.record(), next.encode()); err == nil {
			err = r.place.Write(sessionRecord{sealed, r.spent})
		}
	}
	r.inherit(r.old, next, user)
	fileErr := updateDoctl(r.path, r.context, next, func(file session) bool {
		return file.Refresh.Equal(r.old.Refresh) || slices.Contains(r.spent, credential.Identity(file.Refresh))
	})
	if r.place != nil && err == nil {
		if fileErr != nil {
			r.log().Warn("doctl's configuration keeps a session that has been replaced", "reason", fileErr)
		}
		return nil
	}
	return fileErr
}

// close implements reservation.
func (r *doctlReservation) close() {
	if r.place != nil {
		r.place.Close()
	}
}

// inherit records whose the next session is: it has the account of the one that it replaces, or else the one that the
// authorization server names.
func (k *doctlSession) inherit(old, next session, user oauth.User) {
	record, err := k.bearer(k.api, old.Access)
	if err != nil {
		record, err = k.bearer(k.api, old.Refresh)
	}
	switch {
	case err == nil && record.isKnown() && slices.Equal(scopesOf(record.Scope), scopesOf(next.Scope)):
	case user.UUID != "" && user.TeamUUID != "":
		root, err := k.state().Random(context.Background(),
			who{api: k.api, user: user.UUID, team: user.TeamUUID, scope: next.Scope}.record())
		if err != nil {
			return
		}
		record = bearerRecord{Root: root, Scope: next.Scope}
	default:
		return
	}
	record.Spent = false
	k.remember(k.api, next, record)
	record.Spent = true
	if err := k.state().Write(bearerName(k.api, old.Access), record); err != nil {
		k.log().Warn("the bearer can't be remembered", "reason", err)
	}
}
