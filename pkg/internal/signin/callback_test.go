package signin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func TestRequestsThatEndNothing(t *testing.T) {
	const right = "state=" + state
	tests := map[string]struct {
		method string // GET if empty
		target string
		host   string // the redirect URI's if empty
		status int
		want   string // on the page
	}{
		"root":              {"", "/?code=c&" + right, "", 404, "not at this address"},
		"icon":              {"", "/favicon.ico", "", 404, "not at this address"},
		"below":             {"", "/callback/?code=c&" + right, "", 404, "not at this address"},
		"upper case":        {"", "/Callback?code=c&" + right, "", 404, "not at this address"},
		"escaped":           {"", "/%63allback?code=c&" + right, "", 404, "not at this address"},
		"dots":              {"", "/x/../callback?code=c&" + right, "", 404, "not at this address"},
		"post":              {"POST", "/callback?code=c&" + right, "", 405, "GET only"},
		"options":           {"OPTIONS", "/callback?code=c&" + right, "", 405, "GET only"},
		"unknown method":    {"BREW", "/callback?code=c&" + right, "", 405, "GET only"},
		"head":              {"HEAD", "/callback?code=c&" + right, "", 200, ""},
		"no query":          {"", "/callback", "", 400, "belong to this sign-in"},
		"no state":          {"", "/callback?code=c", "", 400, "belong to this sign-in"},
		"empty state":       {"", "/callback?code=c&state=", "", 400, "belong to this sign-in"},
		"wrong state":       {"", "/callback?code=c&state=wrong", "", 400, "belong to this sign-in"},
		"longer state":      {"", "/callback?code=c&" + right + "x", "", 400, "belong to this sign-in"},
		"upper-case state":  {"", "/callback?code=c&state=" + strings.ToUpper(state), "", 400, "belong to this sign-in"},
		"two states":        {"", "/callback?code=c&" + right + "&" + right, "", 400, "belong to this sign-in"},
		"right, then wrong": {"", "/callback?code=c&" + right + "&state=wrong", "", 400, "belong to this sign-in"},
		"wrong state, error": {
			"", "/callback?error=access_denied&state=wrong", "", 400, "belong to this sign-in",
		},
		"error without state": {"", "/callback?error=access_denied", "", 400, "belong to this sign-in"},
		"no code":             {"", "/callback?" + right, "", 400, "has no code"},
		"empty code":          {"", "/callback?code=&" + right, "", 400, "has no code"},
		"empty error":         {"", "/callback?error=&" + right, "", 400, "has no code"},
		"two codes":           {"", "/callback?code=c&code=d&" + right, "", 400, "a parameter twice"},
		"two errors":          {"", "/callback?error=c&error=d&" + right, "", 400, "a parameter twice"},
		"two issuers":         {"", "/callback?code=c&iss=c&iss=d&" + right, "", 400, "a parameter twice"},
		"code and error":      {"", "/callback?code=c&error=e&" + right, "", 400, "both a code and an error"},
		"code, empty error":   {"", "/callback?code=c&error=&" + right, "", 400, "both a code and an error"},
		"empty code, error":   {"", "/callback?code=&error=e&" + right, "", 400, "both a code and an error"},
		"bad escape":          {"", "/callback?code=%zz&" + right, "", 400, "be read"},
		"semicolon":           {"", "/callback?code=c;x&" + right, "", 400, "be read"},
		"other host":          {"", "/callback?code=c&" + right, "evil.example", 421, "this host"},
		"other port":          {"", "/callback?code=c&" + right, "127.0.0.1:1", 421, "this host"},
		"no port":             {"", "/callback?code=c&" + right, "127.0.0.1", 421, "this host"},
		"other name":          {"", "/callback?code=c&" + right, "localhost", 421, "this host"},
		"absolute":            {"", "http://evil.example/callback?code=c&" + right, "", 421, "this host"},
		"huge header":         {"", "/callback?code=" + strings.Repeat("c", 80<<10) + "&" + right, "", 431, "Too Large"},
	}
	f := start(t, Request{}, nil)
	u, err := url.Parse(f.redirectURI)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.method == "" {
				test.method = "GET"
			}
			if test.host == "" {
				test.host = u.Host
			}
			request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", test.method, test.target, test.host)
			status, body := raw(t, u.Host, request)
			if status != test.status || !strings.Contains(body, test.want) {
				t.Errorf("got %d and the page %s\nwant %d and %q", status, body, test.status, test.want)
			}
		})
	}
	f.succeed(t)
}

// raw sends a request as it is and returns the answer's status and body.
func raw(t *testing.T, address, request string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(conn, request)
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestRefused(t *testing.T) {
	tests := map[string]struct {
		query string
		want  string
	}{
		"code only":   {"error=access_denied", `the sign-in was refused: "access_denied"`},
		"description": {"error=e&error_description=You+said+no.", `the sign-in was refused: "e": "You said no."`},
		"controls": {
			"error=a%0ab%1b%5b2J&error_description=%e2%80%ae%ff%00x%22",
			`the sign-in was refused: "ab[2J": "x\""`,
		},
		"long": {
			"error=" + strings.Repeat("e", 5000),
			`the sign-in was refused: "` + strings.Repeat("e", maxQuoted) + `…"`,
		},
		"markup": {"error=%3Cscript%3E", `the sign-in was refused: "<script>"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := start(t, Request{}, nil)
			status, body, _ := get(t, f.redirectURI+"?"+test.query+"&state="+state)
			if status != 400 || !strings.Contains(body, "the sign-in was refused") || strings.Contains(body, "<script>") {
				t.Errorf("got %d and the page %s\nwant 400 and that it was refused", status, body)
			}
			err := f.end(t)
			if credential.ClassOf(err) != credential.Refused || err.Error() != test.want || f.code != "" {
				t.Errorf("got %v of the class %q and the code %q, want %s", err, credential.ClassOf(err), f.code, test.want)
			}
		})
	}
}

func TestIssuer(t *testing.T) {
	const issuer = "https://issuer.example"
	tests := map[string]struct {
		issuer, query string
		want          credential.Class
		code          string
		names         bool
	}{
		"same":             {issuer, "code=c&iss=https%3A%2F%2Fissuer.example", credential.Other, "c", false},
		"none":             {issuer, "code=c", credential.Other, "c", false},
		"nothing expected": {"", "code=c&iss=https%3A%2F%2Fevil.example", credential.Other, "c", false},
		"another":          {issuer, "code=c&iss=https%3A%2F%2Fevil.example", credential.Unsafe, "", false},
		"with a slash":     {issuer, "code=c&iss=https%3A%2F%2Fissuer.example%2F", credential.Unsafe, "", false},
		"empty":            {issuer, "code=c&iss=", credential.Unsafe, "", false},
		"another's error":  {issuer, "error=e&iss=https%3A%2F%2Fevil.example", credential.Unsafe, "", false},
		"the promised one": {issuer, "code=c&iss=https%3A%2F%2Fissuer.example", credential.Other, "c", true},
		"none, promised":   {issuer, "code=c", credential.Unsafe, "", true},
		"promised, error":  {issuer, "error=e", credential.Refused, "", true},
		"the right error":  {issuer, "error=e&iss=https%3A%2F%2Fissuer.example", credential.Refused, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := start(t, Request{Issuer: test.issuer, NamesIssuer: test.names}, nil)
			get(t, f.redirectURI+"?"+test.query+"&state="+state)
			err := f.end(t)
			if got := credential.ClassOf(err); got != test.want || f.code != test.code {
				t.Errorf("got %v of the class %q and the code %q, want %q and %q", err, got, f.code, test.want, test.code)
			}
		})
	}
}
