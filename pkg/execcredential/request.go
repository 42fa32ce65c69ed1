package execcredential

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// EnvVar is the environment variable that holds the request.
const EnvVar = "KUBERNETES_EXEC_INFO"

const (
	maxRequest = 1 << 20

	// Nothing within firstByteWithin means that nobody writes to the pipe: Node.js and Java clients leave one
	// open. Once something has arrived, a slow writer must not be mistaken for that.
	firstByteWithin = time.Second
	restWithin      = 2 * time.Second
)

// Request is a client's request to its plugin.
type Request struct {
	Version Version

	// Target is where the client will send the credential. Config is the cluster's extension
	// "client.authentication.k8s.io/exec" in the kubeconfig, as JSON. Both are empty unless
	// the kubeconfig sets provideClusterInfo.
	Target credential.Target
	Config json.RawMessage

	// CertificateAuthorityFile replaces Target.CertificateAuthority in requests of clients that
	// pass the kubeconfig's cluster unchanged (Python's). The path may be relative to that kubeconfig.
	CertificateAuthorityFile string

	// ProxyURL is the proxy that the client uses for the cluster; "": the environment's, if any.
	ProxyURL string
}

// ErrNoRequest means that there is no request: standard input is empty, closed, or silent so far.
var ErrNoRequest = errors.New("no ExecCredential request")

// execCredential holds the fields of a request that are used. It isn't one of client-go's types,
// because an unused field must not make a request unreadable, and
// client-go's LoadExecCredential fails without a cluster.
type execCredential struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Cluster cluster `json:"cluster"`
	} `json:"spec"`
}

type cluster struct {
	Server                   string
	TLSServerName            string
	InsecureSkipTLSVerify    bool
	CertificateAuthority     []byte
	CertificateAuthorityFile string
	Config                   json.RawMessage
	ProxyURL                 string
}

// UnmarshalJSON implements json.Unmarshaler. Unlike encoding/json, it distinguishes upper and lower case in names.
// Clients do, too, and Python's passes on everything that the kubeconfig says: a stranger's could name the server
// that we check in a field SERVER, and the one that the client calls in server.
func (c *cluster) UnmarshalJSON(text []byte) error {
	var said map[string]json.RawMessage
	if err := json.Unmarshal(text, &said); err != nil {
		return err
	}
	for _, field := range []struct {
		name  string
		value any
	}{
		{"server", &c.Server},
		{"tls-server-name", &c.TLSServerName},
		{"insecure-skip-tls-verify", &c.InsecureSkipTLSVerify},
		{"certificate-authority-data", &c.CertificateAuthority},
		{"certificate-authority", &c.CertificateAuthorityFile},
		{"config", &c.Config},
	} {
		if said[field.name] == nil {
			continue
		}
		err := json.Unmarshal(said[field.name], field.value)
		if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			mismatch.Field = field.name
		}
		if err != nil {
			return err
		}
	}
	_ = json.Unmarshal(said["proxy-url"], &c.ProxyURL) // nothing depends on it
	return nil
}

// ParseRequest parses a request. It accepts the kinds ExecCredential, ExecCredentials (which the C#
// client sends) and none. It ignores unknown fields, among them a cluster's fields in another case, and spec and its
// fields may be absent or null. Errors have class Usage.
func ParseRequest(data []byte) (Request, error) {
	var in execCredential
	if err := json.Unmarshal(data, &in); err != nil {
		return Request{}, notARequest(describe(err))
	}
	switch in.Kind {
	case Kind, "ExecCredentials", "":
	default:
		return Request{}, notARequest(fmt.Errorf("its kind is %s", show.Word(in.Kind)))
	}
	if in.APIVersion == "" {
		return Request{}, notARequest(errors.New("it has no apiVersion"))
	}
	if !strings.HasPrefix(in.APIVersion, group+"/") {
		return Request{}, notARequest(fmt.Errorf("its apiVersion is %s", show.Word(in.APIVersion)))
	}
	version, err := ParseVersion(in.APIVersion)
	if err != nil {
		return Request{}, err
	}
	cluster := in.Spec.Cluster
	request := Request{
		Version: version,
		Target: credential.Target{
			Server:                cluster.Server,
			TLSServerName:         cluster.TLSServerName,
			InsecureSkipTLSVerify: cluster.InsecureSkipTLSVerify,
			CertificateAuthority:  cluster.CertificateAuthority,
		},
		ProxyURL: cluster.ProxyURL,
	}
	if string(cluster.Config) != "null" {
		request.Config = cluster.Config
	}
	if len(cluster.CertificateAuthority) == 0 { // data takes precedence over the file, as in a kubeconfig
		request.CertificateAuthorityFile = cluster.CertificateAuthorityFile
	}
	return request, nil
}

