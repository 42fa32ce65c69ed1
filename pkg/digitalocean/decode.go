package digitalocean

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
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

// maxValue bounds one value of a list, in bytes: a cluster, with all its nodes.
const maxValue = 4 << 20

// listDecoder decodes a list as it arrives, one value after the other.
type listDecoder struct {
	*json.Decoder
	in *window
}

// window is a reader that fails when more is read between two values than one value may have.
type window struct {
	io.Reader
	left int
}

// Read implements io.Reader.
func (w *window) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, errTooLarge
	}
	n, err := w.Reader.Read(p[:min(len(p), w.left)])
	w.left -= n
	return n, err
}

func newListDecoder(r io.Reader) *listDecoder {
	in := &window{r, maxValue}
	return &listDecoder{json.NewDecoder(in), in}
}

// next decodes the next value, which is in that field.
func (d *listDecoder) next(field string, v any) error {
	d.in.left = maxValue
	err := d.Decode(v)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		mismatch.Field = strings.TrimSuffix(field+"."+mismatch.Field, ".")
	}
	return decoding(err)
}

// token returns the next token; it is nil for null.
func (d *listDecoder) token() (json.Token, error) {
	d.in.left = maxValue
	token, err := d.Token()
	return token, decoding(err)
}

// decodePage decodes a page of a list of clusters, which it passes to add one by one, and tells whether
// there is another page.
func decodePage(r io.Reader, add func(Cluster) error) (more bool, err error) {
	d := newListDecoder(r)
	switch start, err := d.token(); {
	case err != nil:
		return false, err
	case start != json.Delim('{'):
		return false, undecodable("it is not a JSON object")
	}
	listed := false
	for d.More() {
		name, err := d.token()
		if err != nil {
			return false, err
		}
		switch name {
		case "kubernetes_clusters":
			listed = true
			err = d.clusters(add)
		case "links":
			more, err = d.links()
		default:
			var ignored json.RawMessage
			err = d.next("", &ignored)
		}
		if err != nil {
			return false, err
		}
	}
	if _, err := d.token(); err != nil { // the end of the object
		return false, err
	}
	if !listed {
		return false, undecodable("it holds no list of clusters")
	}
	return more, atEnd(d.Decoder)
}

// clusters decodes the clusters of a page.
func (d *listDecoder) clusters(add func(Cluster) error) error {
	switch start, err := d.token(); {
	case err != nil || start == nil:
		return err
	case start != json.Delim('['):
		return undecodable("its field %q is of the wrong type", "kubernetes_clusters")
	}
	for d.More() {
		var answer clusterAnswer
		if err := d.next("kubernetes_clusters", &answer); err != nil {
			return err
		}
		cluster, err := answer.cluster()
		if err == nil {
			err = add(cluster)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.token()
	return err
}

// links tells whether there is a page after this one.
func (d *listDecoder) links() (bool, error) {
	var links struct {
		Pages struct {
			Next string `json:"next"`
		} `json:"pages"`
	}
	err := d.next("links", &links)
	return links.Pages.Next != "", err
}
