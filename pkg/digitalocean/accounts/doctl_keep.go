package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// reserve implements keeper.
func (k *doctlSession) reserve(ctx context.Context, s session) (reservation, error) {
	r := &doctlReservation{doctlSession: k, old: s}
	err := r.reserveState(ctx)
	if err == nil {
		return r, nil
	}
	if k.checkEditable(s) != nil {
		return nil, err
	}
	k.sources.log().Warn("the session will be kept in doctl's configuration only", "reason", err)
	return r, nil
}

// checkEditable returns an error unless doctl's configuration can be changed.
func (k *doctlSession) checkEditable(s session) error {
	file, err := openDoctl(k.path)
	if err != nil {
		return err
	}
	if _, err := file.with(k.Context, s); err != nil {
		return err
	}
	return checkWritable(k.path)
}

// doctlReservation is a reservation for a doctl session.
type doctlReservation struct {
	*doctlSession

	old   session
	name  string // of the session's record
	key   []byte
	place *statedir.Reservation // nil: only doctl's file can be written
}

// reserveState makes sure that the state directory can take what a refresh returns, and that the refresh token leads to
// it.
func (r *doctlReservation) reserveState(ctx context.Context) error {
	_, name, err := r.newest(ctx, r.old)
	if err != nil {
		return err
	}
	if name == "" {
		name = r.newName()
	}
	key, err := r.sources.stateKey(ctx)
	if err != nil {
		return err
	}
	place, err := r.sources.state().Reserve(name)
	if err != nil {
		return err
	}
	if err := r.sources.state().Write(refreshName(r.old.Refresh), refreshRecord{name}); err != nil {
		place.Close()
		return err
	}
	r.name, r.key, r.place = name, key, place
	return nil
}

// newName returns the name of a record for a session without one. Sessions of one account in one place share a record,
// so that all their earlier refresh tokens lead to the newest.
func (r *doctlReservation) newName() string {
	record, err := r.sources.bearer(r.API, r.old.Access)
	if err != nil || len(record.Root) == 0 {
		return sessionsFolder + strings.ToLower(rand.Text())
	}
	place := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", r.path, r.Context, record.Root))
	return sessionsFolder + hex.EncodeToString(place[:16])
}

// keep implements reservation.
func (r *doctlReservation) keep(ctx context.Context, next session) error {
	var err error
	if r.place != nil {
		var sealed []byte
		if sealed, err = statedir.Seal(r.key, r.name, next.encode()); err == nil {
			err = r.place.Write(sessionRecord{sealed})
		}
		if err == nil {
			err = r.sources.state().Write(refreshName(next.Refresh), refreshRecord{r.name})
		}
	}
	r.inherit(next)
	fileErr := updateDoctl(r.path, r.Context, next, func(file session) bool {
		if file.Refresh.Equal(r.old.Refresh) {
			return true
		}
		newest, name, err := r.newest(ctx, file)
		return err == nil && name != "" && newest.Refresh.Equal(next.Refresh)
	})
	if r.place == nil || err != nil {
		return fileErr
	}
	if fileErr != nil {
		r.sources.log().Warn("doctl's configuration keeps a session that has been refreshed", "reason", fileErr)
	}
	return nil
}

// close implements reservation.
func (r *doctlReservation) close() {
	if r.place != nil {
		r.place.Close()
	}
}

// inherit records that the next session has the account of the one that it replaces, if that is known.
func (r *doctlReservation) inherit(next session) {
	record, err := r.sources.bearer(r.API, r.old.Access)
	if err != nil {
		record, err = r.sources.bearer(r.API, r.old.Refresh)
	}
	if err != nil || !record.isKnown() || !slices.Equal(scopesOf(record.Scope), scopesOf(next.Scope)) {
		return
	}
	record.Spent = false
	r.sources.remember(r.API, next, record)
	record.Spent = true
	r.sources.remember(r.API, session{Access: r.old.Access}, record)
}
