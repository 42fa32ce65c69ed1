package execcredential

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// response holds the fields of an ExecCredential that a plugin sets, in the order in which
// client-go writes them. client-go's types would pull in apimachinery, which would cost each kubectl more than
// everything else that the plugin does. A test compares the two byte for byte.
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

// WriteResponse writes the response for c, as one line of JSON in one write.
//
// The response contains the token or else the client certificate with its key, never both: clients differ in
// which they prefer. Its expirationTimestamp is c.UseUntil(now), so that a long-running client asks
// again before the cluster refuses the credential. Unknown fields are omitted, since some clients
// take an empty string for a value. If c has neither a token nor a certificate with its key, WriteResponse
// returns an error and writes nothing.
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
