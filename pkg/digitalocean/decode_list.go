package digitalocean

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// maxValue is the maximum size of one value in a list, in bytes: a cluster with all its nodes.
const maxValue = 4 << 20

// listDecoder decodes a list while it arrives, one value at a time.
type listDecoder struct {
	*json.Decoder
	in *window
}

// window is a reader that fails if more than maxValue is read for one value.
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

// next decodes the next value into v; field is for errors.
func (d *listDecoder) next(field string, v any) error {
	d.in.left = maxValue
	err := d.Decode(v)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		mismatch.Field = strings.TrimSuffix(field+"."+mismatch.Field, ".")
	}
	return decoding(err)
}

// token returns the next token, which is nil for null.
func (d *listDecoder) token() (json.Token, error) {
	d.in.left = maxValue
	token, err := d.Token()
	return token, decoding(err)
}

// decodePage decodes a page of clusters, calls add for each, and reports whether
// there are more pages.
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
	if _, err := d.token(); err != nil { // the closing brace
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

// links reports whether there are more pages.
func (d *listDecoder) links() (bool, error) {
	var links struct {
		Pages struct {
			Next string `json:"next"`
		} `json:"pages"`
	}
	err := d.next("links", &links)
	return links.Pages.Next != "", err
}
