// Package pkg holds the test of how the packages below it stand on each other.
package pkg

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/doks-auth/doks-auth/"

// rule says what a package may import.
type rule struct {
	pkg   string   // its path below the module; the rule holds for all that is below it too
	may   []string // what it may import of the module
	since string   // why
}

// The first rule that matches a package's path is its own.
var rules = []rule{
	{"pkg/credential", nil, "it is the domain: everything stands on it, and programs use it without the rest"},
	{"pkg/execcredential", []string{"pkg/credential"}, "the protocol knows nothing of DigitalOcean or of files"},
	{"pkg/digitalocean/digitaloceantest", nil, "a stand-in that shared code with what it tests would share its mistakes"},
	{"pkg/digitalocean", []string{"pkg/credential"}, "the API knows nothing of the protocol or of files"},
	{"pkg/internal/cachedir", []string{"pkg/credential"}, "a Store knows nothing of where credentials come from"},
	{"pkg/cmd", []string{"pkg/credential", "pkg/execcredential", "pkg/digitalocean", "pkg/internal/cachedir"}, "the command line wires, and is wired by nobody"},
	{"cmd/doks-auth", []string{"pkg/cmd"}, "main only starts the command line"},
}

// soles are modules that one package alone imports, so that a change in them has one place to land.
var soles = map[string]string{
	"github.com/digitalocean/godo":                    "pkg/digitalocean",
	"github.com/hashicorp/go-retryablehttp":           "pkg/digitalocean",
	"k8s.io/client-go/pkg/apis/clientauthentication/": "pkg/execcredential",
	"github.com/gofrs/flock":                          "pkg/internal/cachedir",
}

// heavy are packages that would make each run of the plugin start more slowly.
var heavy = []string{
	"k8s.io/api", "k8s.io/client-go/kubernetes", "k8s.io/client-go/rest", "k8s.io/client-go/tools",
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf", "google.golang.org/protobuf", "testing", "html/template",
}

type goPackage struct {
	ImportPath    string
	Imports, Deps []string
	Standard      bool
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func TestImports(t *testing.T) {
	packages := list(t, "./cmd/...", "./pkg/...")
	if len(packages) < len(rules) {
		t.Fatalf("only %d packages found", len(packages))
	}
	for _, p := range packages {
		path := strings.TrimPrefix(p.ImportPath, module)
		if path == "pkg" {
			continue
		}
		i := slices.IndexFunc(rules, func(r rule) bool { return within(path, r.pkg) })
		if i < 0 {
			t.Errorf("%s has no rule: give it one", path)
			continue
		}
		for _, imported := range p.Imports {
			own, isOwn := strings.CutPrefix(imported, module)
			if isOwn && !within(own, rules[i].pkg) && !slices.Contains(rules[i].may, own) {
				t.Errorf("%s imports %s: %s", path, own, rules[i].since)
			}
			if path == "pkg/credential" && !isOwn && strings.Contains(imported, ".") {
				t.Errorf("%s imports %s: it needs the standard library only", path, imported)
			}
			for sole, owner := range soles {
				if strings.HasPrefix(imported, sole) && path != owner {
					t.Errorf("%s imports %s: only %s does", path, imported, owner)
				}
			}
		}
	}
}

func TestBinaryLinksNothingHeavy(t *testing.T) {
	for _, dependency := range list(t, "./cmd/doks-auth")[0].Deps {
		for _, bad := range heavy {
			if within(dependency, bad) {
				t.Errorf("the binary links %s", dependency)
			}
		}
	}
}
