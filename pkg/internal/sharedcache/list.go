package sharedcache

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/sealed"
)

// What bounds a list, which a hostile server needn't end.
const (
	maxNames = 100_000
	listTime = 2 * time.Second
)

// Names returns the names of the credentials on the server, whoever they belong to, and whether these are all. A list
// that is too long, or takes too long, is cut.
func (s *Server) Names(ctx context.Context) (names map[string]bool, all bool, err error) {
	address, err := s.find()
	if err != nil {
		return nil, false, err
	}
	names, cursor := make(map[string]bool), "0"
	for began := time.Now(); len(names) < maxNames && time.Since(began) < listTime; {
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		page, err := redis.Values(s.one("SCAN", cursor, "MATCH", pattern(address.prefix), "COUNT", 1000))
		if err != nil {
			return nil, false, shown(err)
		}
		if len(page) != 2 {
			return nil, false, errList
		}
		next, err := redis.String(page[0], nil)
		if err != nil {
			return nil, false, errList
		}
		found, err := redis.Strings(page[1], nil)
		if err != nil {
			return nil, false, errList
		}
		for _, key := range found {
			if name, ok := strings.CutPrefix(key, address.prefix); ok && sealed.IsName(name) {
				names[name] = true
			}
		}
		if next == "0" {
			return names, true, nil
		}
		cursor = next
	}
	return names, false, nil
}

var errList = errors.New("its list can't be read")

// pattern returns a pattern that matches what begins with prefix.
func pattern(prefix string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(prefix) + "*"
}

// NameOf returns the name that a key's credential has on any server.
func (s *Store) NameOf(key credential.Key) string { return sealed.New(key, s.secret).Name() }

// Drop removes a key's credential, whatever it is, and reports whether there was one.
func (s *Store) Drop(key credential.Key) (bool, error) {
	name, _, err := s.value(key)
	if err != nil {
		return false, err
	}
	n, err := redis.Int(s.server.one("DEL", name))
	return n > 0, shown(err)
}

// Probe asks the server for a sign of life, and returns how long it took once connected.
func (s *Server) Probe() (time.Duration, error) {
	if _, err := s.one("PING"); err != nil { // connects
		return 0, shown(err)
	}
	start := time.Now()
	_, err := s.one("PING")
	return time.Since(start), shown(err)
}
