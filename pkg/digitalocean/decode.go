package digitalocean

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Answers are decoded here rather than by godo, to distinguish an unusable answer from a missing one, to accept
// unused fields of any type, and to use no more memory for a list than its clusters need.

// decodeError explains why an answer can't be decoded. It shows none of the answer, which may
// contain a secret in the wrong place.
type decodeError struct{ error }

// Unwrap returns the cause.
func (e decodeError) Unwrap() error { return e.error }

func undecodable(format string, args ...any) error { return decodeError{fmt.Errorf(format, args...)} }

// decoding turns an error from encoding/json into a decodeError, and returns a network failure unchanged.
func decoding(err error) error {
	if err == nil || is[readError](err) || is[decodeError](err) {
		return err
	}
	mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case errors.Is(err, errTooLarge):
		return decodeError{errTooLarge}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return undecodable("it is truncated")
	case ok && mismatch.Field != "":
		return undecodable("its field %q is of the wrong type", mismatch.Field)
	case ok:
		return undecodable("it is not a JSON object")
	case is[base64.CorruptInputError](err):
		return undecodable("its certificate data is not base64")
	}
	return undecodable("it is not JSON")
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// decodeOne decodes an answer that must be exactly one JSON value.
func decodeOne(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	if err := d.Decode(v); err != nil {
		return decoding(err)
	}
	return atEnd(d)
}

// atEnd returns an error if anything follows an answer's value.
func atEnd(d *json.Decoder) error {
	_, err := d.Token()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil:
		return undecodable("it is not JSON")
	}
	return decoding(err)
}

// timestamp is a time in the API's format (RFC 3339), or the zero time if null or absent.
type timestamp struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *timestamp) UnmarshalJSON(text []byte) error {
	if err := t.Time.UnmarshalJSON(text); err != nil {
		return undecodable("invalid expires_at")
	}
	return nil
}

// maxText is the maximum length of a string in an answer, in bytes. Names have at most 255 characters.
const maxText = 1 << 10

// checkText returns an error if text is longer than maxText.
func checkText(field, text string) error {
	if len(text) > maxText {
		return undecodable("its field %q is too long", field)
	}
	return nil
}
