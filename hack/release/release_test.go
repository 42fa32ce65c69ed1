//go:build linux

// Package release tests what hack/release/build builds, as its users would install it. `make test-release` runs it.
package release

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What hack/release/test has built.
var (
	dist     = os.Getenv("RELEASE_DIST")     // the release
	source   = os.Getenv("RELEASE_SOURCE")   // the checkout that it is of
	bin      = os.Getenv("RELEASE_BIN")      // krew and its validator
	number   = os.Getenv("RELEASE_VERSION")  // without v
	download = os.Getenv("RELEASE_DOWNLOAD") // the owner's address for files
)

func TestMain(m *testing.M) {
	if dist == "" {
		fmt.Println("not tested: `make test-release` builds a release and tests it")
		return
	}
	os.Exit(m.Run())
}

var platforms = []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64", "windows_arm64"}

// file returns the path of a file of the release, or fails if there isn't exactly one.
func file(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("files like %s: got %q (error %v), want one", pattern, found, err)
	}
	return found[0]
}

// archive returns the archive for a platform.
func archive(t *testing.T, platform string) string {
	t.Helper()
	suffix := ".tar.gz"
	if strings.HasPrefix(platform, "windows") {
		suffix = ".zip"
	}
	return file(t, "doks-auth_"+number+"_"+platform+suffix)
}

// unpacked returns a directory with the contents of the archive for a platform.
func unpacked(t *testing.T, platform string) string {
	t.Helper()
	dir := t.TempDir()
	if strings.HasPrefix(platform, "windows") {
		run(t, "unzip", "-q", archive(t, platform), "-d", dir)
	} else {
		run(t, "tar", "-xzf", archive(t, platform), "-C", dir)
	}
	return dir
}

// here is this machine's platform.
const here = "linux_" + runtime.GOARCH

// program returns the path of the program for this machine.
func program(t *testing.T) string {
	t.Helper()
	return filepath.Join(unpacked(t, here), "doks-auth")
}

// try runs a command and returns what it prints.
func try(args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dist
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%q: %w\n%s%s", args, err, out, &stderr)
	}
	return string(out), err
}

// run runs a command that must succeed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sameLines compares lists without regard to their order.
func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// filesIn returns the paths of the files below a directory.
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			path, err = filepath.Rel(dir, path)
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// pages returns the names of the man pages: one for each command that help lists.
func pages(t *testing.T) []string {
	t.Helper()
	program := program(t)
	listed := regexp.MustCompile(`(?m)^  ([a-z-]+) +[A-Z]`)
	var names []string
	var visit func(command []string)
	visit = func(command []string) {
		names = append(names, strings.Join(append([]string{"doks-auth"}, command...), "-")+".1")
		help := run(t, append(append([]string{program}, command...), "--help")...)
		_, commands, _ := strings.Cut(help, "\nCommands:\n")
		commands, _, _ = strings.Cut(commands, "\n\n")
		for _, match := range listed.FindAllStringSubmatch(commands, -1) {
			visit(append(slices.Clone(command), match[1]))
		}
	}
	visit(nil)
	if len(names) < 20 {
		t.Fatalf("commands: got %q, want more", names)
	}
	return names
}

func TestFiles(t *testing.T) {
	want := []string{
		"SHA256SUMS", "SHA256SUMS.sig", "doks-auth.json", "doks-auth.rb", "doks-auth.yaml",
		"doks-auth_" + number + "_oci.tar",
		"doks-auth_" + number + "_amd64.deb", "doks-auth_" + number + "_arm64.deb",
		"doks-auth-" + number + "-1.x86_64.rpm", "doks-auth-" + number + "-1.aarch64.rpm",
		"doks-auth_" + number + "_x86_64.apk", "doks-auth_" + number + "_aarch64.apk",
	}
	for _, platform := range platforms {
		want = append(want, "doks-auth_"+number+"_"+platform+".cdx.json", filepath.Base(archive(t, platform)))
	}
	sameLines(t, "files of the release", filesIn(t, dist), want)
}

