package execcredential_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	clientauthv1beta1 "k8s.io/client-go/pkg/apis/clientauthentication/v1beta1"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
)

func TestVersionsAreClientGos(t *testing.T) {
	if got, want := string(execcredential.V1), clientauthv1.SchemeGroupVersion.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := string(execcredential.V1Beta1), clientauthv1beta1.SchemeGroupVersion.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseRequest(t *testing.T) {
	const v1 = `"apiVersion":"client.authentication.k8s.io/v1"`
	onlyV1 := execcredential.Request{Version: execcredential.V1}
	v1For := func(target credential.Target) execcredential.Request {
		return execcredential.Request{Version: execcredential.V1, Target: target}
	}
	cluster := func(fields string) string { return `{` + v1 + `,"spec":{"cluster":{` + fields + `}}}` }
	tests := map[string]struct {
		in   string
		want execcredential.Request
		err  string
	}{
		"client-go, without cluster": {
			in:   `{"kind":"ExecCredential",` + v1 + `,"spec":{"interactive":true}}`,
			want: onlyV1,
		},
		"client-go, with cluster": {
			in: `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"cluster":{` +
				`"server":"https://s","certificate-authority-data":"QUJD","proxy-url":"http://p",` +
				`"config":{"clusterID":"x"}},"interactive":false}}`,
			want: execcredential.Request{
				Version: execcredential.V1Beta1,
				Target:  credential.Target{Server: "https://s", CertificateAuthority: []byte("ABC")},
				Config:  json.RawMessage(`{"clusterID":"x"}`), ProxyURL: "http://p",
			},
		},
		"TLS options": {
			in:   cluster(`"server":"https://s","tls-server-name":"n","insecure-skip-tls-verify":true`),
			want: v1For(credential.Target{Server: "https://s", TLSServerName: "n", InsecureSkipTLSVerify: true}),
		},
		"an authority's file": {
			in: cluster(`"server":"https://s","certificate-authority":"/ca.pem"`),
			want: execcredential.Request{
				Version:                  execcredential.V1,
				Target:                   credential.Target{Server: "https://s"},
				CertificateAuthorityFile: "/ca.pem",
			},
		},
		"names in another case, as Python's client passes them on": {
			in: cluster(`"server":"https://s","SERVER":"https://other","Server":1,"insecure-skip-tls-verify":true,` +
				`"INSECURE-SKIP-TLS-VERIFY":false,"Certificate-Authority":"/ca.pem","Config":{}`),
			want: v1For(credential.Target{Server: "https://s", InsecureSkipTLSVerify: true}),
		},
		"only a name in another case": {in: cluster(`"SERVER":"https://s"`), want: onlyV1},
		"an authority's data and file": {
			in: cluster(`"server":"https://s","certificate-authority":"/ca.pem",` +
				`"certificate-authority-data":"QUJD"`),
			want: v1For(credential.Target{Server: "https://s", CertificateAuthority: []byte("ABC")}),
		},
		"an authority that isn't base64": {
			in:  cluster(`"certificate-authority-data":"%"`),
			err: "its certificate-authority-data is not base64",
		},
		"an authority of the wrong type": {
			in:  cluster(`"certificate-authority-data":1`),
			err: `its field "spec.cluster.certificate-authority-data" is a JSON number`,
		},
		"no authority": {
			in:   cluster(`"server":"https://s","certificate-authority-data":null`),
			want: v1For(credential.Target{Server: "https://s"}),
		},
		"config null": {
			in:   cluster(`"server":"https://s","config":null`),
			want: v1For(credential.Target{Server: "https://s"}),
		},
		"cluster null": {in: `{` + v1 + `,"spec":{"cluster":null}}`, want: onlyV1},
		"spec null":    {in: `{` + v1 + `,"spec":null}`, want: onlyV1},
		"no spec":      {in: `{` + v1 + `}`, want: onlyV1},
		"C#'s kind":    {in: `{"kind":"ExecCredentials",` + v1 + `}`, want: onlyV1},
		"unused fields of any type": {
			in:   `{` + v1 + `,"spec":{"interactive":"maybe","cluster":{"proxy-url":1}}}`,
			want: onlyV1,
		},
		"not JSON":      {in: `kind: ExecCredential`, err: "invalid character"},
		"null":          {in: `null`, err: "it has no apiVersion"},
		"array":         {in: `[]`, err: "it is a JSON array"},
		"truncated":     {in: `{"kind":"Exec`, err: "unexpected end of JSON input"},
		"another kind":  {in: `{"kind":"Pod",` + v1 + `}`, err: `its kind is "Pod"`},
		"no version":    {in: `{"kind":"ExecCredential"}`, err: "it has no apiVersion"},
		"another group": {in: `{"apiVersion":"v1"}`, err: `its apiVersion is "v1"`},
		"another version": {
			in:  `{"apiVersion":"client.authentication.k8s.io/v2"}`,
			err: "unsupported ExecCredential version",
		},
		"server of the wrong type": {
			in:  cluster(`"server":[]`),
			err: `its field "spec.cluster.server" is a JSON array`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := execcredential.ParseRequest([]byte(test.in))
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got error %v, want %q", err, test.err)
			}
			if err != nil && credential.ClassOf(err) != credential.Usage {
				t.Errorf("got class %q, want %q", credential.ClassOf(err), credential.Usage)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// Read's time limits are of synctest's clock, which stands still while anything is read: a busy machine
// doesn't matter.
func TestReadRequest(t *testing.T) {
	const request = `{"apiVersion":"client.authentication.k8s.io/v1"}`
	tests := map[string]struct {
		in   io.Reader
		open bool // after in, the input stays open and silent
		none bool // want ErrNoRequest
		err  string
	}{
		"request":         {in: strings.NewReader(request)},
		"byte by byte":    {in: iotest.OneByteReader(strings.NewReader("\n " + request + " \n"))},
		"byte order mark": {in: iotest.OneByteReader(strings.NewReader("\uFEFF" + request + "\r\n"))},
		"mark alone":      {in: strings.NewReader("\uFEFF\r\n"), none: true},
		"mark, left open": {in: strings.NewReader("\uFEFF"), open: true, none: true},
		"nearly a mark":   {in: strings.NewReader("\xEF\xBB" + request), err: "invalid character"},
		"part of a mark":  {in: strings.NewReader("\xEF\xBB"), err: "invalid character"},
		"left open":       {in: strings.NewReader(request), open: true},
		"empty":           {in: strings.NewReader(""), none: true},
		"white space":     {in: strings.NewReader(" \n"), none: true},
		"failing":         {in: iotest.ErrReader(errors.New("bad file descriptor")), none: true},
		"silent":          {in: strings.NewReader(""), open: true, none: true},
		"truncated":       {in: strings.NewReader(request[:10]), err: "its JSON is truncated"},
		"stuck":           {in: strings.NewReader(request[:10]), open: true, err: "it is incomplete after 2s"},
		"two":             {in: strings.NewReader(request + request), err: "there is data after its JSON object"},
		"too large": {
			in:  strings.NewReader(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`),
			err: "it is larger than 1 MiB",
		},
		"endless":  {in: io.MultiReader(strings.NewReader("{"), endless{}), err: "it is larger than 1 MiB"},
		"not JSON": {in: strings.NewReader("hello"), err: "not an ExecCredential: invalid character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := test.in
				if test.open {
					open, silent := io.Pipe()
					defer silent.Close()
					in = io.MultiReader(in, open)
				}
				got, err := execcredential.NewReader(in).Read(t.Context())
				switch {
				case test.none:
					if !errors.Is(err, execcredential.ErrNoRequest) {
						t.Errorf("got error %v, want %v", err, execcredential.ErrNoRequest)
					}
				case test.err != "":
					if err == nil || !strings.Contains(err.Error(), test.err) {
						t.Errorf("got error %v, want %q", err, test.err)
					}
				case err != nil || got.Version != execcredential.V1:
					t.Errorf("got version %q and error %v, want %q and none", got.Version, err, execcredential.V1)
				}
			})
		})
	}
}

// A request that arrives after Read gave up is still a request.
func TestLateRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const request = `{"apiVersion":"client.authentication.k8s.io/v1beta1",` +
			`"spec":{"cluster":{"server":"https://s"}}}`
		pipe, client := io.Pipe()
		in := execcredential.NewReader(pipe)
		expect := func(what string, got execcredential.Request, err error, want string) {
			t.Helper()
			text := string(got.Version) + got.Target.Server
			if err != nil {
				text = err.Error()
			}
			if !strings.Contains(text, want) {
				t.Errorf("%s: got %q, want %q", what, text, want)
			}
		}
		start := time.Now()
		got, err := in.Read(t.Context())
		expect("silent", got, err, execcredential.ErrNoRequest.Error())
		if took := time.Since(start); took != time.Second {
			t.Errorf("gave up on a silent input after %s, want 1s", took)
		}
		got, err = in.Late(t.Context())
		expect("still silent", got, err, execcredential.ErrNoRequest.Error())
		go func() {
			io.WriteString(client, " "+request[:10])
			time.Sleep(time.Second)
			io.WriteString(client, request[10:])
		}()
		synctest.Wait()
		got, err = in.Late(t.Context())
		expect("late", got, err, string(execcredential.V1Beta1)+"https://s")

		pipe, client = io.Pipe()
		in = execcredential.NewReader(pipe)
		in.Read(t.Context())
		go io.WriteString(client, "{")
		synctest.Wait()
		got, err = in.Late(t.Context())
		expect("late and stuck", got, err, "it is incomplete after 2s")
		client.Close()

		pipe, client = io.Pipe()
		in = execcredential.NewReader(pipe)
		in.Read(t.Context())
		client.Close()
		synctest.Wait()
		got, err = in.Late(t.Context())
		expect("closed late", got, err, execcredential.ErrNoRequest.Error())
	})
}

// endless is a Reader of endless white space.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestWriteResponse(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 999, time.FixedZone("", 3600))
	week := now.Add(7 * 24 * time.Hour).Truncate(time.Second)
	token := credential.Credential{Token: credential.NewSecret("tok<&>en"), FetchedAt: now, ExpiresAt: week}
	pair := token
	pair.Token = credential.Secret{}
	pair.ClientCertificate, pair.ClientKey = []byte("CERT\n"), credential.NewSecret("KEY\n")
	both := pair
	both.Token = token.Token
	forever := token
	forever.ExpiresAt = time.Time{}
	ending := token
	ending.ExpiresAt = now.Add(3 * time.Minute).Truncate(time.Second)
	ending.FetchedAt = now.Add(-time.Hour)

	const (
		v1        = `"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":`
		v1beta1   = `"apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":false},"status":`
		tokenJSON = `"token":"tok\u003c\u0026\u003een"}`
		pairJSON  = `"clientCertificateData":"CERT\n","clientKeyData":"KEY\n"}`
		weekJSON  = `{"expirationTimestamp":"2026-01-09T10:55:00Z",`
		soonJSON  = `{"expirationTimestamp":"2026-01-02T11:01:00Z",`
	)
	tests := map[string]struct {
		version execcredential.Version
		c       credential.Credential
		want    string
	}{
		"token":          {execcredential.V1, token, v1 + weekJSON + tokenJSON},
		"v1beta1":        {execcredential.V1Beta1, token, v1beta1 + weekJSON + tokenJSON},
		"pair":           {execcredential.V1, pair, v1 + weekJSON + pairJSON},
		"token wins":     {execcredential.V1, both, v1 + weekJSON + tokenJSON},
		"unknown expiry": {execcredential.V1, forever, v1 + `{` + tokenJSON},
		"in the leeway":  {execcredential.V1, ending, v1 + soonJSON + tokenJSON},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := execcredential.WriteResponse(&out, test.version, test.c, now); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"kind":"ExecCredential",`+test.want+"}\n", out.String()); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}

	var out bytes.Buffer
	half := credential.Credential{ClientCertificate: []byte("CERT")}
	if err := execcredential.WriteResponse(&out, execcredential.V1, half, now); err == nil || out.Len() > 0 {
		t.Errorf("a certificate without its key: got error %v and response %q, want an error and no response",
			err, out.String())
	}
}

// The response is the same, byte for byte, as one marshaled from client-go's types.
func TestResponseIsClientGos(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 999, time.FixedZone("", 3600))
	odd := "<&>\u2028\x00\xff\"\\é\n"
	for name, c := range map[string]credential.Credential{
		"token":   {Token: credential.NewSecret("token" + odd), FetchedAt: now, ExpiresAt: now.Add(time.Hour)},
		"forever": {Token: credential.NewSecret("token")},
		"certificate": {
			ClientCertificate: []byte("CERT" + odd), ClientKey: credential.NewSecret("KEY" + odd),
			FetchedAt: now, ExpiresAt: now.Add(time.Hour),
		},
	} {
		status := clientauthv1.ExecCredentialStatus{
			Token:                 c.Token.Reveal(),
			ClientCertificateData: string(c.ClientCertificate),
			ClientKeyData:         c.ClientKey.Reveal(),
		}
		if until := c.UseUntil(now); !until.IsZero() {
			status.ExpirationTimestamp = &metav1.Time{Time: until}
		}
		old := clientauthv1beta1.ExecCredentialStatus(status)
		for version, object := range map[execcredential.Version]any{
			execcredential.V1: clientauthv1.ExecCredential{
				TypeMeta: metav1.TypeMeta{Kind: execcredential.Kind, APIVersion: string(execcredential.V1)},
				Status:   &status,
			},
			execcredential.V1Beta1: clientauthv1beta1.ExecCredential{
				TypeMeta: metav1.TypeMeta{Kind: execcredential.Kind, APIVersion: string(execcredential.V1Beta1)},
				Status:   &old,
			},
		} {
			want, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := execcredential.WriteResponse(&got, version, c, now); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want)+"\n", got.String()); diff != "" {
				t.Errorf("%s, %s (-client-go +got):\n%s", name, version, diff)
			}
		}
	}
}

func FuzzReadRequest(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",` +
			`"spec":{"cluster":{"server":"https://s","config":{"clusterID":"x"}}}}`,
		`{"apiVersion":"client.authentication.k8s.io/v1beta1","spec":null}`,
		"", " ", "null", "{}", "[]", `{"kind":1}`, "{}{}", "\uFEFF", "\xEF",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := execcredential.NewReader(bytes.NewReader(data)).Read(t.Context())
		switch {
		case err == nil:
			if got.Version != execcredential.V1 && got.Version != execcredential.V1Beta1 {
				t.Errorf("got version %q, want %q or %q", got.Version, execcredential.V1, execcredential.V1Beta1)
			}
			if len(got.Config) > 0 && !json.Valid(got.Config) {
				t.Errorf("got config %q, want valid JSON", got.Config)
			}
		case errors.Is(err, execcredential.ErrNoRequest):
			if left := strings.Trim(string(data), " \t\r\n\uFEFF"); left != "" {
				t.Errorf("%q: got %v, want a request or another error", data, err)
			}
		case credential.ClassOf(err) != credential.Usage:
			t.Errorf("got class %q, want %q", credential.ClassOf(err), credential.Usage)
		}
	})
}
