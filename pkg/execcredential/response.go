package execcredential

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// response holds the fields of an ExecCredential that a plugin answers with, in the order in which
// client-go writes them. Its own types would bring in apimachinery, which costs each kubectl more than all
// else that a plugin does; a test holds the two against each other, byte for byte.
type response struct {
	Kind       string  `json:"kind"`
	APIVersion Version `json:"apiVersion"`
	Spec       struct {
		Interactive bool `json:"interactive"`
	} `json:"spec"`
	Status struct {
		ExpirationTimestamp string `json:"expirationTimestamp,omitempty"`
		Token               string `json:"token,omitempty"`
		ClientCertificate   string `json:"clientCertificateData,omitempty"`
		ClientKey           string `json:"clientKeyData,omitempty"`
	} `json:"status"`
}

// WriteResponse writes the response that carries c, as one line of JSON in one write.
//
// It carries the token, or else the client certificate with its key, never both: clients would
// prefer different ones. expirationTimestamp is c.UseUntil(now), so that a long-running client asks
// again before the cluster refuses the credential. What is unknown is left out, since some clients
// take an empty string for a value. Nothing is written when WriteResponse fails before the write.
func WriteResponse(w io.Writer, version Version, c credential.Credential, now time.Time) error {
	out := response{Kind: Kind, APIVersion: version}
	switch {
	case !c.Token.IsZero():
		out.Status.Token = c.Token.Reveal()
	case len(c.ClientCertificate) > 0 && !c.ClientKey.IsZero():
		out.Status.ClientCertificate = string(c.ClientCertificate)
		out.Status.ClientKey = c.ClientKey.Reveal()
	default:
		return errors.New("the credential holds neither a token nor a client certificate with its key")
	}
	if until := c.UseUntil(now); !until.IsZero() {
		out.Status.ExpirationTimestamp = until.UTC().Format(time.RFC3339)
	}
	line, err := json.Marshal(out)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}
