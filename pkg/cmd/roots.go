package cmd

import (
	"os"
	"path/filepath"
	"strings"
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

// systemDirs are where root keeps what the system trusts. To root the files of a download are root's too,
// a kubeconfig's among them; so for root it takes more than an owner.
var systemDirs = [...]string{"/etc", "/usr", "/opt", "/nix", "/var/lib"}

// areRoots tells whether root alone can have written what a list of paths names, to a user of that id.
func areRoots(list string, uid int) bool {
	for _, path := range filepath.SplitList(list) {
		path, err := filepath.EvalSymlinks(path)
		if err != nil || !filepath.IsAbs(path) {
			return false
		}
		info, err := os.Stat(path)
		// What /proc shows of a process is root's file at times, with the environment in it, and has no size.
		if err != nil || !info.IsDir() && (!info.Mode().IsRegular() || info.Size() == 0) || !isRoots(info) {
			return false
		}
		if uid == 0 && !inSystemDir(path) {
			return false
		}
	}
	return true
}

func inSystemDir(path string) bool {
	for _, dir := range systemDirs {
		if strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}
