package cmd

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// distrustRoots keeps a kubeconfig from naming the certificate authorities that vouch for the API: with a
// proxy of its own it would get the access token. In a client's run the variables by which TLS finds other
// authorities than the system's are heeded only where nobody but root can have put those there.
//
// It must be called before the first TLS handshake, when the authorities are loaded.
func (o *options) distrustRoots() {
	if !o.byClient() {
		return
	}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		paths := o.Getenv(name)
		if paths == "" || areRoots(paths, os.Geteuid()) {
			continue
		}
		o.log().Warn("not heeded: in a client's run root must own what it names, and nobody else may write it", "variable", name)
		os.Unsetenv(name) // crypto/x509 has no other way
		o.roots = append(o.roots, name)
	}
}

const (
	maxRootsFile  = 16 << 20 // the largest bundles have some hundred kilobytes
	maxRootsFiles = 10_000   // in a directory
)

// areRoots reports whether root alone can have written what a list of paths names, to a user of that id.
func areRoots(list string, uid int) bool {
	for _, path := range filepath.SplitList(list) {
		if !filepath.IsAbs(path) || !isRootsPath(path, uid) {
			return false
		}
	}
	return true
}

// isRootsPath reports it of a file, or of a directory with all that is in it.
func isRootsPath(path string, uid int) bool {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	info, err := os.Stat(path)
	if err != nil || !isRoots(info) {
		return false
	}
	if !info.IsDir() {
		return isRootsFile(path, info, uid)
	}
	files, err := os.ReadDir(path)
	if err != nil || len(files) > maxRootsFiles {
		return false
	}
	for _, file := range files {
		name := filepath.Join(path, file.Name())
		info, err := os.Stat(name) // of what a link leads to
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // a dangling link, which crypto/x509 passes over
		case err != nil:
			return false
		case info.IsDir():
			continue // likewise
		case !isRoots(info) || !isRootsFile(name, info, uid):
			return false
		}
	}
	return true
}

// isRootsFile reports whether a file of root's is one of certificates. What /proc shows of a process is root's file
// at times, with the process's environment in it, and has no size. To root all files of a download are
// root's, a kubeconfig among them: so for root the file must be nothing but certificates and remarks.
func isRootsFile(path string, info fs.FileInfo, uid int) bool {
	if !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > maxRootsFile {
		return false
	}
	if uid != 0 {
		return true
	}
	text, err := boundedfile.Read(path, maxRootsFile)
	return err == nil && isBundle(text)
}

// isBundle reports whether a text is of PEM blocks of certificates, and between them of blank lines, comments and
// words: nothing that YAML or JSON could be written with.
func isBundle(text []byte) bool {
	inside := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case bytes.HasPrefix(line, []byte("-----BEGIN ")):
			inside = true
		case bytes.HasPrefix(line, []byte("-----END ")):
			inside = false
		case !inside && !bytes.HasPrefix(line, []byte("#")) && bytes.ContainsAny(line, ":{\x00"):
			return false
		}
	}
	return true
}
