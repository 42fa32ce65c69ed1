//go:build linux

package release

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// architectures are the names of each architecture in packages.
var architectures = []struct {
	goarch, deb, rpm string
	machine          elf.Machine
}{
	{"amd64", "amd64", "x86_64", elf.EM_X86_64},
	{"arm64", "arm64", "aarch64", elf.EM_AARCH64},
}

// installed returns the files that a package installs, as absolute paths.
func installed(t *testing.T, zsh string) []string {
	t.Helper()
	files := []string{
		"/usr/bin/doks-auth",
		"/usr/share/bash-completion/completions/doks-auth",
		"/usr/share/doc/doks-auth/README.md",
		"/usr/share/fish/vendor_completions.d/doks-auth.fish",
		"/usr/share/zsh/" + zsh + "/_doks-auth",
	}
	for _, page := range pages(t) {
		files = append(files, "/usr/share/man/man1/"+page+".gz")
	}
	return files
}

// checkTree checks the files below a directory that a package was unpacked or installed into.
func checkTree(t *testing.T, dir string, machine elf.Machine, want []string) {
	t.Helper()
	var got []string
	for _, path := range filesIn(t, dir) {
		got = append(got, "/"+path)
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(path, "usr/bin/") {
			mode = 0o755
		}
		if info.Mode() != mode {
			t.Errorf("mode of %s: got %v, want %v", path, info.Mode(), mode)
		}
	}
	sameLines(t, "files", got, want)
	program, err := elf.Open(filepath.Join(dir, "usr/bin/doks-auth"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	libraries, err := program.ImportedLibraries()
	if program.Machine != machine || len(libraries) > 0 || err != nil {
		t.Errorf("program: got one for %v with libraries %q (error %v), want a static one for %v",
			program.Machine, libraries, err, machine)
	}
}

// TestDeb installs the package with dpkg into a root of its own, and removes it.
func TestDeb(t *testing.T) {
	want := installed(t, "vendor-completions")
	for _, arch := range architectures {
		t.Run(arch.deb, func(t *testing.T) {
			root := t.TempDir()
			dpkg := []string{"dpkg", "--root=" + root, "--force-architecture", "--force-not-root", "--log=/dev/null"}
			database := filepath.Join(root, "var/lib/dpkg")
			run(t, "mkdir", "-p", database+"/updates", database+"/info", root+"/etc")
			run(t, "touch", database+"/status", database+"/available")
			before := filesIn(t, root)

			run(t, append(dpkg, "--install", file(t, "*_"+arch.deb+".deb"))...)
			got := run(t, "dpkg-query", "--admindir="+database, "-W", "-f=${Package} ${Version} ${Status}", "doks-auth")
			if want := "doks-auth " + number + " install ok installed"; got != want {
				t.Errorf("dpkg-query: got %q, want %q", got, want)
			}
			run(t, append(dpkg, "--verify", "doks-auth")...)
			if arch.goarch == runtime.GOARCH {
				run(t, filepath.Join(root, "usr/bin/doks-auth"), "version")
			}
			checkTree(t, onlyUsr(t, root), arch.machine, want)

			run(t, append(dpkg, "--purge", "doks-auth")...)
			const own = "lock lock-frontend status-old triggers/* info/format" // dpkg's, which it makes when it is called
			run(t, "sh", "-c", `cd "$0" && rm -f `+own, database)
			sameLines(t, "files after the package was removed", filesIn(t, root), before)
			if _, err := os.Stat(filepath.Join(root, "usr/share/doc/doks-auth")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the package's directory after it was removed: got error %v, want that there is none", err)
			}
		})
	}
}

// lintian has what lintian says about the package, and why that stays so.
var lintian = map[string]string{
	"no-changelog":             "the notes of a release are published with it",
	"no-copyright-file":        "the owner hasn't chosen a license yet",
	"statically-linked-binary": "one program for every distribution, which needs no library",
	"unknown-field":            "nfpm writes Architecture-Variant; dpkg keeps fields that it doesn't know",
}

func TestLintian(t *testing.T) {
	tag := regexp.MustCompile(`(?m)^[EWIP]: \S+: (\S+).*$`)
	found := make(map[string]bool)
	for _, arch := range architectures {
		out := run(t, "lintian", "--allow-root", "--fail-on=none", "--display-info", file(t, "*_"+arch.deb+".deb"))
		for _, match := range tag.FindAllStringSubmatch(out, -1) {
			found[match[1]] = true
			if lintian[match[1]] == "" {
				t.Errorf("lintian: %s", match[0])
			}
		}
	}
	for known, reason := range lintian {
		if !found[known] {
			t.Errorf("lintian doesn't say %s any more, which was answered with: %s", known, reason)
		}
	}
}

// TestRPM lists, checks, unpacks, installs and erases the packages with rpm's programs.
func TestRPM(t *testing.T) {
	want := installed(t, "site-functions")
	home := t.TempDir() // where Debian's rpm has its database
	rpm := func(t *testing.T, args ...string) string {
		t.Helper()
		return run(t, append([]string{"env", "HOME=" + home, "rpm"}, args...)...)
	}
	for _, arch := range architectures {
		t.Run(arch.rpm, func(t *testing.T) {
			path := file(t, "*."+arch.rpm+".rpm")
			sameLines(t, "rpm -qlp", strings.Fields(rpm(t, "-qlp", path)), want)
			got := rpm(t, "-qp", "--qf", "%{NAME} %{VERSION} %{ARCH} %{BUILDHOST} %{SUMMARY}", path)
			if want := "doks-auth " + number + " " + arch.rpm +
				" localhost kubectl credential plugin for DigitalOcean Kubernetes"; got != want {
				t.Errorf("rpm -qp: got %q, want %q", got, want)
			}
			rpm(t, "--checksig", "--nosignature", path)
			dir := t.TempDir()
			run(t, "sh", "-c", `cd "$0" && rpm2cpio "$1" | cpio --quiet --no-absolute-filenames -id 2>&1`, dir, path)
			checkTree(t, dir, arch.machine, want)

			root := t.TempDir()
			rpm(t, "--root="+root, "--install", "--ignorearch", path)
			rpm(t, "--root="+root, "--verify", "doks-auth")
			checkTree(t, onlyUsr(t, root), arch.machine, want)
			rpm(t, "--root="+root, "--erase", "doks-auth")
			sameLines(t, "files after the package was erased", filesIn(t, filepath.Join(root, "usr")), nil)
		})
	}
}

// onlyUsr returns a directory with a copy of a root's /usr, and without the package's database.
func onlyUsr(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	run(t, "cp", "-r", root+"/usr", dir)
	return dir
}

// TestAPK unpacks the packages as apk does, whose own program isn't packaged for Debian: a package is a compressed tar
// file with its description, and one with its files, whose sum the description contains.
func TestAPK(t *testing.T) {
	want := installed(t, "site-functions")
	for _, arch := range architectures {
		t.Run(arch.rpm, func(t *testing.T) {
			path := file(t, "*_"+arch.rpm+".apk")
			description, files := splitAPK(t, path)
			header, err := tar.NewReader(bytes.NewReader(decompress(t, description))).Next()
			if err != nil || header.Name != ".PKGINFO" {
				t.Fatalf("first file: got %v (error %v), want .PKGINFO", header, err)
			}
			sum := sha256.Sum256(files)
			info := string(decompress(t, description))
			for _, want := range []string{
				"pkgname = doks-auth\n", "pkgver = " + number + "\n", "arch = " + arch.rpm + "\n",
				"datahash = " + hex.EncodeToString(sum[:]) + "\n",
			} {
				if !strings.Contains(info, want) {
					t.Errorf(".PKGINFO lacks %q:\n%s", want, info)
				}
			}
			dir := t.TempDir()
			data := filepath.Join(t.TempDir(), "data.tar.gz")
			if err := os.WriteFile(data, files, 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "tar", "--warning=no-unknown-keyword", "-xzf", data, "-C", dir)
			checkTree(t, dir, arch.machine, want)
		})
	}
}

// splitAPK returns the two compressed parts of a package.
func splitAPK(t *testing.T, path string) (description, files []byte) {
	t.Helper()
	data := []byte(read(t, path))
	rest := bytes.NewReader(data)
	in := bufio.NewReader(rest)
	z, err := gzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	if _, err := io.Copy(io.Discard, z); err != nil {
		t.Fatal(err)
	}
	n := len(data) - rest.Len() - in.Buffered()
	return data[:n], data[n:]
}

func decompress(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
