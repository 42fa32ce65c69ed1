package execcredential

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// EnvVar is the environment variable that holds the request.
const EnvVar = "KUBERNETES_EXEC_INFO"

const (
	maxRequest = 1 << 20

	// A pipe on which nothing comes is one that nobody writes to: Node.js and Java clients leave one
	// open. One on which something came must not be taken for that because its writer is slow.
	firstByteWithin = 200 * time.Millisecond
	restWithin      = 2 * time.Second
)

// Request is what a client asks of its plugin.
type Request struct {
	Version Version

	// Server is the API server's URL, and Config is what the kubeconfig's cluster holds in its
	// extension "client.authentication.k8s.io/exec", as JSON. Both are empty unless the client was
	// told to pass them, by provideClusterInfo.
	Server string
	Config json.RawMessage
}

// ErrNoRequest says that a reader has no request: it is empty, closed, or silent.
var ErrNoRequest = errors.New("no ExecCredential request")

// execCredential holds those fields of a request that are used. client-go's own types are not
// decoded into, because a field that nobody needs must not make a request unreadable; and
// client-go's LoadExecCredential fails without a cluster.
type execCredential struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Cluster struct {
			Server string          `json:"server"`
			Config json.RawMessage `json:"config"`
		} `json:"cluster"`
	} `json:"spec"`
}

// ParseRequest reads a request. It takes the kinds ExecCredential, ExecCredentials (which the C#
// client sends) and none. Unknown fields are ignored, and all of spec may be absent or null. An
// error is of class Usage.
func ParseRequest(data []byte) (Request, error) {
	var in execCredential
	if err := json.Unmarshal(data, &in); err != nil {
		return Request{}, notARequest(describe(err))
	}
	switch in.Kind {
	case Kind, "ExecCredentials", "":
	default:
		return Request{}, notARequest(fmt.Errorf("its kind is %q", in.Kind))
	}
	if in.APIVersion == "" {
		return Request{}, notARequest(errors.New("it has no apiVersion"))
	}
	if !strings.HasPrefix(in.APIVersion, group+"/") {
		return Request{}, notARequest(fmt.Errorf("its apiVersion is %q", in.APIVersion))
	}
	version, err := ParseVersion(in.APIVersion)
	if err != nil {
		return Request{}, err
	}
	config := in.Spec.Cluster.Config
	if string(config) == "null" {
		config = nil
	}
	return Request{Version: version, Server: in.Spec.Cluster.Server, Config: config}, nil
}

// ReadRequest reads a request from r, which is a plugin's standard input: one JSON object of a
// mebibyte at most, with nothing but white space behind it as far as was read. It doesn't wait for
// the end of r. It fails with ErrNoRequest when r ends, fails, or stays silent for 200 ms, before
// the first byte that isn't white space; an object must be complete within two seconds then. It fails
// with ctx's error when ctx ends.
//
// When it returns early, a goroutine stays behind that waits for r and may read from it.
func ReadRequest(ctx context.Context, r io.Reader) (Request, error) {
	first := make(chan error, 1)
	whole := make(chan error, 1)
	var object json.RawMessage
	go func() {
		limited := &io.LimitedReader{R: r, N: maxRequest}
		in := bufio.NewReader(limited)
		first <- skipSpace(in)
		err := decodeOne(in, &object)
		if err != nil && limited.N <= 0 {
			err = errors.New("it is larger than a mebibyte")
		}
		whole <- err
	}()
	select {
	case err := <-first:
		if err != nil {
			return Request{}, ErrNoRequest
		}
	case <-time.After(firstByteWithin):
		return Request{}, ErrNoRequest
	case <-ctx.Done():
		return Request{}, fmt.Errorf("reading the request: %w", ctx.Err())
	}
	select {
	case err := <-whole:
		if err != nil {
			return Request{}, notARequest(describe(err))
		}
		return ParseRequest(object)
	case <-time.After(restWithin):
		return Request{}, notARequest(fmt.Errorf("it is not complete after %s", restWithin))
	case <-ctx.Done():
		return Request{}, fmt.Errorf("reading the request: %w", ctx.Err())
	}
}

// skipSpace reads the white space that JSON allows before a value.
func skipSpace(in *bufio.Reader) error {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
		default:
			return in.UnreadByte()
		}
	}
}

// decodeOne reads one JSON value, and fails when something else stands behind it.
func decodeOne(in io.Reader, object *json.RawMessage) error {
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(object); err != nil {
		return err
	}
	rest, err := io.ReadAll(decoder.Buffered())
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = errors.New("something follows its JSON object")
	}
	return err
}

// describe returns a decoding error in words that don't need Go.
func describe(err error) error {
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mismatch.Field == "" {
			return fmt.Errorf("it is a JSON %s", mismatch.Value)
		}
		return fmt.Errorf("its field %q is a JSON %s", mismatch.Field, mismatch.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("its JSON ends too early")
	}
	return err
}

func notARequest(err error) error {
	return usageError(fmt.Errorf("reading the request: not an ExecCredential: %w", err),
		"the client passes it in "+EnvVar+"; with --api-version none is needed")
}
