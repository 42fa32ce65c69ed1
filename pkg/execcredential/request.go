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
)

// EnvVar is the environment variable that holds the request.
const EnvVar = "KUBERNETES_EXEC_INFO"

const (
	maxRequest = 1 << 20

	// A pipe on which nothing comes is one that nobody writes to: Node.js and Java clients leave one
	// open. One on which something came must not be taken for that because its writer is slow.
	firstByteWithin = time.Second
	restWithin      = 2 * time.Second
)

// Request is what a client asks of its plugin.
type Request struct {
	Version Version

	// Target is where the client is about to send the credential, and Config is what the kubeconfig's
	// cluster holds in its extension "client.authentication.k8s.io/exec", as JSON. Both are empty unless
	// the client was told to pass them, by provideClusterInfo.
	Target credential.Target
	Config json.RawMessage

	// CertificateAuthorityFile is in the place of Target.CertificateAuthority in requests of clients that
	// pass the kubeconfig's cluster on as it is (Python's). A path may be relative to that kubeconfig.
	CertificateAuthorityFile string
}

// ErrNoRequest says that there is no request: standard input is empty, closed, or silent so far.
var ErrNoRequest = errors.New("no ExecCredential request")

// execCredential holds those fields of a request that are used. client-go's own types are not
// decoded into, because a field that nobody needs must not make a request unreadable; and
// client-go's LoadExecCredential fails without a cluster.
type execCredential struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Cluster struct {
			Server                   string          `json:"server"`
			TLSServerName            string          `json:"tls-server-name"`
			InsecureSkipTLSVerify    bool            `json:"insecure-skip-tls-verify"`
			CertificateAuthority     []byte          `json:"certificate-authority-data"`
			CertificateAuthorityFile string          `json:"certificate-authority"`
			Config                   json.RawMessage `json:"config"`
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
		return Request{}, notARequest(fmt.Errorf("its kind is %s", credential.ShowWord(in.Kind)))
	}
	if in.APIVersion == "" {
		return Request{}, notARequest(errors.New("it has no apiVersion"))
	}
	if !strings.HasPrefix(in.APIVersion, group+"/") {
		return Request{}, notARequest(fmt.Errorf("its apiVersion is %s", credential.ShowWord(in.APIVersion)))
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
	}
	if string(cluster.Config) != "null" {
		request.Config = cluster.Config
	}
	if len(cluster.CertificateAuthority) == 0 { // data outranks the file, as in a kubeconfig
		request.CertificateAuthorityFile = cluster.CertificateAuthorityFile
	}
	return request, nil
}

// Reader reads a request from a plugin's standard input: one JSON object of a mebibyte at most, with
// nothing but white space behind it as far as was read. It doesn't wait for the end of its input.
type Reader struct {
	first  chan error // closed at the first byte that isn't white space; an error where none comes
	whole  chan error // when object is complete, or can't be
	object json.RawMessage
}

// NewReader returns a Reader of r, and begins to read. The goroutine that reads stays behind until r
// ends or the object is complete; nothing ends it before.
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
			err = errors.New("it is larger than a mebibyte")
		}
		in.whole <- err
	}()
	return in
}

// Read waits for the request. It fails with ErrNoRequest when the input ends, fails, or stays silent for
// a second, before the first byte that isn't white space; the object must be complete within two seconds
// then. It fails with ctx's error when ctx ends. Errors about the request are of class Usage.
//
// Silence is not proof that nothing will come: see [Reader.Late].
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

// Late returns a request of which something has come since Read failed with ErrNoRequest, and else fails
// with that again. It waits for nothing but the rest of what has come. Called right before a credential
// is written, it leaves a moment in which a request can still come unseen.
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

// rest waits for the rest of a request that has begun.
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
	if _, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return errors.New("its certificate-authority-data is not base64")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("its JSON ends too early")
	}
	return err
}

func notARequest(err error) error {
	return &credential.Error{Class: credential.Usage, Err: fmt.Errorf("reading the request: %w: %w", ErrNotRequest, err)}
}
