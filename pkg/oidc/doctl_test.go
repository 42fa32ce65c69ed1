package oidc_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// doctl has the faults that these tests are named after.

func TestDoctlHangsSilentlyOnATakenPort(t *testing.T) {
	w := newWorld(t)
	taken, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", w.port))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	way := w.way()
	way.Time = time.Hour // it doesn't wait for that
	_, err = w.get(way)
	want{credential.Usage, fmt.Sprintf("on port %d: ", w.port)}.check(t, err)
	w.counts(0, 0, 0)
}

func TestDoctlServesAnExpiredIDToken(t *testing.T) {
	w := newWorld(t)
	w.SetLifetime(10 * time.Minute)
	w.SetAccessLifetime(24 * time.Hour) // which doctl takes for the ID token's
	first := w.must(w.way())
	if want := w.clock.Now().Add(10 * time.Minute); !first.ExpiresAt.Equal(want) {
		t.Errorf("got a credential until %v, want %v", first.ExpiresAt, want)
	}
	for _, refreshes := range []bool{true, false} {
		if !refreshes {
			w.EndSessions()
		}
		w.clock.Add(10 * time.Minute)
		got := w.must(w.way())
		if got.Token.Equal(first.Token) {
			t.Error("got the expired token, want another one")
		}
		first = got
	}
	w.counts(2, 2, 1)
}

func TestDoctlOpensABrowserForEachProcess(t *testing.T) {
	w := newWorld(t)
	w.session()
	w.atOnce(20, func() error {
		_, err := w.get(w.way())
		return err
	})
	w.counts(1, 1, 0)
}

func TestDoctlDropsTheRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	for range 3 {
		w.clock.Add(oidctest.DefaultLifetime)
		w.must(oidc.Way{})
	}
	w.counts(1, 1, 3)
}

func TestDoctlShowsNoAddressWithoutABrowser(t *testing.T) {
	w := newWorld(t)
	_, err := w.get(oidc.Way{Reason: errors.New("there is no desktop")})
	says := fmt.Sprintf("signing in at %q is necessary, but not possible here: there is no desktop", w.URL())
	want{credential.Refused, says}.check(t, err)
	out := &reader{ctx: w.ending()}
	w.Without("device")
	err = w.session().SignIn(out.ctx, oidc.Way{Out: out, Port: w.port})
	want{credential.Refused, "nobody signed in within"}.check(t, err)
	if !strings.Contains(out.String(), "Open this address in a browser:\n"+w.URL()+"/authorize?") {
		t.Errorf("got %q, want the address", out)
	}
}

// The only server that is called is the provider: nothing here knows DigitalOcean's API, nor an access token for it.
func TestDoctlDemandsAnAccessToken(t *testing.T) {
	w := newWorld(t)
	t.Setenv("DIGITALOCEAN_ACCESS_TOKEN", "")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1") // through which another server would be called
	if got := w.must(w.way()); got.Server != w.cluster().Server {
		t.Errorf("got the server %q, want the cluster's, %q", got.Server, w.cluster().Server)
	}
}
