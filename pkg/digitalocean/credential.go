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
	"github.com/doks-auth/doks-auth/pkg/internal/certs"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
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
// account (https://docs.digitalocean.com/reference/api/reference/kubernetes/#kubernetes_get_credentials).
// expiry is the requested token lifetime, truncated to seconds; 0 is the API's default, seven days. It doesn't
// affect client certificates.
//
// A request whose answer was lost may have minted, so it isn't retried: not after the connection
// broke once the request was sent, nor after a status with which a gateway reports a missing answer
// (502, 504, 52x). Failures that mint nothing are retried at most twice, if the deadline leaves enough time:
// no connection, and the statuses 429, 500 and 503, with which the API itself reports a failure.
//
// The returned credential has been checked: its server is an https address, the certificates of its authority can
// be parsed, it hasn't expired, and a client certificate matches its key. It has a token or a client certificate,
// never both. If the local clock is between a minute and a year behind the API's, the expiry is made that much
// earlier, so that the credential isn't used after it expires. An expiry more than a hundred years
// away is replaced by one in a hundred years.
func (c *Client) Credential(ctx context.Context, id ClusterID, expiry time.Duration) (credential.Credential, error) {
	path := clustersPath + "/" + string(id) + "/credentials"
	if expiry > 0 {
		path += "?expiry_seconds=" + strconv.FormatInt(int64(expiry/time.Second), 10)
	}
	fetchedAt := c.options.Now()
	var answer credentialAnswer
	header, err := c.get(ctx, path, scopeCredentials, func(body io.Reader) error { return decodeOne(body, &answer) })
	if err != nil {
		return credential.Credential{}, err
	}
	now := c.options.Now()
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

// checkServer returns an error unless server is an https address that all clients interpret alike.
func checkServer(server string) error {
	if err := checkText("server", server); err != nil {
		return err
	}
	switch u, err := serverurl.Parse(server); {
	case server == "":
		return errors.New("it names no server")
	case err != nil || u.Scheme != "https" || !strings.Contains(server, "://") || !isHost(u):
		return fmt.Errorf("its server is not a plain https address: %s", show.URL(server))
	}
	return nil
}

// isHost reports whether an address has a valid host and port.
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
	if _, err := certs.Parse(text); err != nil {
		return fmt.Errorf("its certificate authority can't be used: %w", err)
	}
	return nil
}

// end returns when the answer's credential expires, or the zero time if unknown. A certificate expires at its
// NotAfter at the latest; expires_at is about the token.
func (a credentialAnswer) end() time.Time {
	told := a.ExpiresAt.Time
	leaf := leafOf(a.ClientCertificate)
	if a.Token != "" || leaf == nil || !told.IsZero() && told.Before(leaf.NotAfter) {
		return told
	}
	return leaf.NotAfter
}

// leafOf returns the client certificate in a PEM text, as tls.X509KeyPair finds it: the first certificate,
// regardless of other blocks, or nil if there is none.
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
	// maxLifetime limits a credential's lifetime, so that it fits a Duration and the expiry has a year with
	// four digits. Certificates that never expire have the year 9999 (RFC 5280, section 4.1.2.5).
	maxLifetime = 100 * 365 * 24 * time.Hour

	// maxSkew is the largest credible difference between the clocks. With a larger one, the API's certificate,
	// which is valid for about a year, couldn't have been verified: the Date header must be wrong.
	maxSkew = 366 * 24 * time.Hour
)

func isCredible(skew time.Duration) bool { return skew.Abs() <= maxSkew }

// localEnd converts an expiry to the local clock, which is ahead of the API's by skew. The zero time
// stays zero.
func localEnd(end time.Time, skew time.Duration, now time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	if skew < 0 && isCredible(skew) {
		// The Date header may be up to a second behind the API's clock.
		if local := end.Add(skew - time.Second).Truncate(time.Second); local.After(now) {
			end = local
		}
	}
	if last := now.Add(maxLifetime); end.After(last) {
		end = last.Truncate(time.Second)
	}
	return end
}

// clockSkew returns how far the local clock is ahead of the API's, according to the Date header
// (RFC 9110, section 6.6.1). It is negative if the local clock is behind, at most 292 years either way, and 0 if
// unknown or less than a minute, which may be the answer's transit time.
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
