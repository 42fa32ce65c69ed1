package oidc

import (
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// Cluster is a cluster that accepts a client's ID tokens.
type Cluster struct {
	ID                   string // a UUID
	Server               string // the API server's URL
	CertificateAuthority []byte // PEM; empty: the system's roots
	Client               Client
}

// Errors about clusters.
var (
	ErrNotPinned   = errors.New("the cluster's server isn't recorded on this machine")
	ErrOtherClient = errors.New("another provider or client is recorded for the cluster on this machine")
)

// clusterRecord is what the state directory holds about a cluster.
type clusterRecord struct {
	ID       string `json:"id"`
	Server   string `json:"server"`
	CA       []byte `json:"ca,omitempty"`
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
}

const clustersFolder = "sso-clusters/"

// Pin records where a cluster's ID tokens may go. Call it for a person or a program that knows that: anybody who
// answers at the server can use the tokens at all clusters of the client.
func (s Sessions) Pin(c Cluster) error {
	if err := c.Client.Check(); err != nil {
		return err
	}
	err := s.state().Write(clustersFolder+digest(c.ID),
		clusterRecord{c.ID, c.Server, c.CertificateAuthority, c.Client.Issuer, c.Client.ID})
	if err != nil {
		return fmt.Errorf("recording the server of cluster %q: %w", c.ID, show.Reason(err))
	}
	return nil
}

// Unpin forgets a cluster.
func (s Sessions) Unpin(id string) error {
	err := s.state().Remove(clustersFolder + digest(id))
	if errors.Is(err, statedir.ErrNone) {
		return nil
	}
	return err
}

// Pinned returns a cluster. The error is ErrNotPinned, with class Unsafe, if it isn't recorded, or if its record
// can't be used.
func (s Sessions) Pinned(id string) (Cluster, error) {
	var r clusterRecord
	err := s.state().Read(clustersFolder+digest(id), &r)
	if err == nil && r.ID != id {
		err = errors.New("it is another cluster's")
	}
	if err != nil {
		return Cluster{}, &credential.Error{Class: credential.Unsafe, Err: notRecorded(ErrNotPinned, err)}
	}
	return Cluster{r.ID, r.Server, r.CA, Client{r.Issuer, r.ClientID}}, nil
}

// Key returns the key under which the session's credentials for a cluster are cached.
func (s *Session) Key(c Cluster) credential.Key {
	return credential.Key{
		APIURL:    s.Issuer,
		ClusterID: c.ID,
		Auth:      "id-token " + s.ID + " " + digest(c.Server, string(c.CertificateAuthority)),
		Identity:  credential.Identity(s.root),
	}
}
