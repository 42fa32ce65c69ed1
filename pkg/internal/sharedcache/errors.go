package sharedcache

import (
	"errors"
	"slices"
	"strings"

	"github.com/gomodule/redigo/redis"
)

// code returns the first word of a server's error, which says what kind it is.
func code(e redis.Error) string {
	word, _, _ := strings.Cut(string(e), " ")
	return word
}

// isUnusable reports whether a server's error is about everything that it could be asked: it is starting, failing over,
// or doesn't know us.
func isUnusable(e redis.Error) bool {
	return slices.Contains([]string{"LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS", "BUSY", "CLUSTERDOWN", "MOVED"}, code(e))
}

// isDenial reports whether a server's error is its answer to somebody who hasn't signed in, or may not do that.
func isDenial(e redis.Error) bool { return code(e) == "NOAUTH" || code(e) == "NOPERM" }

// shown returns an error without a server's own words, which may quote what it was sent, or anything.
func shown(err error) error {
	e, ok := errors.AsType[redis.Error](err)
	if !ok {
		return err
	}
	switch code(e) {
	case "NOAUTH", "WRONGPASS":
		return errors.New("it refuses the user or the password")
	case "NOPERM":
		return errors.New("the user may not do that")
	case "OOM":
		return errors.New("it is full")
	case "READONLY":
		return errors.New("it is read-only")
	case "LOADING", "MASTERDOWN", "BUSY", "CLUSTERDOWN":
		return errors.New("it is starting, or failing over")
	case "MOVED":
		return errors.New("it is a part of a cluster, which isn't supported")
	}
	return errors.New("it answers with an error")
}
