package credential

import (
	"fmt"
	"net"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// CheckServer returns an error unless asked is the server that the credential is for. A kubeconfig may come
// from anywhere; it must not be able to send a credential to another server.
//
// Servers are equal if their schemes, hosts and ports are. The case of ASCII letters, the default port and the
// path don't matter. As in a kubeconfig, the default scheme is https. An address that serverurl.Parse rejects
// equals no other. The error has class Unsafe and names both servers, as far as they are safe to show.
//
// CheckServer doesn't check who answers at that server: see [Credential.CheckTarget].
func (c Credential) CheckServer(asked string) error {
	own, err := origin(c.Server)
	if err == nil {
		var theirs string
		if theirs, err = origin(asked); err == nil && theirs == own {
			return nil
		}
	}
	return unsafe("server", fmt.Errorf("refusing to give the credential to server %s: the cluster's is %s",
		show.URL(asked), show.URL(c.Server)))
}

// origin returns the server's scheme, host and port in canonical form.
func origin(server string) (string, error) {
	u, err := serverurl.Parse(server)
	if err != nil {
		return "", err
	}
	port := u.Port()
	if port == "" {
		port = serverurl.DefaultPort(u.Scheme)
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.TrimSuffix(u.Hostname(), "."), port), nil
}
