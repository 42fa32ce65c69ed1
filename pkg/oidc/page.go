package oidc

import (
	"cmp"
	"fmt"
	"net"
	"path"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// checkPage returns an error if the provider sends people to the sign-in page of another one that is recorded. The code
// that they bring back from there would go to this provider, which could exchange it for the other's tokens: a mix-up
// (RFC 9700, section 4.4). A page on the provider's own host is its own.
func (p *provider) checkPage() error {
	page := pageOf(p.Authorization)
	if page.origin == pageOf(p.Issuer).origin {
		return nil
	}
	sessions := p.session.sessions
	for _, name := range sessions.state().Names(recordsFolder) {
		r, err := sessions.read(recordsFolder + name)
		if err != nil || r.Issuer == p.Issuer || pageOf(r.Page) != page {
			continue
		}
		return &credential.Error{
			Class: credential.Unsafe,
			Err: fmt.Errorf("refusing to sign in at %s: its sign-in page is that of %s",
				show.URL(p.Issuer), show.URL(r.Issuer)),
		}
	}
	return nil
}

// page is where a page is, whatever the spelling of its address.
type page struct{ origin, path string }

func pageOf(address string) page {
	u, err := serverurl.Parse(address)
	if err != nil {
		return page{}
	}
	port := cmp.Or(u.Port(), serverurl.DefaultPort(u.Scheme))
	return page{net.JoinHostPort(strings.TrimSuffix(u.Hostname(), "."), port), strings.ToLower(path.Clean(u.Path))}
}
