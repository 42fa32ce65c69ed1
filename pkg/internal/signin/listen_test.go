package signin

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
)

func TestPortTaken(t *testing.T) {
	tests := map[string]struct{ host, taken string }{
		"127.0.0.1":             {loopback4, loopback4},
		"localhost":             {localhost, loopback4},
		"localhost, IPv6 alone": {localhost, loopback6},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.taken == loopback6 && !hasIPv6(t.Context()) {
				t.Skip("this machine has no IPv6")
			}
			other, err := net.Listen("tcp", net.JoinHostPort(test.taken, "0"))
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			port := portOf(other)

			r := Request{State: state, Host: test.host, Port: port, URL: func(string) string { return "https://host/" }}
			err = r.Do(t.Context(), nil)
			e, ok := errors.AsType[*PortError](err)
			if !ok || e.Port != port || !strings.Contains(err.Error(), "on port "+strconv.Itoa(port)+": ") {
				t.Fatalf("got %v, want a PortError with port %d", err, port)
			}
			if strings.Contains(err.Error(), "tcp") {
				t.Errorf("got %v, want the port once", err)
			}

			other.Close()
			f := start(t, Request{Host: test.host, Port: port}, nil)
			if want := "http://" + test.host + ":" + strconv.Itoa(port) + "/callback"; f.redirectURI != want {
				t.Errorf("got the redirect URI %q, want %q", f.redirectURI, want)
			}
			f.succeed(t)
		})
	}
}
