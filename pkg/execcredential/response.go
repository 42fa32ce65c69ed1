package execcredential

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	clientauthv1beta1 "k8s.io/client-go/pkg/apis/clientauthentication/v1beta1"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// WriteResponse writes the response that carries c, as one line of JSON in one write.
//
// It carries the token, or else the client certificate with its key, never both: clients would
// prefer different ones. expirationTimestamp is c.UseUntil(now), so that a long-running client asks
// again before the cluster refuses the credential. What is unknown is left out, since some clients
// take an empty string for a value. Nothing is written when WriteResponse fails before the write.
func WriteResponse(w io.Writer, version Version, c credential.Credential, now time.Time) error {
	response, err := marshal(version, c, now)
	if err != nil {
		return err
	}
	_, err = w.Write(append(response, '\n'))
	return err
}

func marshal(version Version, c credential.Credential, now time.Time) ([]byte, error) {
	var status clientauthv1.ExecCredentialStatus
	switch {
	case !c.Token.IsZero():
		status.Token = c.Token.Reveal()
	case len(c.ClientCertificate) > 0 && !c.ClientKey.IsZero():
		status.ClientCertificateData = string(c.ClientCertificate)
		status.ClientKeyData = c.ClientKey.Reveal()
	default:
		return nil, errors.New("the credential holds neither a token nor a client certificate with its key")
	}
	if until := c.UseUntil(now); !until.IsZero() {
		status.ExpirationTimestamp = &metav1.Time{Time: until}
	}
	meta := metav1.TypeMeta{Kind: Kind, APIVersion: string(version)}
	if version == V1Beta1 {
		old := clientauthv1beta1.ExecCredentialStatus(status)
		return json.Marshal(clientauthv1beta1.ExecCredential{TypeMeta: meta, Status: &old})
	}
	return json.Marshal(clientauthv1.ExecCredential{TypeMeta: meta, Status: &status})
}
