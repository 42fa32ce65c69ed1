//go:build linux

package release

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSBOM compares each bill of materials with the modules that the program says it was built from.
func TestSBOM(t *testing.T) {
	module := regexp.MustCompile(`(?m)^\t(?:mod|dep)\t(\S+)\t(\S+)`)
	for _, platform := range platforms {
		t.Run(platform, func(t *testing.T) {
			var sbom struct {
				BOMFormat string
				Metadata  struct {
					Component component
					Timestamp string
				}
				SerialNumber string
				Components   []component
			}
			text := read(t, file(t, "doks-auth_"+number+"_"+platform+".cdx.json"))
			if err := json.Unmarshal([]byte(text), &sbom); err != nil {
				t.Fatal(err)
			}
			if sbom.BOMFormat != "CycloneDX" || sbom.Metadata.Timestamp != "" || sbom.SerialNumber != "" {
				t.Errorf("format %q, timestamp %q, serial number %q: want CycloneDX, and nothing that changes",
					sbom.BOMFormat, sbom.Metadata.Timestamp, sbom.SerialNumber)
			}
			got := []string{sbom.Metadata.Component.String()}
			for _, c := range sbom.Components {
				got = append(got, c.String())
			}

			name := "doks-auth"
			if strings.HasPrefix(platform, "windows") {
				name += ".exe"
			}
			info := run(t, "go", "version", "-m", filepath.Join(unpacked(t, platform), name))
			want := []string{"std@" + pinnedGo(t)}
			for _, match := range module.FindAllStringSubmatch(info, -1) {
				want = append(want, match[1]+"@"+match[2])
			}
			sameLines(t, "modules", got, want)
		})
	}
}

type component struct{ Name, Version string }

func (c component) String() string { return c.Name + "@" + c.Version }
