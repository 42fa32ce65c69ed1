package digitalocean

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// credentialAnswer is the API's credentials resource.
type credentialAnswer struct {
	Server               string    `json:"server"`
	CertificateAuthority []byte    `json:"certificate_authority_data"`
	ClientCertificate    []byte    `json:"client_certificate_data"`
	ClientKey            []byte    `json:"client_key_data"`
	Token                string    `json:"token"`
	ExpiresAt            timestamp `json:"expires_at"`
}

// Credential fetches a credential for the cluster. Each call mints a new token in the user's
// account (https://docs.digitalocean.com/reference/api/reference/kubernetes/#kubernetes_get_credentials),
// which lives for the given time, in whole seconds; 0 is the API's default, seven days. It has no
// effect on client certificates.
//
// A call whose answer was lost may have minted, and isn't repeated: neither after a connection that
// broke once the request went out, nor after a status by which a gateway says that it got no answer
// (502, 504, 52x). What minted nothing is repeated twice at most, while the deadline leaves time for it: no
// connection, and the statuses 429, 500 and 503, with which the API itself says that it failed.
//
// The credential was checked: the server is an https address, and its authority's certificates can be
// parsed; it is not expired, and a certificate is its key's. With a token there is no certificate. Where the
// local clock is behind the API's by a minute or more, and a year at most, the expiry is brought forward by
// as much, so that the credential isn't used beyond its end. An expiry more than a hundred years
// away is taken for one in a hundred years.
func (c *Client) Credential(ctx context.Context, id ClusterID, expiry time.Duration) (credential.Credential, error) {
	path := clustersPath + "/" + string(id) + "/credentials"
	if expiry > 0 {
		path += "?expiry_seconds=" + strconv.FormatInt(int64(expiry/time.Second), 10)
	}
	fetchedAt := c.now()
	var answer credentialAnswer
	header, err := c.get(ctx, path, scopeCredentials, func(body io.Reader) error { return decodeOne(body, &answer) })
	if err != nil {
		return credential.Credential{}, err
	}
	now := c.now()
	skew := clockSkew(header, now)
	got := credential.Credential{
		Server:               answer.Server,
		CertificateAuthority: answer.CertificateAuthority,
		Token:                credential.NewSecret(answer.Token),
		FetchedAt:            fetchedAt,
		ExpiresAt:            localEnd(answer.end(), skew, now),
	}
	if got.Token.IsZero() {
		got.ClientCertificate, got.ClientKey = answer.ClientCertificate, credential.NewSecret(string(answer.ClientKey))
	}
	if err := got.Check(now); err != nil {
		return credential.Credential{}, c.unusable(err, skew)
	}
	if err := cmp.Or(checkServer(got.Server), checkAuthority(got.CertificateAuthority)); err != nil {
		return credential.Credential{}, c.unusable(err, 0)
	}
	return got, nil
}

// checkServer reports a server that isn't an https address which every client reads alike.
func checkServer(server string) error {
	if err := checkText("server", server); err != nil {
		return err
	}
	switch u, err := credential.ParseServer(server); {
	case server == "":
		return errors.New("it names no server")
	case err != nil || u.Scheme != "https" || !strings.Contains(server, "://") || !isHost(u):
		return fmt.Errorf("its server is not a plain https address: %s", credential.ShowURL(server))
	}
	return nil
}

// isHost reports whether an address has a host that can exist, and a port that can.
func isHost(u *url.URL) bool {
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") && net.ParseIP(host) == nil || strings.ContainsAny(host[:1], ".-_~") {
		return false
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0 || u.Port() == "" && !strings.HasSuffix(u.Host, ":")
}

func checkAuthority(text []byte) error {
	if len(text) == 0 {
		return errors.New("it names no certificate authority")
	}
	if _, err := credential.ParseCertificates(text); err != nil {
		return fmt.Errorf("its certificate authority can't be used: %w", err)
	}
	return nil
}

// end returns when what the API gave ends; zero when that is unknown. A certificate ends at its NotAfter
// at the latest; the API's time speaks of the token.
func (a credentialAnswer) end() time.Time {
	told := a.ExpiresAt.Time
	leaf := leafOf(a.ClientCertificate)
	if a.Token != "" || leaf == nil || !told.IsZero() && told.Before(leaf.NotAfter) {
		return told
	}
	return leaf.NotAfter
}

// leafOf returns the client's certificate in a PEM text, found as tls.X509KeyPair does: the first one,
// whatever other blocks there are; nil when there is none.
func leafOf(text []byte) *x509.Certificate {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			leaf, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil
			}
			return leaf
		}
	}
	return nil
}

const (
	// maxLifetime bounds a credential's. A Duration holds it, and the date after it has four digits for
	// its year. Certificates that never expire have the year 9999 (RFC 5280, section 4.1.2.5).
	maxLifetime = 100 * 365 * 24 * time.Hour

	// maxSkew is the most that clocks are taken to be apart. Beyond it a clock couldn't have verified the
	// API's certificate, which lives for a year or so: it is the Date header that is wrong.
	maxSkew = 366 * 24 * time.Hour
)

func isCredible(skew time.Duration) bool { return skew.Abs() <= maxSkew }

// localEnd returns when a credential ends by the local clock, which is ahead of the API's by skew. Zero
// stays zero.
func localEnd(end time.Time, skew time.Duration, now time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	if skew < 0 && isCredible(skew) {
		// A second more, by which the Date header may be behind the API's clock.
		if local := end.Add(skew - time.Second).Truncate(time.Second); local.After(now) {
			end = local
		}
	}
	if last := now.Add(maxLifetime); end.After(last) {
		end = last.Truncate(time.Second)
	}
	return end
}

// clockSkew returns by how much the local clock is ahead of the API's, by the Date header
// (RFC 9110, section 6.6.1): negative when it is behind, 292 years at most either way; 0 when that is unknown
// or below a minute, which the way of the answer may take.
func clockSkew(h http.Header, now time.Time) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	skew := now.Sub(date).Truncate(time.Second)
	if skew.Abs() < time.Minute {
		return 0
	}
	return skew
}