// Reader reads a request from a plugin's standard input: one JSON object of at most 1 MiB, followed by
// nothing but white space as far as it has read. It doesn't wait for the end of its input.
type Reader struct {
	first  chan error // closed at the first byte that isn't white space; else the read error
	whole  chan error // receives nil once object is complete, else the error
	object json.RawMessage
}

// NewReader returns a Reader that reads from r, and starts reading in a goroutine. The goroutine runs until the
// object is complete or r fails or ends; it can't be stopped before.
func NewReader(r io.Reader) *Reader {
	in := &Reader{first: make(chan error, 1), whole: make(chan error, 1)}
	go func() {
		limited := &io.LimitedReader{R: r, N: maxRequest}
		buffered := bufio.NewReader(limited)
		if err := skipSpace(buffered); err != nil {
			in.first <- err
			return
		}
		close(in.first)
		err := decodeOne(buffered, &in.object)
		if err != nil && limited.N <= 0 {
			err = errors.New("it is larger than 1 MiB")
		}
		in.whole <- err
	}()
	return in
}

// Read waits for the request. It returns ErrNoRequest if the input ends, fails or stays silent for
// a second before the first byte that isn't white space. After that byte, the object must be complete within two
// seconds. Read returns ctx's error if ctx ends first. Errors about the request have class Usage.
//
// A silent input may still bring a request later: see [Reader.Late].
func (r *Reader) Read(ctx context.Context) (Request, error) {
	silence := time.NewTimer(firstByteWithin)
	defer silence.Stop()
	select {
	case err := <-r.first:
		if err != nil {
			return Request{}, ErrNoRequest
		}
		return r.rest(ctx)
	case <-silence.C:
		return Request{}, ErrNoRequest
	case <-ctx.Done():
		return Request{}, fmt.Errorf("reading the request: %w", ctx.Err())
	}
}

// Late returns a request that has started to arrive since Read returned ErrNoRequest, or ErrNoRequest
// again if none has. It waits only for the rest of a request that has started. Even if Late is called right
// before a credential is written, a request that arrives in between goes unnoticed.
func (r *Reader) Late(ctx context.Context) (Request, error) {
	select {
	case err := <-r.first:
		if err != nil {
			return Request{}, ErrNoRequest
		}
		return r.rest(ctx)
	default:
		return Request{}, ErrNoRequest
	}
}

// rest waits for the rest of a request that has started to arrive.
func (r *Reader) rest(ctx context.Context) (Request, error) {
	slow := time.NewTimer(restWithin)
	defer slow.Stop()
	select {
	case err := <-r.whole:
		if err != nil {
			return Request{}, notARequest(describe(err))
		}
		return ParseRequest(r.object)
	case <-slow.C:
		return Request{}, notARequest(fmt.Errorf("it is incomplete after %s", restWithin))
	case <-ctx.Done():
		return Request{}, fmt.Errorf("reading the request: %w", ctx.Err())
	}
}

// skipSpace skips the white space that JSON allows before a value, and a byte order mark, with which PowerShell may
// begin.
func skipSpace(in *bufio.Reader) error {
	const mark = "\uFEFF"
	for {
		next, err := in.Peek(1)
		if err != nil {
			return err
		}
		switch next[0] {
		case ' ', '\t', '\r', '\n':
			in.Discard(1)
		case mark[0]:
			if start, _ := in.Peek(len(mark)); string(start) != mark {
				return nil
			}
			in.Discard(len(mark))
		default:
			return nil
		}
	}
}

// decodeOne decodes one JSON value and fails if other data follows it.
func decodeOne(in io.Reader, object *json.RawMessage) error {
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(object); err != nil {
		return err
	}
	rest, err := io.ReadAll(decoder.Buffered())
	if err == nil && len(bytes.TrimSpace(rest)) > 0 {
		err = errors.New("there is data after its JSON object")
	}
	return err
}

// describe rewords a decoding error for people who don't know Go.
func describe(err error) error {
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mismatch.Field == "" {
			return fmt.Errorf("it is a JSON %s", mismatch.Value)
		}
		return fmt.Errorf("its field %q is a JSON %s", mismatch.Field, mismatch.Value)
	}
	if _, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return errors.New("its certificate-authority-data is not base64")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("its JSON is truncated")
	}
	return err
}

func notARequest(err error) error {
	return &credential.Error{
		Class: credential.Usage,
		Err:   fmt.Errorf("reading the request: %w: %w", ErrNotRequest, err),
	}
}
