package cmd

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

// distrustRoots keeps a kubeconfig from choosing the certificate authorities that we trust for the API, or for a
// cluster that has none of its own: together with a proxy, that would give it the access token or the ID token. When
// a client runs us, it unsets the variables that name authorities other than the system's, unless only root can have
// written what they name.
//
// It must be called before the first TLS handshake, which loads the authorities.
func (o *options) distrustRoots() {
	if !o.byClient() {
		return
	}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		paths := o.Getenv(name)
		if paths == "" || areRoots(paths, os.Geteuid()) {
			continue
		}
		o.log().Warn("ignored: when a client runs doks-auth, the files must belong to root, "+
			"and be writable by root only", "variable", name)
		os.Unsetenv(name) // crypto/x509 has no other switch
		o.roots = append(o.roots, name)
	}
}

const (
	maxRootsFile  = 16 << 20 // the largest bundles are a few hundred kilobytes
	maxRootsFiles = 10_000   // in a directory
)

// areRoots reports whether only root can have written the files and directories in a list of paths. uid is the
// user who asks.
func areRoots(list string, uid int) bool {
	for _, path := range filepath.SplitList(list) {
		if !filepath.IsAbs(path) || !isRootsPath(path, uid) {
			return false
		}
	}
	return true
}

// isRootsPath reports it for a file, or for a directory and all files in it.
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
		info, err := os.Stat(name) // follows links
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // a dangling link, which crypto/x509 skips
		case err != nil:
			return false
		case info.IsDir():
			continue // crypto/x509 skips it
		case !isRoots(info) || !isRootsFile(name, info, uid):
			return false
		}
	}
	return true
}

// isRoots reports whether a file or directory belongs to root, and only root can write to it.
func isRoots(info fs.FileInfo) bool { return fileowner.IsRoots(info) && info.Mode().Perm()&0o022 == 0 }

// isRootsFile reports whether a file that belongs to root may hold certificates. Files in /proc can belong to root
// and contain a process's environment, which a kubeconfig sets; they have size 0. If root runs us, all of root's
// downloads belong to root, kubeconfigs among them: then the file must contain only certificates and comments.
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

// isBundle reports whether a text consists of PEM blocks and, between them, of blank lines, comments and words,
// but nothing that could be YAML or JSON.
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
