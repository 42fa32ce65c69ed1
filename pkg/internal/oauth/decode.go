package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// maxText is the maximum length of a text in an answer that isn't a token, in bytes.
const maxText = 1 << 10

var (
	errHTML      = errors.New("it is an HTML page")
	errEmpty     = errors.New("it is empty")
	errTooLarge  = errors.New("it is too large")
	errTruncated = errors.New("it is truncated")
	errNotJSON   = errors.New("it is not JSON")
	errNotObject = errors.New("it is not a JSON object")
)

// fields are the members of a JSON object. They are decoded one by one, so that an odd one that isn't needed
// doesn't make the others unusable.
type fields map[string]json.RawMessage

// decode decodes a body that must be exactly one JSON object. If a name occurs twice, its last value counts. The
// error shows none of the body, which may contain a secret.
func decode(body []byte) (fields, error) {
	var f fields
	err := json.Unmarshal(body, &f)
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return nil, errEmpty
	case isHTML(body):
		return nil, errHTML
	case isMismatch(err), err == nil && f == nil:
		return nil, errNotObject
	case isTruncated(err, body):
		return nil, errTruncated
	case err != nil:
		return nil, errNotJSON
	}
	return f, nil
}

func isHTML(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

func isMismatch(err error) bool {
	_, ok := errors.AsType[*json.UnmarshalTypeError](err)
	return ok
}

// isTruncated reports whether err is a syntax error at the end of body, where more was expected.
func isTruncated(err error, body []byte) bool {
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	return ok && syntax.Offset == int64(len(body)) && strings.HasPrefix(syntax.Error(), "unexpected end")
}

// text returns a text, or "" if it is absent or of another type.
func (f fields) text(name string) string {
	text, _ := f.textOrError(name)
	return text
}

// textOrError returns a text, or "" if it is absent or null.
func (f fields) textOrError(name string) (string, error) {
	var text string
	if raw, ok := f[name]; ok && json.Unmarshal(raw, &text) != nil {
		return "", fmt.Errorf("its field %q is of the wrong type", name)
	}
	return text, nil
}

// shortText returns the beginning of a text.
func (f fields) shortText(name string) string {
	text := f.text(name)
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}
