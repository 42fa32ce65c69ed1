// Package show makes values that may be secrets in the wrong place fit to show to people: it shows only what is
// known to be harmless.
package show

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// shownURL matches an address whose scheme, host and port are safe to show. Userinfo may be
// anything that can't be mistaken for the host. It is compiled only when needed.
const shownURL = `^([a-zA-Z][a-zA-Z0-9+.-]*://)?(?:[^/?#\\@\s]*@)?` +
	`((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?)(?:/[A-Za-z0-9._~/-]*)?$`

// URL returns an address's scheme, host and port, quoted and safe to show. It shows nothing of an address
// that isn't clearly of that form: a password may be anywhere in it.
func URL(address string) string {
	parts := regexp.MustCompile(shownURL).FindStringSubmatch(address)
	isLong := func(label string) bool { return len(label) > MaxWord }
	if parts == nil || slices.ContainsFunc(strings.Split(parts[2], "."), isLong) {
		return "(not shown: it is not of the form https://host:port)"
	}
	return `"` + parts[1] + parts[2] + `"`
}

// MaxWord is the longest word that is shown, and the longest part of a host's name, in bytes. An access token
// has 71 characters.
const MaxWord = 63

// shownWord matches a word that is safe to show, if it isn't too long. It is compiled only when needed.
const shownWord = `^[A-Za-z0-9+./:@_-]*$`

// Word returns text, quoted and safe to show, if it is a plain word, as names are. It shows nothing of
// any other text, which may be a secret in the wrong place.
func Word(text string) string {
	if !regexp.MustCompile(shownWord).MatchString(text) {
		return "(not shown: it is not a plain word)"
	}
	if len(text) > MaxWord {
		return "(not shown: it is too long)"
	}
	return strconv.Quote(text)
}

// Path returns a file's path, quoted and safe to show. It shows nothing of a path with a name so long that it may
// be a secret in the wrong place.
func Path(path string) string {
	for part := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if len(part) > MaxWord {
			return "(not shown: a name in it is too long)"
		}
	}
	return strconv.Quote(path)
}

// Reason returns the cause of a file system's error, without the paths, which the message already has.
func Reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
