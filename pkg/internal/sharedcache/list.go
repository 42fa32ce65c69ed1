package sharedcache

import (
	"errors"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/sealed"
)

// maxNames bounds how many credentials are listed.
const maxNames = 100_000

// Names returns the names of all credentials on the server, whoever they belong to. A list that is too long is cut.
func (s *Server) Names() (map[string]bool, error) {
	names, cursor := make(map[string]bool), "0"
	for {
		page, err := redis.Values(s.one("SCAN", cursor, "MATCH", pattern(s.address.prefix), "COUNT", 1000))
		if err != nil {
			return nil, shown(err)
		}
		if len(page) != 2 {
			return nil, errors.New("its list can't be read")
		}
		next, err := redis.String(page[0], nil)
		if err != nil {
			return nil, errors.New("its list can't be read")
		}
		found, err := redis.Strings(page[1], nil)
		if err != nil {
			return nil, errors.New("its list can't be read")
		}
		before := len(names)
		for _, key := range found {
			if name, ok := strings.CutPrefix(key, s.address.prefix); ok && sealed.IsName(name) {
				names[name] = true
			}
		}
		// A hostile server's list needn't end.
		if next == "0" || len(names) >= maxNames || next == cursor && len(names) == before {
			return names, nil
		}
		cursor = next
	}
}

// pattern returns a pattern that matches what begins with prefix.
func pattern(prefix string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(prefix) + "*"
}

// NameOf returns the name that a key's credential has on any server.
func (s *Store) NameOf(key credential.Key) string { return sealed.New(key, s.secret).Name() }

// Drop removes a key's credential, whatever it is, and reports whether there was one.
func (s *Store) Drop(key credential.Key) (bool, error) {
	name, _ := s.value(key)
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

// Address returns the server's address, which shows no secret.
func (s *Server) Address() Address { return s.address }
