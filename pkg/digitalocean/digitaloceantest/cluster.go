package digitaloceantest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Cluster is a cluster in the API. Set its fields before the API serves it.
type Cluster struct {
	ID, Name, Region, Version string
	State                     string // such as "running"; without credentials while "provisioning", "error" or "deleted"
	Server                    string // its API server's URL

	// TeamUUID is the team that the cluster belongs to. To members of other teams the API answers as if the
	// cluster didn't exist. An empty one makes it visible to all.
	TeamUUID string

	// Certificates makes the API issue client certificates instead of tokens. CertificateExpiry is their
	// lifetime; 0 means a year.
	Certificates      bool
	CertificateExpiry time.Duration

	// SSO is the cluster's single sign-on. It changes what the API says, not what Serve's API server accepts.
	SSO SSO

	// Handler handles authenticated requests to Serve's API server; nil answers each with a version.
	Handler http.Handler

	ca       *authority
	listener net.Listener
	server   *http.Server
	requests atomic.Int64
	refused  atomic.Int64
}

// NewCluster returns a cluster with the given ID, a UUID, and the server
// https://<id>.k8s.ondigitalocean.com. Nothing listens there: see Serve.
func NewCluster(id string) (*Cluster, error) {
	ca, err := newAuthority("cluster " + id)
	if err != nil {
		return nil, err
	}
	return &Cluster{
		ID: id, Name: "cluster-" + id[:8], Region: "fra1", Version: "1.37.1-do.0", State: "running",
		Server: "https://" + id + ".k8s.ondigitalocean.com",
		ca:     ca,
	}, nil
}

// hasCredentials reports whether the API has credentials for the cluster in its state.
func (c *Cluster) hasCredentials() bool {
	return c.State != "provisioning" && c.State != "error" && c.State != "deleted"
}

// CA returns the certificate of the cluster's certificate authority, as PEM.
func (c *Cluster) CA() []byte { return c.ca.pem }

// issue returns a new client certificate and its key, as PEM.
func (c *Cluster) issue() (certificate, key []byte) {
	lifetime := c.CertificateExpiry
	if lifetime == 0 {
		lifetime = 365 * 24 * time.Hour
	}
	subject := pkix.Name{CommonName: "admin", Organization: []string{"k8saas:authenticated"}}
	certificate, key, err := c.ca.issue(subject, x509.ExtKeyUsageClientAuth, lifetime)
	if err != nil {
		panic(err) // crypto/rand doesn't fail
	}
	return certificate, key
}

// ClientCertificate returns a new client certificate and its key for a user, as PEM, valid
// for a day, such as an administrator has independently of the API.
func (c *Cluster) ClientCertificate(user string, groups ...string) (certificate, key []byte, err error) {
	return c.ca.issue(pkix.Name{CommonName: user, Organization: groups}, x509.ExtKeyUsageClientAuth, 24*time.Hour)
}

// ServerCertificate returns a new certificate and its key for the cluster's API server, as PEM,
// valid for a day, for the host name in c.Server and for 127.0.0.1.
func (c *Cluster) ServerCertificate() (certificate, key []byte, err error) {
	host := strings.TrimPrefix(c.Server, "https://")
	return c.ca.issue(pkix.Name{CommonName: host}, x509.ExtKeyUsageServerAuth, 24*time.Hour, host, "127.0.0.1")
}

// Serve starts an API server on a free port of the loopback interface. It serves requests with a
// credential that the API minted for this cluster, or any client certificate of its authority, and answers all
// others with 401. Its certificate is from ServerCertificate. Use Close to stop it.
func (c *Cluster) Serve(api *API) error {
	certificate, key, err := c.ServerCertificate()
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(c.ca.pem)
	if c.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	c.server = &http.Server{
		Handler:  c.authenticated(api),
		ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair},
			ClientAuth:   tls.VerifyClientCertIfGiven,
			ClientCAs:    clients,
		},
	}
	go c.server.ServeTLS(c.listener, "", "")
	return nil
}

// Addr returns the host and port on which Serve listens.
func (c *Cluster) Addr() string { return c.listener.Addr().String() }

// Close stops the API server and closes its connections.
func (c *Cluster) Close() error { return c.server.Close() }

// Requests returns how many requests the API server has received, and how many of them it refused with 401.
func (c *Cluster) Requests() (all, refused int64) { return c.requests.Load(), c.refused.Load() }

func (c *Cluster) authenticated(api *API) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.requests.Add(1)
		token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		how := ""
		switch {
		case isBearer && api.Accepts(c.ID, token):
			how = "token"
		case len(r.TLS.VerifiedChains) > 0:
			how = "client certificate"
		default:
			c.refused.Add(1)
			writeJSON(w, http.StatusUnauthorized, map[string]any{
				"kind": "Status", "apiVersion": "v1", "status": "Failure",
				"message": "Unauthorized", "reason": "Unauthorized", "code": http.StatusUnauthorized,
			})
			return
		}
		w.Header().Set("X-Authenticated-By", how)
		if c.Handler != nil {
			c.Handler.ServeHTTP(w, r)
			return
		}
		writeJSON(w, http.StatusOK, map[string]string{
			"major": "1", "minor": "37", "gitVersion": "v1.37.1", "platform": "linux/amd64",
		})
	})
}

// Host returns the host and port to which the cluster's clients connect.
func (c *Cluster) Host() string { return strings.TrimPrefix(c.Server, "https://") + ":443" }

// Proxy returns an HTTP proxy for the CONNECT method. It maps the host and port that a client requests to an
// address by routes, and refuses all others. It does what DNS does for real
// clusters.
func Proxy(routes map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addr, ok := routes[r.Host]
		if r.Method != http.MethodConnect || !ok {
			http.Error(w, fmt.Sprintf("no cluster at %s", r.Host), http.StatusBadGateway)
			return
		}
		if err := tunnel(r.Context(), w, addr); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
}

// tunnel relays between the client's connection and a new one to addr until either ends.
func tunnel(ctx context.Context, w http.ResponseWriter, addr string) error {
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		server.Close()
		return err
	}
	io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() {
		defer server.Close()
		io.Copy(server, buffered)
	}()
	go func() {
		defer client.Close()
		io.Copy(client, server)
	}()
	return nil
}
