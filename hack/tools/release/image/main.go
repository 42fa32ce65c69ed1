// Command image writes a container image of doks-auth for several architectures as an OCI image layout, without a
// daemon. The image contains the program, certificate authorities and a user who isn't root. Its bytes depend on the
// arguments only.
//
//	image -version v0.1.0 -revision COMMIT -created SECONDS DIRECTORY amd64=PROGRAM arm64=PROGRAM
package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nonroot is the user whom images without a distribution agree on.
const nonroot = 65532

func main() {
	log.SetFlags(0)
	version := flag.String("version", "", "the version")
	revision := flag.String("revision", "", "the commit")
	created := flag.Int64("created", 0, "the commit's time, in seconds since 1970")
	flag.Parse()
	if flag.NArg() < 2 {
		log.Fatal("usage: image -version VERSION -revision COMMIT -created SECONDS DIRECTORY ARCH=PROGRAM...")
	}
	labels := map[string]string{
		"org.opencontainers.image.title":    "doks-auth",
		"org.opencontainers.image.version":  *version,
		"org.opencontainers.image.revision": *revision,
	}
	if err := write(flag.Arg(0), flag.Args()[1:], labels, time.Unix(*created, 0).UTC()); err != nil {
		log.Fatal("image: ", err)
	}
}

// write writes the layout. Its index refers to one image, which is an index of the architectures'.
func write(dir string, programs []string, labels map[string]string, created time.Time) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range programs {
		arch, path, _ := strings.Cut(p, "=")
		program, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		img, err := image(arch, program, labels, created)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	out, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	name := map[string]string{"org.opencontainers.image.ref.name": labels["org.opencontainers.image.version"]}
	return out.AppendIndex(index, layout.WithAnnotations(name))
}

func image(arch string, program []byte, labels map[string]string, created time.Time) (v1.Image, error) {
	files, err := root(program, created)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	history := v1.History{Created: v1.Time{Time: created}, CreatedBy: "doks-auth's release"}
	img, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: history})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: created}
	config.Config = v1.Config{
		User:       fmt.Sprintf("%d:%d", nonroot, nonroot),
		Env:        []string{"PATH=/usr/bin", "HOME=/home/nonroot"},
		WorkingDir: "/home/nonroot",
		Entrypoint: []string{"/usr/bin/doks-auth"},
		Labels:     labels,
	}
	return mutate.ConfigFile(img, config)
}

// root returns the root file system.
func root(program []byte, modified time.Time) ([]byte, error) {
	var authorities bytes.Buffer
	for certificate := range bundle.Roots() {
		if certificate.Constraint == nil { // a PEM file can't express it
			pem.Encode(&authorities, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate})
		}
	}
	users := "root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n"
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range []struct {
		name    string
		mode    int64
		owner   int
		content []byte // of a file; directories end with /
	}{
		{"etc/", 0o755, 0, nil},
		{"etc/group", 0o644, 0, []byte("root:x:0:\nnonroot:x:65532:\n")},
		{"etc/passwd", 0o644, 0, []byte(users)},
		{"etc/ssl/", 0o755, 0, nil},
		{"etc/ssl/certs/", 0o755, 0, nil},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, 0, authorities.Bytes()},
		{"home/", 0o755, 0, nil},
		{"home/nonroot/", 0o700, nonroot, nil}, // for the cache
		{"tmp/", 0o1777, 0, nil},
		{"usr/", 0o755, 0, nil},
		{"usr/bin/", 0o755, 0, nil},
		{"usr/bin/doks-auth", 0o755, 0, program},
	} {
		header := &tar.Header{
			Name: f.name, Mode: f.mode, Uid: f.owner, Gid: f.owner, Size: int64(len(f.content)), ModTime: modified,
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), w.Close()
}
