//go:build linux

package release

import (
	"bytes"
	"context"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	accessToken = "dop_v1_first"
	clusterID   = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
)

// startAPI starts a stand-in for the API, with one cluster.
func startAPI(t *testing.T) (api *digitaloceantest.API, url string) {
	t.Helper()
	api = digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api, server.URL
}

// imageConfig is a part of an image's configuration.
type imageConfig struct {
	Created          time.Time
	OS, Architecture string
	Config           struct {
		User, WorkingDir string
		Env, Entrypoint  []string
		Labels           map[string]string
	}
}

// TestImage unpacks the images with skopeo and umoci, and runs the one for this machine as its user.
func TestImage(t *testing.T) {
	layout := t.TempDir()
	run(t, "tar", "-xf", file(t, "*_oci.tar"), "-C", layout)
	for _, arch := range architectures {
		t.Run(arch.goarch, func(t *testing.T) {
			dir := t.TempDir()
			flat, bundle := "oci:"+dir+"/flat", filepath.Join(dir, "bundle")
			skopeo := []string{"skopeo", "--override-os=linux", "--override-arch=" + arch.goarch}
			run(t, append(skopeo, "copy", "-q", "oci:"+layout+":"+number, flat+":image")...)
			run(t, "umoci", "unpack", "--image", dir+"/flat:image", bundle)

			var config imageConfig
			inspected := run(t, append(skopeo, "inspect", "--config", flat+":image")...)
			if err := json.Unmarshal([]byte(inspected), &config); err != nil {
				t.Fatal(err)
			}
			commit := strings.TrimSpace(run(t, "git", "-C", source, "rev-parse", "HEAD"))
			if config.Architecture != arch.goarch || config.Config.User != "65532:65532" ||
				config.Config.Labels["org.opencontainers.image.revision"] != commit {
				t.Errorf("configuration: got %+v, want %s, a user who isn't root, and commit %s",
					config, arch.goarch, commit)
			}
			checkRoot(t, filepath.Join(bundle, "rootfs"), arch.machine)
			if arch.goarch == runtime.GOARCH {
				runImage(t, filepath.Join(bundle, "rootfs"), config)
			}
		})
	}
}

// checkRoot checks the files of the image.
func checkRoot(t *testing.T, root string, machine elf.Machine) {
	t.Helper()
	sameLines(t, "files", filesIn(t, root),
		[]string{"etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "usr/bin/doks-auth"})
	program, err := elf.Open(filepath.Join(root, "usr/bin/doks-auth"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != machine {
		t.Errorf("program: got one for %v, want %v", program.Machine, machine)
	}

	authorities := read(t, filepath.Join(root, "etc/ssl/certs/ca-certificates.crt"))
	count := 0
	for block, rest := pem.Decode([]byte(authorities)); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err != nil || !certificate.IsCA {
			t.Errorf("certificate %d: got %v (error %v), want an authority's", count, certificate, err)
		}
		count++
	}
	if count < 100 {
		t.Errorf("certificate authorities: got %d, want more than a hundred", count)
	}
}

// runImage runs the image's program as a container does: with its root, its user and its environment.
func runImage(t *testing.T, root string, image imageConfig) {
	t.Helper()
	api, apiURL := startAPI(t)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}

	container := func(args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, image.Config.Entrypoint[0], args...)
		cmd.Dir = image.Config.WorkingDir
		cmd.Env = append(image.Config.Env, "DIGITALOCEAN_API_URL="+apiURL, "DIGITALOCEAN_ACCESS_TOKEN="+accessToken)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("%q in the image: error %v, standard error %q", args, err, &stderr)
		}
		return string(out)
	}
	if got := container("version"); !strings.Contains(got, " v"+number+" ") {
		t.Errorf("version in the image: got %q, want %s", got, number)
	}
	for range 2 { // from the API, and from the cache in its home directory
		var response struct{ Status struct{ Token string } }
		out := container("exec-credential", "--api-version=v1", clusterID)
		err := json.Unmarshal([]byte(out), &response)
		if err != nil || !strings.HasPrefix(response.Status.Token, "k8s_v1_") {
			t.Errorf("exec-credential in the image: got %q (error %v), want a token", out, err)
		}
	}
	if got := api.Mints(clusterID); got != 1 {
		t.Errorf("mints: got %d, want 1, since the second credential is the cached one", got)
	}
}