func TestArchives(t *testing.T) {
	names := pages(t)
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			want := []string{"README.md", "completions/_doks-auth", "completions/doks-auth.bash",
				"completions/doks-auth.fish", "completions/doks-auth.ps1"}
			for _, name := range names {
				want = append(want, "man/"+name)
			}
			program := "doks-auth"
			if strings.HasPrefix(platform, "windows") {
				program += ".exe"
			}
			dir := unpacked(t, platform)
			sameLines(t, "files of the archive", filesIn(t, dir), append(want, program))

			info := run(t, "go", "version", "-m", filepath.Join(dir, program))
			os, arch, _ := strings.Cut(platform, "_")
			commit := strings.TrimSpace(run(t, "git", "-C", source, "rev-parse", "HEAD"))
			for _, want := range []string{
				"mod\tgithub.com/doks-auth/doks-auth\tv" + number + "\t\n",
				"build\tCGO_ENABLED=0\n", "build\t-trimpath=true\n",
				"build\tGOOS=" + os + "\n", "build\tGOARCH=" + arch + "\n",
				"build\tvcs.revision=" + commit + "\n", "build\tvcs.modified=false\n",
			} {
				if !strings.Contains(info, want) {
					t.Errorf("build information lacks %q:\n%s", want, info)
				}
			}
		})
	}
}

func TestVersion(t *testing.T) {
	commit := strings.TrimSpace(run(t, "git", "-C", source, "rev-parse", "HEAD"))
	date := strings.TrimSpace(run(t, "git", "-C", source, "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d"))
	got := run(t, program(t), "version")
	want := fmt.Sprintf("doks-auth v%s %s linux/%s (commit %.12s, %s)\n",
		number, pinnedGo(t), runtime.GOARCH, commit, date)
	if got != want {
		t.Errorf("version: got %q, want %q", got, want)
	}
}

// pinnedGo returns the Go version that releases are built with.
func pinnedGo(t *testing.T) string {
	t.Helper()
	_, toolchain, _ := strings.Cut(read(t, filepath.Join(source, "hack/tools/release/go.mod")), "\ntoolchain ")
	toolchain, _, _ = strings.Cut(toolchain, "\n")
	return toolchain
}

// TestSums checks that the sums and their signature hold, and that a changed byte is noticed.
func TestSums(t *testing.T) {
	var summed []string
	for line := range strings.Lines(read(t, filepath.Join(dist, "SHA256SUMS"))) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		summed = append(summed, name)
	}
	sameLines(t, "files with sums", append(summed, "SHA256SUMS", "SHA256SUMS.sig"), filesIn(t, dist))
	run(t, "sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS")

	dir := t.TempDir()
	run(t, "cp", "-r", dist+"/.", dir)
	changeByte(t, filepath.Join(dir, filepath.Base(archive(t, here))))
	if out, err := try("sh", "-c", `cd "$0" && sha256sum --quiet -c SHA256SUMS`, dir); err == nil {
		t.Errorf("sha256sum with a changed byte: got success, want a failure: %s", out)
	}

	sums, signers := filepath.Join(dir, "SHA256SUMS"), filepath.Join(source, ".github/allowed_signers")
	if _, err := verify(signers, sums); err != nil {
		t.Error(err)
	}
	stranger := filepath.Join(t.TempDir(), "key")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger)
	other := filepath.Join(t.TempDir(), "allowed_signers")
	if err := os.WriteFile(other, []byte("doks-auth "+read(t, stranger+".pub")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := verify(other, sums); err == nil {
		t.Errorf("verifying with a stranger's key: got success, want a failure: %s", out)
	}
	changeByte(t, sums)
	if out, err := verify(signers, sums); err == nil {
		t.Errorf("verifying sums with a changed byte: got success, want a failure: %s", out)
	}
}

// verify verifies sums as README says.
func verify(signers, sums string) (string, error) {
	return try("sh", "-c", `ssh-keygen -Y verify -f "$0" -I doks-auth -n doks-auth-release -s "$1.sig" <"$1"`,
		signers, sums)
}

func changeByte(t *testing.T, path string) {
	t.Helper()
	data := []byte(read(t, path))
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRefusals checks what the build refuses to release.
func TestRefusals(t *testing.T) {
	const commit = "git -c user.name=owner -c user.email=owner@example.com commit -q --allow-empty -m x"
	tests := []struct {
		name, prepare, version, want string
	}{
		{"no tag", "true", "v9.9.9", "there is no tag v9.9.9"},
		{"another commit's tag", commit, "v" + number, "isn't the tag of the commit"},
		{"changes", "echo >>README.md", "v" + number, "has changes that aren't committed"},
		{"the example addresses", "git checkout -q HEAD~1 && git tag v0.2.0", "v0.2.0", "set the addresses"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clone := filepath.Join(t.TempDir(), "clone")
			run(t, "git", "clone", "-q", source, clone)
			run(t, "sh", "-c", `cd "$0" && `+test.prepare, clone)
			out, err := try("make", "-s", "-C", clone, "release", "VERSION="+test.version)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("make release: got %q (error %v), want a failure with %q", out, err, test.want)
			}
			if got := filesIn(t, filepath.Join(clone, "dist")); len(got) > 0 {
				t.Errorf("files in dist: got %q, want none", got)
			}
		})
	}
}
