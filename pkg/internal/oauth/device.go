package oauth

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Device is a sign-in on another device (RFC 8628): a person opens Address there and enters Code.
type Device struct {
	Address string // to open
	Code    string // to enter

	secret   credential.Secret
	interval time.Duration
}

const (
	defaultInterval = 5 * time.Second // RFC 8628, section 3.2
	maxInterval     = time.Minute
	maxUserCode     = 64
)

// StartDevice starts a sign-in on another device.
func (c *Client) StartDevice(ctx context.Context, p OpenID, clientID string, scopes []string) (Device, error) {
	r := formRequest("starting the sign-in with a code", p.Device, url.Values{
		"client_id": {clientID}, "scope": {strings.Join(scopes, " ")},
	})
	answer, fields, err := c.call(ctx, r)
	if err != nil {
		return Device{}, err
	}
	secret, err := fields.token("device_code")
	d := Device{
		Code: fields.text("user_code"), Address: fields.text("verification_uri"),
		secret:   secret,
		interval: min(cmp.Or(fields.seconds("interval"), defaultInterval), maxInterval),
	}
	isOdd := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case err != nil:
	case secret.IsZero() || d.Code == "" || len(d.Code) > maxUserCode || strings.ContainsFunc(d.Code, isOdd):
		err = errors.New("it has no code that can be used")
	case checkShown(d.Address) != nil:
		err = errors.New("it has no address to open")
	}
	if err != nil {
		return Device{}, r.unusable(answer, err)
	}
	return d, nil
}

// checkShown returns an error unless an address is one for a browser, and harmless on a terminal.
func checkShown(address string) error {
	isOdd := func(r rune) bool { return r <= ' ' || r > '~' }
	if _, unfit := parseAddress(address); unfit != nil {
		return unfit
	}
	if len(address) > maxText || strings.ContainsFunc(address, isOdd) {
		return errors.New("it contains a character that an address can't contain")
	}
	return nil
}

// AwaitDevice asks until somebody has signed in on the other device. The error has class Refused if they refused, or if
// the code has expired. Any other than from a call means that ctx has ended.
func (c *Client) AwaitDevice(ctx context.Context, p OpenID, clientID string, d Device) (Grant, error) {
	r := formRequest("waiting for the sign-in", p.Token, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {clientID},
		"device_code": {d.secret.Reveal()},
	})
	r.secrets = []credential.Secret{d.secret}
	interval := d.interval
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return Grant{}, ctx.Err()
		}
		grant, err := c.grant(ctx, r)
		switch {
		case err == nil:
			return grant, nil
		case IsCode(err, "authorization_pending"):
		case IsCode(err, "slow_down"):
			interval = min(interval+defaultInterval, maxInterval)
		case credential.ClassOf(err) == credential.Unreachable && ctx.Err() == nil:
			// RFC 8628, section 3.5: after a timeout, ask less often.
			interval = min(2*interval, maxInterval)
		default:
			return Grant{}, err
		}
	}
}
