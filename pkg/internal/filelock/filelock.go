// Package filelock takes the operating system's lock on a file: one that ends with its process,
// whatever ends that.
package filelock

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"github.com/gofrs/flock"
)

var (
	// ErrHeld means that somebody else holds the lock.
	ErrHeld = errors.New("somebody else holds the lock")

	// ErrNotAFile means that the path is a pipe's or a device's.
	ErrNotAFile = errors.New("it is not a regular file")
)

// Try takes the lock on the file at path and returns what releases it, or ErrHeld. It creates the file if create is
// set, and never follows a link. Without create, the path may be a directory's, where the system can lock one.
//
// The holder may remove the file: whoever then gets the lock of a file that is gone tries the new one.
func Try(path string, create bool) (unlock func(), err error) {
	flag := flags
	if create {
		flag |= os.O_CREATE
	}
	for range 10 {
		lock := flock.New(path, flock.SetFlag(flag))
		got, err := lock.TryLock()
		if err != nil {
			return nil, err
		}
		if !got {
			return nil, ErrHeld
		}
		// Between opening the file and locking it, it may have been removed, and somebody else may have
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
	minPause = 2 * time.Millisecond
	maxPause = 50 * time.Millisecond
)

// Wait calls try, at least once, until it returns something else than ErrHeld: a blocking lock can't be given up.
// Those who wait get the lock in no order. The error is ctx's when ctx ends.
func Wait(ctx context.Context, try func() (unlock func(), err error)) (unlock func(), err error) {
	for pause := minPause; ; pause = min(2*pause, maxPause) {
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
