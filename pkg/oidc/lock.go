package oidc

import (
	"context"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// update calls change with the record as it is now, and lets nobody else change it meanwhile.
func (s *Session) update(ctx context.Context, change func(*record) error) error {
	unlock, err := s.lockRecord(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.read()
	if err != nil {
		return err
	}
	return change(r)
}

// lockRecord waits for the lock that whoever changes the session's record holds: nobody for long.
func (s *Session) lockRecord(ctx context.Context) (unlock func(), err error) {
	return s.lock(ctx, s.recordName(), "waiting for another process that uses the session")
}

// lockSignIn waits for the lock that whoever has somebody sign in holds, and says so if that takes long.
func (s *Session) lockSignIn(ctx context.Context, way Way) (unlock func(), err error) {
	return s.lockLong(ctx, way, s.recordName()+"-sign-in")
}

// lockLong waits for a lock that another process holds while somebody signs in.
func (s *Session) lockLong(ctx context.Context, way Way, name string) (unlock func(), err error) {
	const doing = "waiting for another process that is signing in"
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	unlock, err = s.lock(short, name, doing)
	if err == nil || short.Err() == nil || ctx.Err() != nil {
		return unlock, err
	}
	if way.Out != nil {
		fmt.Fprintln(way.Out, "Waiting for another process that is signing in.")
	}
	return s.lock(ctx, name, doing)
}

func (s *Session) lock(ctx context.Context, name, doing string) (unlock func(), err error) {
	unlock, err = s.sessions.state().Lock(ctx, name)
	switch {
	case err == nil:
		return unlock, nil
	case ctx.Err() != nil:
		return nil, s.failed(doing, inTime(ctx, err))
	}
	return nil, &KeepError{show.Reason(err)}
}
