package credential_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// token returns a credential fetched at noon.
func token(text string, lifetime time.Duration) credential.Credential {
	return credential.Credential{
		Server:    "https://cluster.example",
		Token:     credential.NewSecret(text),
		FetchedAt: noon,
		ExpiresAt: noon.Add(lifetime),
	}
}

func TestLifetime(t *testing.T) {
	week, hour, minute := 7*24*time.Hour, time.Hour, time.Minute
	tests := map[string]struct {
		lifetime, age time.Duration
		fresh, valid  bool
		useUntil      time.Duration // since noon
	}{
		"new":                         {week, 0, true, true, week - 5*time.Minute},
		"just before the leeway":      {week, week - 5*time.Minute - 1, true, true, week - 5*time.Minute},
		"at the leeway":               {week, week - 5*time.Minute, false, true, week - 4*time.Minute},
		"in the last minute":          {week, week - 30*time.Second, false, true, week},
		"at the end":                  {week, week, false, false, 0},
		"a fifth of a short life":     {100 * time.Second, 0, true, true, 80 * time.Second},
		"renewal at a whole second":   {9 * time.Second, 0, true, true, 7 * time.Second},
		"no longer fresh at that":     {9 * time.Second, 7 * time.Second, false, true, 9 * time.Second},
		"within the leeway, rounded":  {hour, hour - 4*minute + time.Second/2, false, true, hour - 3*minute},
		"the clock went back a bit":   {week, -4 * time.Minute, true, true, week - 5*time.Minute},
		"the clock went back by more": {week, -6 * time.Minute, false, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, now := token("t", test.lifetime), noon.Add(test.age)
			if got := c.Fresh(now); got != test.fresh {
				t.Errorf("Fresh: got %v, want %v", got, test.fresh)
			}
			if got := c.Valid(now); got != test.valid {
				t.Errorf("Valid: got %v, want %v", got, test.valid)
			}
			if got := c.UseUntil(now).Sub(noon); test.valid && got != test.useUntil {
				t.Errorf("UseUntil: got noon + %s, want noon + %s", got, test.useUntil)
			}
			if got := c.UseUntil(now); test.valid && got.Before(now) {
				t.Errorf("UseUntil: got %s, want %s or later", got, now)
			}
		})
	}
}

// No date overflows, gives a valid credential a time in the past, or yields a year with five digits.
func TestExtremeDates(t *testing.T) {
	dates := map[string]time.Time{
		"the earliest":    time.Unix(-1<<62, 0),
		"before year 0":   time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC),
		"year 0":          time.Date(0, 1, 1, 0, 0, 0, 0, time.FixedZone("", 14*3600)),
		"unknown":         {},
		"a second later":  time.Time{}.Add(time.Second),
		"1600":            time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC),
		"1970":            time.Unix(0, 0),
		"just before":     noon.Add(-1),
		"now":             noon,
		"just after":      noon.Add(1),
		"a week":          noon.Add(7 * 24 * time.Hour),
		"in 293 years":    noon.AddDate(293, 0, 0),
		"in 600 years":    noon.AddDate(600, 0, 0),
		"9999":            time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
		"year 10000":      time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -12*3600)),
		"year 1000000000": time.Unix(1<<55, 0),
	}
	first, last := time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for ends, expiresAt := range dates {
		for fetched, fetchedAt := range dates {
			c := token("t", 0)
			c.ExpiresAt, c.FetchedAt = expiresAt, fetchedAt
			for what, got := range map[string]time.Time{"RenewAt": c.RenewAt(), "UseUntil": c.UseUntil(noon)} {
				switch {
				case got.IsZero() != expiresAt.IsZero():
					t.Errorf("ends %s, fetched %s: %s: got %s, want zero: %v",
						ends, fetched, what, got, expiresAt.IsZero())
				case !got.IsZero() && (got.Before(first) || !got.Before(last)):
					t.Errorf("ends %s, fetched %s: %s: got %s, want a year from 1969 to 9999", ends, fetched, what, got)
				case what == "UseUntil" && c.Valid(noon) && got.Before(noon):
					t.Errorf("ends %s, fetched %s: %s: got %s, want %s or later", ends, fetched, what, got, noon)
				}
			}
			want := expiresAt.After(noon) && fetchedAt.Before(noon.Add(time.Minute))
			if got := c.Valid(noon); got != want {
				t.Errorf("ends %s, fetched %s: got valid %v, want %v", ends, fetched, got, want)
			}
			if want := c.Valid(noon) && !expiresAt.Before(noon.Add(time.Hour)); c.Fresh(noon) != want {
				t.Errorf("ends %s, fetched %s: got fresh %v, want %v", ends, fetched, c.Fresh(noon), want)
			}
			if c.Fresh(last) || c.Valid(last) {
				t.Errorf("ends %s, fetched %s: got valid in the year 10000, want invalid", ends, fetched)
			}
		}
	}
}

