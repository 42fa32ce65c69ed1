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

// authorityAge is how old a credential must be before a mismatched certificate authority makes us fetch it
// again. A cluster's authority can change, but each fetch mints a token, and a stranger's kubeconfig can name
// a wrong authority as often as it likes.
const authorityAge = 10 * time.Minute

// bind returns the credential if it may go to the server that the request names, and an error otherwise. If the
// request names none, there is no check. If the cluster's certificate authority has changed since the cached
// credential was fetched, bind returns a newer one.
func (e *execCredential) bind(
	ctx context.Context, from source, id digitalocean.ClusterID,
	got credential.Credential, request execcredential.Request,
) (credential.Credential, error) {
	refusal := e.check(got, request)
	if !errors.Is(refusal, credential.ErrAuthority) || e.Now().Sub(got.FetchedAt) < authorityAge {
		return got, refusal
	}
	newer, err := from.renew(ctx, id, e.fetch, got)
	if err != nil {
		e.log().Warn("can't check whether the certificate authority has changed", "reason", err)
		return got, refusal
	}
	return newer, e.check(newer, request)
}

// bindsTo reports whether a credential may go only to the server that the request names.
func (e *execCredential) bindsTo(request execcredential.Request) bool {
	return !e.skipServerCheck && (!request.Target.IsZero() || request.CertificateAuthorityFile != "")
}

// check returns an error unless a credential may go to the server that the request names, if it names one.
func (e *execCredential) check(got credential.Credential, request execcredential.Request) error {
	if !e.bindsTo(request) {
		return nil
	}
	target, err := targetOf(request)
	if err != nil {
		return err
	}
	return got.CheckTarget(target)
}

// maxAuthorityFile is the maximum size of a certificate file.
const maxAuthorityFile = 1 << 20

// targetOf returns the server that the client will send the credential to, and what the client trusts there.
func targetOf(request execcredential.Request) (credential.Target, error) {
	target, path := request.Target, request.CertificateAuthorityFile
	if path == "" {
		return target, nil
	}
	var err error
	if !filepath.IsAbs(path) {
		err = errors.New("its path is relative to an unknown directory")
	} else {
		target.CertificateAuthority, err = boundedfile.Read(path, maxAuthorityFile)
	}
	if err == nil && len(target.CertificateAuthority) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return target, advise(credential.Unsafe,
			fmt.Errorf("refusing to give the credential: "+
				"the client trusts a certificate-authority file that can't be checked: %w", err),
			"'doks-auth kubeconfig save' writes the cluster's entry with certificate-authority-data")
	}
	return target, nil
}
