//go:build linux

package release

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sum returns the checksum of a file that is published.
func sum(t *testing.T, path string) string {
	t.Helper()
	sum, _, _ := strings.Cut(run(t, "sha256sum", path), " ")
	return sum
}

// address returns where users download a file.
func address(path string) string { return download + "/v" + number + "/" + filepath.Base(path) }

// TestKrew validates the manifest, and installs and removes the plugin.
func TestKrew(t *testing.T) {
	manifest := file(t, "doks-auth.yaml")
	run(t, filepath.Join(bin, "validate-krew-manifest"), "-skip-install", "-manifest", manifest)
	text := read(t, manifest)
	for _, platform := range platforms {
		path := archive(t, platform)
		if want := "uri: " + address(path) + "\n      sha256: " + sum(t, path) + "\n"; !strings.Contains(text, want) {
			t.Errorf("manifest lacks %q:\n%s", want, text)
		}
	}

	root := t.TempDir()
	index := filepath.Join(root, "index/default")
	run(t, "git", "init", "-q", index) // an empty one, so that krew looks for none on the network
	krew := func(args ...string) (string, error) {
		return try(append([]string{"env", "KREW_ROOT=" + root, "KREW_NO_UPGRADE_CHECK=1", "HOME=" + root,
			filepath.Join(bin, "krew")}, args...)...)
	}
	whole := archive(t, here)
	broken := filepath.Join(t.TempDir(), filepath.Base(whole))
	run(t, "cp", whole, broken)
	changeByte(t, broken)
	if out, err := krew("install", "--manifest="+manifest, "--archive="+broken); err == nil {
		t.Errorf("installing a changed archive: got success, want a failure: %s", out)
	}
	if _, err := krew("install", "--manifest="+manifest, "--archive="+whole); err != nil {
		t.Fatal(err)
	}
	got := run(t, filepath.Join(root, "bin/kubectl-doks_auth"), "version")
	if !strings.Contains(got, " v"+number+" ") {
		t.Errorf("version of the plugin: got %q, want %s", got, number)
	}
	if _, err := krew("uninstall", "doks-auth"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bin", "store", "receipts"} {
		sameLines(t, "files in "+dir+" after it was uninstalled", filesIn(t, filepath.Join(root, dir)), nil)
	}
}

// TestCask evaluates the cask with Ruby, and compares it with the archives.
func TestCask(t *testing.T) {
	cask := file(t, "doks-auth.rb")
	run(t, "ruby", "-wc", cask)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]map[string][]string
	out := run(t, "ruby", filepath.Join(dir, "testdata/cask.rb"), cask)
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatal(err)
	}
	for _, platform := range platforms[:4] {
		got := said[platform]
		path := archive(t, platform)
		for stanza, want := range map[string]string{
			"token": "doks-auth", "version": number, "binary": "doks-auth",
			"sha256": sum(t, path), "url": address(path),
		} {
			if diff := cmp.Diff([]string{want}, got[stanza]); diff != "" {
				t.Errorf("%s for %s (-want +got):\n%s", stanza, platform, diff)
			}
		}
		var installed []string
		for _, stanza := range []string{"binary", "manpage", "bash_completion", "fish_completion", "zsh_completion"} {
			installed = append(installed, got[stanza]...)
		}
		sameLines(t, "installed for "+platform, append(installed, "README.md", "completions/doks-auth.ps1"),
			filesIn(t, unpacked(t, platform)))
	}
}

// TestScoop parses the manifest, whose schema requires a version, a homepage and a license, and compares it with the
// archives.
func TestScoop(t *testing.T) {
	type build struct {
		URL, Hash string
		Bin       []string
	}
	var manifest struct {
		Version, Homepage, License, Description string
		Architecture                            map[string]build
	}
	decoder := json.NewDecoder(strings.NewReader(read(t, file(t, "doks-auth.json"))))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Version != number || manifest.Homepage == "" || manifest.License == "" || manifest.Description == "" {
		t.Errorf("manifest: got %+v, want version %s, a homepage, a license and a description", manifest, number)
	}
	want := make(map[string]build)
	for arch, platform := range map[string]string{"64bit": "windows_amd64", "arm64": "windows_arm64"} {
		path := archive(t, platform)
		want[arch] = build{address(path), sum(t, path), []string{"doks-auth.exe"}}
	}
	if diff := cmp.Diff(want, manifest.Architecture); diff != "" {
		t.Errorf("architectures (-want +got):\n%s", diff)
	}
}