func TestUnknownExpiry(t *testing.T) {
	c := token("t", 0)
	c.ExpiresAt = time.Time{}
	if c.Fresh(noon) || c.Valid(noon) || !c.UseUntil(noon).IsZero() || !c.RenewAt().IsZero() {
		t.Errorf("got fresh %v, valid %v, use until %v, renew at %v; want false and zero times",
			c.Fresh(noon), c.Valid(noon), c.UseUntil(noon), c.RenewAt())
	}
	if err := c.Check(noon); err != nil {
		t.Errorf("Check: got error %v, want none", err)
	}
}

// pair returns a certificate and its key as PEM.
func pair(t *testing.T) (certificate []byte, key credential.Secret) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}),
		credential.NewSecret(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
}

func TestCheck(t *testing.T) {
	certificate, key := pair(t)
	otherCertificate, _ := pair(t)
	tests := map[string]struct {
		change func(c *credential.Credential)
		want   string
	}{
		"token": {func(*credential.Credential) {}, ""},
		"pair": {func(c *credential.Credential) {
			c.Token, c.ClientCertificate, c.ClientKey = credential.Secret{}, certificate, key
		}, ""},
		"nothing":    {func(c *credential.Credential) { c.Token = credential.Secret{} }, "neither a token nor"},
		"line break": {func(c *credential.Credential) { c.Token = credential.NewSecret("a\nb") }, "control character"},
		"space":      {func(c *credential.Credential) { c.Token = credential.NewSecret("a b") }, "a space"},
		"umlaut":     {func(c *credential.Credential) { c.Token = credential.NewSecret("ä") }, "outside ASCII"},
		"mismatched pair": {func(c *credential.Credential) {
			c.Token, c.ClientCertificate, c.ClientKey = credential.Secret{}, otherCertificate, key
		}, "not a matching pair"},
		"certificate only": {func(c *credential.Credential) {
			c.Token, c.ClientCertificate = credential.Secret{}, certificate
		}, "not a matching pair"},
		"key only": {func(c *credential.Credential) {
			c.Token, c.ClientKey = credential.Secret{}, key
		}, "not a matching pair"},
		"other encoding": {func(c *credential.Credential) {
			c.Token, c.ClientKey = credential.Secret{}, key
			c.ClientCertificate = append([]byte("Z\xfcrich\n"), certificate...)
		}, "not a matching pair"},
		"token wins": {func(c *credential.Credential) { c.ClientCertificate = certificate }, ""},
		"expired":    {func(c *credential.Credential) { c.ExpiresAt = noon }, "it expired at 2026-01-02T12:00:00Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := token("t", time.Hour)
			test.change(&c)
			err := c.Check(noon)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("Check: got error %v, want %q", err, test.want)
			}
		})
	}
}

func TestCheckServer(t *testing.T) {
	const own = "https://id.k8s.ondigitalocean.com"
	tests := map[string]bool{
		own:                                      true,
		own + "/":                                true,
		own + ":443":                             true,
		own + ".":                                true,
		own + "/some/path":                       true,
		"HTTPS://ID.K8S.OnDigitalOcean.com":      true,
		"id.k8s.ondigitalocean.com":              true,
		"id.k8s.ondigitalocean.com:443":          true,
		own + ":6443":                            false,
		"http://id.k8s.ondigitalocean.com":       false,
		"http://id.k8s.ondigitalocean.com:443":   false,
		"https://id.k8s.ondigitalocean.com.evil": false,
		"https://evil/" + own:                    false,
		own + "@evil":                            false,
		own + ":443@evil":                        false,
		own + `\@evil`:                           false,
		"https://evil#" + own:                    false,
		"https://evil?" + own:                    false,
		"https://":                               false,
		"":                                       false,
		"unix:///run/socket":                     false,
		"https://[::1]":                          false,
	}
	c := credential.Credential{Server: own}
	for asked, same := range tests {
		err := c.CheckServer(asked)
		if (err == nil) != same {
			t.Errorf("CheckServer(%q): got error %v, want the same server: %v", asked, err, same)
		}
		if err != nil && (credential.ClassOf(err) != credential.Unsafe || !strings.Contains(err.Error(), own)) {
			t.Errorf("CheckServer(%q): got error %v, want one of class %q that names %s",
				asked, err, credential.Unsafe, own)
		}
	}
	if err := (credential.Credential{}).CheckServer(""); err == nil {
		t.Error("CheckServer of no server for no server: got no error, want one")
	}
}
