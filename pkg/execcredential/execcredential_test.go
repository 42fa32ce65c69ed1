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
	if got := clientauthv1.SchemeGroupVersion.String(); got != string(execcredential.V1) {
		t.Error(got)
	}
	if got := clientauthv1beta1.SchemeGroupVersion.String(); got != string(execcredential.V1Beta1) {
		t.Error(got)
	}
}

func TestParseRequest(t *testing.T) {
	const v1 = `"apiVersion":"client.authentication.k8s.io/v1"`
	tests := map[string]struct {
		in   string
		want execcredential.Request
		err  string
	}{
		"client-go, without cluster": {
			`{"kind":"ExecCredential",` + v1 + `,"spec":{"interactive":true}}`,
			execcredential.Request{Version: execcredential.V1}, "",
		},
		"client-go, with cluster": {
			`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"cluster":{` +
				`"server":"https://s","certificate-authority-data":"QUJD","proxy-url":"http://p","config":{"clusterID":"x"}},"interactive":false}}`,
			execcredential.Request{
				Version: execcredential.V1Beta1,
				Target:  credential.Target{Server: "https://s", CertificateAuthority: []byte("ABC")},
				Config:  json.RawMessage(`{"clusterID":"x"}`),
			}, "",
		},
		"whom the client trusts": {
			`{` + v1 + `,"spec":{"cluster":{"server":"https://s","tls-server-name":"n","insecure-skip-tls-verify":true}}}`,
			execcredential.Request{
				Version: execcredential.V1,
				Target:  credential.Target{Server: "https://s", TLSServerName: "n", InsecureSkipTLSVerify: true},
			}, "",
		},
		"an authority's file": {
			`{` + v1 + `,"spec":{"cluster":{"server":"https://s","certificate-authority":"/ca.pem"}}}`,
			execcredential.Request{
				Version:                  execcredential.V1,
				Target:                   credential.Target{Server: "https://s"},
				CertificateAuthorityFile: "/ca.pem",
			}, "",
		},
		"an authority's data and file": {
			`{` + v1 + `,"spec":{"cluster":{"server":"https://s","certificate-authority":"/ca.pem","certificate-authority-data":"QUJD"}}}`,
			execcredential.Request{
				Version: execcredential.V1,
				Target:  credential.Target{Server: "https://s", CertificateAuthority: []byte("ABC")},
			}, "",
		},
		"an authority that isn't base64": {
			`{` + v1 + `,"spec":{"cluster":{"certificate-authority-data":"%"}}}`,
			execcredential.Request{}, "its certificate-authority-data is not base64",
		},
		"an authority of a wrong type": {
			`{` + v1 + `,"spec":{"cluster":{"certificate-authority-data":1}}}`,
			execcredential.Request{}, `its field "spec.cluster.certificate-authority-data" is a JSON number`,
		},
		"no authority": {
			`{` + v1 + `,"spec":{"cluster":{"server":"https://s","certificate-authority-data":null}}}`,
			execcredential.Request{Version: execcredential.V1, Target: credential.Target{Server: "https://s"}}, "",
		},
		"config null":               {`{` + v1 + `,"spec":{"cluster":{"server":"https://s","config":null}}}`, execcredential.Request{Version: execcredential.V1, Target: credential.Target{Server: "https://s"}}, ""},
		"cluster null":              {`{` + v1 + `,"spec":{"cluster":null}}`, execcredential.Request{Version: execcredential.V1}, ""},
		"spec null":                 {`{` + v1 + `,"spec":null}`, execcredential.Request{Version: execcredential.V1}, ""},
		"no spec":                   {`{` + v1 + `}`, execcredential.Request{Version: execcredential.V1}, ""},
		"C#'s kind":                 {`{"kind":"ExecCredentials",` + v1 + `}`, execcredential.Request{Version: execcredential.V1}, ""},
		"unused fields of any type": {`{` + v1 + `,"spec":{"interactive":"maybe","cluster":{"proxy-url":1}}}`, execcredential.Request{Version: execcredential.V1}, ""},
		"not JSON":                  {`kind: ExecCredential`, execcredential.Request{}, "invalid character"},
		"null":                      {`null`, execcredential.Request{}, "it has no apiVersion"},
		"array":                     {`[]`, execcredential.Request{}, "it is a JSON array"},
		"truncated":                 {`{"kind":"Exec`, execcredential.Request{}, "unexpected end of JSON input"},
		"another kind":              {`{"kind":"Pod",` + v1 + `}`, execcredential.Request{}, `its kind is "Pod"`},
		"no version":                {`{"kind":"ExecCredential"}`, execcredential.Request{}, "it has no apiVersion"},
		"another version":           {`{"apiVersion":"client.authentication.k8s.io/v2"}`, execcredential.Request{}, "unsupported ExecCredential version"},
		"another group":             {`{"apiVersion":"v1"}`, execcredential.Request{}, `its apiVersion is "v1"`},
		"server of a wrong type":    {`{` + v1 + `,"spec":{"cluster":{"server":[]}}}`, execcredential.Request{}, `its field "spec.cluster.server" is a JSON array`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := execcredential.ParseRequest([]byte(test.in))
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("%v, not %q", err, test.err)
			}
			if err != nil && credential.ClassOf(err) != credential.Usage {
				t.Errorf("class %q", credential.ClassOf(err))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadRequest(t *testing.T) {
	const request = `{"apiVersion":"client.authentication.k8s.io/v1"}`
	open, silent := io.Pipe()
	t.Cleanup(func() { silent.Close() }) // after the parallel tests
	tests := map[string]struct {
		in   io.Reader
		none bool
		err  string
	}{
		"request":                 {strings.NewReader(request), false, ""},
		"byte by byte":            {iotest.OneByteReader(strings.NewReader("\n " + request + " \n")), false, ""},
		"behind it, an open pipe": {io.MultiReader(strings.NewReader(request), open), false, ""},
		"empty":                   {strings.NewReader(""), true, ""},
		"white space":             {strings.NewReader(" \n"), true, ""},
		"failing":                 {iotest.ErrReader(errors.New("bad file descriptor")), true, ""},
		"silent":                  {open, true, ""},
		"truncated":               {strings.NewReader(request[:10]), false, "its JSON is truncated"},
		"stuck":                   {io.MultiReader(strings.NewReader(request[:10]), open), false, "it is incomplete after 2s"},
		"two":                     {strings.NewReader(request + request), false, "something follows"},
		"too large":               {strings.NewReader(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`), false, "it is larger than a mebibyte"},
		"endless":                 {io.MultiReader(strings.NewReader("{"), endless{}), false, "it is larger than a mebibyte"},
		"not JSON":                {strings.NewReader("hello"), false, "not an ExecCredential: invalid character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := execcredential.NewReader(test.in).Read(t.Context())
			switch {
			case test.none:
				if !errors.Is(err, execcredential.ErrNoRequest) {
					t.Errorf("%v", err)
				}
			case test.err != "":
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, not %q", err, test.err)
				}
			case err != nil || got.Version != execcredential.V1:
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// What comes after the silence was taken for no request is a request all the same.
func TestLateRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const request = `{"apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"cluster":{"server":"https://s"}}}`
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
			t.Errorf("silence was waited for during %s, want 1s", took)
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

// endless gives white space without an end.
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
	pair := credential.Credential{ClientCertificate: []byte("CERT\n"), ClientKey: credential.NewSecret("KEY\n"), FetchedAt: now, ExpiresAt: week}
	both := pair
	both.Token = token.Token
	forever := token
	forever.ExpiresAt = time.Time{}
	ending := token
	ending.ExpiresAt = now.Add(3 * time.Minute).Truncate(time.Second)
	ending.FetchedAt = now.Add(-time.Hour)

	tests := map[string]struct {
		version execcredential.Version
		c       credential.Credential
		want    string
	}{
		"token":          {execcredential.V1, token, `"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":{"expirationTimestamp":"2026-01-09T10:55:00Z","token":"tok\u003c\u0026\u003een"}`},
		"v1beta1":        {execcredential.V1Beta1, token, `"apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":false},"status":{"expirationTimestamp":"2026-01-09T10:55:00Z","token":"tok\u003c\u0026\u003een"}`},
		"pair":           {execcredential.V1, pair, `"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":{"expirationTimestamp":"2026-01-09T10:55:00Z","clientCertificateData":"CERT\n","clientKeyData":"KEY\n"}`},
		"token wins":     {execcredential.V1, both, `"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":{"expirationTimestamp":"2026-01-09T10:55:00Z","token":"tok\u003c\u0026\u003een"}`},
		"unknown expiry": {execcredential.V1, forever, `"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":{"token":"tok\u003c\u0026\u003een"}`},
		"in the leeway":  {execcredential.V1, ending, `"apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":false},"status":{"expirationTimestamp":"2026-01-02T11:01:00Z","token":"tok\u003c\u0026\u003een"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := execcredential.WriteResponse(&out, test.version, test.c, now); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"kind":"ExecCredential",`+test.want+"}\n", out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}

	var out bytes.Buffer
	half := credential.Credential{ClientCertificate: []byte("CERT")}
	if err := execcredential.WriteResponse(&out, execcredential.V1, half, now); err == nil || out.Len() > 0 {
		t.Errorf("%v, %q", err, out.String())
	}
}

// What is written is what client-go's own types are written as.
func TestResponseIsClientGos(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 999, time.FixedZone("", 3600))
	odd := "<&>\u2028\x00\xff\"\\é\n"
	for name, c := range map[string]credential.Credential{
		"token":       {Token: credential.NewSecret("token" + odd), FetchedAt: now, ExpiresAt: now.Add(time.Hour)},
		"forever":     {Token: credential.NewSecret("token")},
		"certificate": {ClientCertificate: []byte("CERT" + odd), ClientKey: credential.NewSecret("KEY" + odd), FetchedAt: now, ExpiresAt: now.Add(time.Hour)},
	} {
		status := clientauthv1.ExecCredentialStatus{
			Token: c.Token.Reveal(), ClientCertificateData: string(c.ClientCertificate), ClientKeyData: c.ClientKey.Reveal(),
		}
		if until := c.UseUntil(now); !until.IsZero() {
			status.ExpirationTimestamp = &metav1.Time{Time: until}
		}
		old := clientauthv1beta1.ExecCredentialStatus(status)
		for version, object := range map[execcredential.Version]any{
			execcredential.V1: clientauthv1.ExecCredential{
				TypeMeta: metav1.TypeMeta{Kind: execcredential.Kind, APIVersion: string(execcredential.V1)}, Status: &status,
			},
			execcredential.V1Beta1: clientauthv1beta1.ExecCredential{
				TypeMeta: metav1.TypeMeta{Kind: execcredential.Kind, APIVersion: string(execcredential.V1Beta1)}, Status: &old,
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
		`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://s","config":{"clusterID":"x"}}}}`,
		`{"apiVersion":"client.authentication.k8s.io/v1beta1","spec":null}`,
		"", " ", "null", "{}", "[]", `{"kind":1}`, "{}{}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := execcredential.NewReader(bytes.NewReader(data)).Read(t.Context())
		switch {
		case err == nil:
			if got.Version != execcredential.V1 && got.Version != execcredential.V1Beta1 {
				t.Errorf("version %q", got.Version)
			}
			if len(got.Config) > 0 && !json.Valid(got.Config) {
				t.Errorf("config %q", got.Config)
			}
		case errors.Is(err, execcredential.ErrNoRequest):
			if len(bytes.TrimSpace(data)) > 0 {
				t.Errorf("no request in %q", data)
			}
		case credential.ClassOf(err) != credential.Usage:
			t.Errorf("class %q", credential.ClassOf(err))
		}
	})
}
