package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// authorityAge is how old a credential must be for a client's other certificate authority to be a reason
// to fetch it again: a cluster's authority changes, but each fetch mints, and a stranger's kubeconfig can
// name another authority as often as it likes.
const authorityAge = 10 * time.Minute

// bind returns the credential if it may go where the request says, and else the refusal. A request that
// doesn't say is bound to nothing. What it returns is a newer credential where the cluster's certificate
// authority has changed since the cached one was fetched.
func (e *execCredential) bind(
	ctx context.Context, account *account, id digitalocean.ClusterID, got credential.Credential, request execcredential.Request,
) (credential.Credential, error) {
	if e.skipServerCheck || request.Target.IsZero() && request.CertificateAuthorityFile == "" {
		return got, nil
	}
	target, err := targetOf(request)
	if err != nil {
		return got, err
	}
	refusal := got.CheckTarget(target)
	if !errors.Is(refusal, credential.ErrAuthority) || e.Now().Sub(got.FetchedAt) < authorityAge {
		return got, refusal
	}
	newer, err := account.renew(ctx, id, e.fetch, got)
	if err != nil {
		e.log().Warn("whether the certificate authority has changed can't be found out", "reason", err)
		return got, refusal
	}
	return newer, newer.CheckTarget(target)
}

// maxAuthorityFile bounds a file of certificates.
const maxAuthorityFile = 1 << 20

// targetOf returns where a request's client sends the credential, with whom it trusts there.
func targetOf(request execcredential.Request) (credential.Target, error) {
	target, path := request.Target, request.CertificateAuthorityFile
	if path == "" {
		return target, nil
	}
	var err error
	if !filepath.IsAbs(path) {
		err = errors.New("its path is relative, and nothing tells to what")
	} else {
		target.CertificateAuthority, err = boundedfile.Read(path, maxAuthorityFile)
	}
	if err == nil && len(target.CertificateAuthority) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return target, advise(credential.Unsafe,
			fmt.Errorf("refusing to give the credential: the client trusts a certificate-authority file that can't be checked: %w", err),
			"'doks-auth kubeconfig save' writes the cluster's entry with certificate-authority-data")
	}
	return target, nil
}
