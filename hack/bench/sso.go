package main

import (
	"context"
	"net"
	"net/http/httptest"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// ssoHit signs in at an OpenID provider, and returns a command that is a cache hit with that session.
func (b *bench) ssoHit(ctx context.Context) (command, error) {
	const clientID = "bench"
	issuer := oidctest.NewIssuer(clientID)
	issuer.AllowAnyPort()
	server := httptest.NewServer(issuer)
	defer server.Close() // a hit asks nobody
	issuer.SetURL(server.URL)
	sessions := oidc.Sessions{StateDir: func() string { return filepath.Join(b.dir, "state", "doks-auth") }}
	session, err := sessions.Record(ctx, oidc.Client{Issuer: server.URL, ID: clientID})
	if err != nil {
		return command{}, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return command{}, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	if err := session.SignIn(ctx, oidc.Way{Open: issuer.Browse, Port: port}); err != nil {
		return command{}, err
	}
	hit, err := b.hit(b.plugin, "one", "", "", "--sso-issuer-url="+server.URL, "--sso-client-id="+clientID)
	if err != nil {
		return command{}, err
	}
	_, _, err = b.run(ctx, hit, 0) // fills the cache
	return hit, err
}
