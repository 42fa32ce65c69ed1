package cachedir

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// FuzzPutGet checks that entries preserve arbitrary bytes.
func FuzzPutGet(f *testing.F) {
	f.Add("https://cluster.example", []byte("authority"), "token", []byte("certificate"), "key")
	f.Add("", []byte(nil), "", []byte(nil), "")
	for _, text := range []string{
		"\xff", "\x00", "a\xc3", "\xed\xa0\x80", "\ufffd", "\u2028<&>\"\\\n", "\xef\xbb\xbf",
	} {
		f.Add(text, []byte(nil), "", []byte(nil), "")
		f.Add("", []byte(text), "", []byte(nil), "")
		f.Add("", []byte(nil), text, []byte(nil), "")
		f.Add("", []byte(nil), "", []byte(text), "")
		f.Add("", []byte(nil), "", []byte(nil), text)
	}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() []byte {
		out := make([]byte, random.IntN(50))
		for i := range out {
			out[i] = byte(random.Uint32())
		}
		return out
	}
	for range 100 {
		f.Add(string(text()), text(), string(text()), text(), string(text()))
	}
	seal := newSeal("", key, accessToken)
	now := time.Now()
	f.Fuzz(func(t *testing.T, server string, authority []byte, token string, certificate []byte, privateKey string) {
		want := credential.Credential{
			Server: server, CertificateAuthority: authority, Token: credential.NewSecret(token),
			ClientCertificate: certificate, ClientKey: credential.NewSecret(privateKey),
			FetchedAt: now, ExpiresAt: now.Add(time.Hour).Truncate(time.Second),
		}
		entry, err := seal.close(key, want)
		if err != nil {
			t.Skip(err)
		}
		got, err := seal.open(entry)
		if err != nil {
			t.Fatal(err)
		}
		if got.Server != server || !bytes.Equal(got.CertificateAuthority, authority) || got.Token.Reveal() != token ||
			!bytes.Equal(got.ClientCertificate, certificate) || got.ClientKey.Reveal() != privateKey {
			t.Errorf("got %q %q %q %q %q, want %q %q %q %q %q",
				got.Server, got.CertificateAuthority, got.Token.Reveal(), got.ClientCertificate, got.ClientKey.Reveal(),
				server, authority, token, certificate, privateKey)
		}
		if !got.FetchedAt.Equal(want.FetchedAt) || !got.ExpiresAt.Equal(want.ExpiresAt) {
			t.Errorf("got %s, %s; want %s, %s", got.FetchedAt, got.ExpiresAt, want.FetchedAt, want.ExpiresAt)
		}
	})
}

// Entries that are too large to read aren't written.
func TestTooLargeIsNotPut(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	if err := d.Put(t.Context(), key, newCredential(strings.Repeat("t", privatefile.MaxSize))); err == nil {
		t.Error("got no error, want one")
	}
	if got := missReason(t, d, key); got != absent {
		t.Errorf("got %q, want %q", got, absent)
	}
}
