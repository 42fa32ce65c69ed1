package digitalocean

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Answers are decoded here and not by godo: what arrived and can't be used is told apart from what didn't
// arrive; fields that aren't used may be of any kind; and a list takes no more memory than its clusters.

// decodeError is what is wrong with an answer that arrived. It says nothing of what was decoded, which may
// be a secret in the wrong place.
type decodeError struct{ error }

// Unwrap returns the cause.
func (e decodeError) Unwrap() error { return e.error }

func undecodable(format string, args ...any) error { return decodeError{fmt.Errorf(format, args...)} }

// decoding makes an error of encoding/json a decodeError; a failure of the network it returns as it is.
func decoding(err error) error {
	if err == nil || is[readError](err) || is[decodeError](err) {
		return err
	}
	mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case errors.Is(err, errTooLarge):
		return decodeError{errTooLarge}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return undecodable("it ends too early")
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

// decodeOne decodes an answer that is one JSON value, and nothing else.
func decodeOne(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	if err := d.Decode(v); err != nil {
		return decoding(err)
	}
	return atEnd(d)
}

// atEnd reports what stands after an answer's value.
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

// timestamp is a time as the API writes it (RFC 3339); zero when it is null or absent.
type timestamp struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *timestamp) UnmarshalJSON(text []byte) error {
	if err := t.Time.UnmarshalJSON(text); err != nil {
		return undecodable("its time of expiry is not a time")
	}
	return nil
}

// maxText bounds the texts that are taken from an answer, in bytes. Names have 255 characters at most.
const maxText = 1 << 10

// checkText reports a text that is longer.
func checkText(field, text string) error {
	if len(text) > maxText {
		return undecodable("its field %q is too long", field)
	}
	return nil
}
