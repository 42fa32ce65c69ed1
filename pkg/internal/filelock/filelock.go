// Package filelock takes the operating system's lock on a file, which is released however its process ends.
package filelock

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"
)

var (
	// ErrHeld means that the lock is held elsewhere.
	ErrHeld = errors.New("somebody else holds the lock")

	// ErrNotAFile means that the path names a pipe or a device.
	ErrNotAFile = errors.New("it is not a regular file")
)

// Try takes the lock on the file at path and returns a function that releases it, or ErrHeld. If create is set, it
// creates a missing file, private to this user. It doesn't follow links. Without create, path may be a directory, where
// the system and the file system can lock one.
//
// The holder may remove the file. If Try gets the lock on a file that is gone, it tries the new one.
func Try(path string, create bool) (unlock func(), err error) {
	for range 10 {
		lock := newLock(path, create)
		got, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if !got {
			return nil, ErrHeld
		}
		// Between opening the file and locking it, it may have been removed, and another process may have
		// locked a new one.
		mine, err := lock.Stat()
		if err == nil && !mine.Mode().IsRegular() && !mine.IsDir() {
			lock.Unlock()
			return nil, ErrNotAFile
		}
		if err == nil {
			if now, err := os.Lstat(path); err == nil && os.SameFile(mine, now) {
				return func() { lock.Unlock() }, nil
			}
		}
		lock.Unlock()
	}
	return nil, errors.New("the lock's file is another one each time")
}

const (
	firstPause = 2 * time.Millisecond // doubled up to longPause
	longPause  = 50 * time.Millisecond
	maxPause   = 250 * time.Millisecond // for a caller that has waited a long time
)

// Wait calls try, at least once, until its error isn't ErrHeld or ctx ends, in which case it returns ctx's error. It
// polls because waiting in the system's own call can't be canceled. The longer a caller has waited, the less often it
// tries, so that a thousand callers don't starve the process that they wait for. Waiting callers get the lock in no
// particular order.
func Wait(ctx context.Context, try func() (unlock func(), err error)) (unlock func(), err error) {
	start := time.Now()
	for pause := firstPause; ; pause = min(2*pause, max(longPause, min(time.Since(start)/8, maxPause))) {
		unlock, err := try()
		if !errors.Is(err, ErrHeld) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}
