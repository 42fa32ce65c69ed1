// Package pkg holds the test of how the packages below it stand on each other.
package pkg

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
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
	{
		pkg:   "pkg/credential",
		may:   []string{"pkg/internal/certs", "pkg/internal/serverurl", "pkg/internal/show"},
		since: "it is the domain: everything stands on it, and programs use it without the rest",
	},
	{
		pkg:   "pkg/execcredential",
		may:   []string{"pkg/credential", "pkg/internal/show"},
		since: "the protocol knows nothing of DigitalOcean or of files",
	},
	{
		pkg:   "pkg/digitalocean/digitaloceantest",
		since: "a stand-in that shared code with what it tests would share its mistakes",
	},
	{
		pkg:   "pkg/oidc/oidctest",
		since: "a stand-in that shared code with what it tests would share its mistakes",
	},
	{
		pkg: "pkg/digitalocean/accounts",
		may: []string{
			"pkg/credential", "pkg/digitalocean", "pkg/internal/atomicfile", "pkg/internal/boundedfile",
			"pkg/internal/filelock", "pkg/internal/fileowner", "pkg/internal/keyring", "pkg/internal/oauth",
			"pkg/internal/show", "pkg/internal/signin", "pkg/internal/statedir", "pkg/internal/userdir",
			"pkg/internal/yamledit",
		},
		since: "who calls the API knows nothing of the protocol or of the cache",
	},
	{
		pkg: "pkg/digitalocean",
		may: []string{
			"pkg/credential", "pkg/internal/certs", "pkg/internal/onecall", "pkg/internal/serverurl", "pkg/internal/show",
			"pkg/internal/uuid",
		},
		since: "the API knows nothing of the protocol, of the cache or of accounts",
	},
	{
		pkg: "pkg/oidc",
		may: []string{
			"pkg/credential", "pkg/internal/oauth", "pkg/internal/onecall", "pkg/internal/serverurl", "pkg/internal/show",
			"pkg/internal/signin", "pkg/internal/statedir",
		},
		since: "who signs people in knows nothing of DigitalOcean, of the protocol or of the cache",
	},
	{
		pkg: "pkg/internal/kubeconfig",
		may: []string{
			"pkg/credential", "pkg/internal/atomicfile", "pkg/internal/boundedfile", "pkg/internal/filelock",
			"pkg/internal/fileowner", "pkg/internal/serverurl", "pkg/internal/show", "pkg/internal/uuid", "pkg/internal/yamledit",
		},
		since: "kubeconfig files know nothing of the API or of the cache",
	},
	{
		pkg:   "pkg/internal/atomicfile",
		may:   []string{"pkg/internal/openfile"},
		since: "replacing a file knows nothing of what is in it",
	},
	{pkg: "pkg/internal/uuid", since: "an id knows nothing of what it names"},
	{pkg: "pkg/internal/serverurl", since: "an address knows nothing of what is sent to it"},
	{pkg: "pkg/internal/certs", since: "certificates know nothing of whom they vouch for"},
	{pkg: "pkg/internal/onecall", since: "sending a request knows nothing of what it asks for"},
	{pkg: "pkg/internal/show", since: "showing a value knows nothing of where it comes from"},
	{
		pkg:   "pkg/internal/boundedfile",
		may:   []string{"pkg/internal/openfile"},
		since: "reading a file knows nothing of what is in it",
	},
	{
		pkg:   "pkg/internal/openfile",
		may:   []string{"pkg/internal/fileowner"},
		since: "opening a file knows nothing of what is in it",
	},
	{
		pkg:   "pkg/internal/fileowner/fileownertest",
		may:   []string{"pkg/internal/fileowner", "pkg/internal/openfile"},
		since: "a file's owner knows nothing of what the file is for",
	},
	{pkg: "pkg/internal/fileowner", since: "a file's owner knows nothing of what the file is for"},
	{pkg: "pkg/internal/sealed", may: []string{"pkg/credential"}, since: "a seal knows nothing of where it is kept"},
	{
		pkg: "pkg/internal/sharedcache",
		may: []string{
			"pkg/credential", "pkg/internal/boundedfile", "pkg/internal/privatefile", "pkg/internal/sealed",
			"pkg/internal/serverurl",
		},
		since: "a Store knows nothing of where credentials come from",
	},
	{
		pkg: "pkg/internal/privatefile",
		may: []string{
			"pkg/internal/atomicfile", "pkg/internal/filelock", "pkg/internal/fileowner", "pkg/internal/openfile",
		},
		since: "a user's own file knows nothing of what is in it",
	},
	{
		pkg: "pkg/internal/statedir",
		may: []string{
			"pkg/internal/atomicfile", "pkg/internal/filelock", "pkg/internal/openfile", "pkg/internal/privatefile",
			"pkg/internal/userdir",
		},
		since: "records know nothing of what they say",
	},
	{
		pkg:   "pkg/internal/userdir",
		may:   []string{"pkg/internal/fileowner"},
		since: "a user's directories know nothing of what is in them",
	},
	{
		pkg:   "pkg/internal/oauth",
		may:   []string{"pkg/credential", "pkg/internal/onecall", "pkg/internal/serverurl", "pkg/internal/show"},
		since: "an authorization server knows nothing of what its tokens are for",
	},
	{
		pkg:   "pkg/internal/signin",
		may:   []string{"pkg/credential", "pkg/internal/fileowner"},
		since: "a sign-in knows nothing of whom it is for",
	},
	{pkg: "pkg/internal/keyring", may: []string{"pkg/credential"}, since: "a keyring knows nothing of its secrets"},
	{pkg: "pkg/internal/picker", since: "choosing from a list knows nothing of what is in it"},
	{
		pkg:   "pkg/internal/filelock",
		may:   []string{"pkg/internal/openfile"},
		since: "a lock knows nothing of what it guards",
	},
	{pkg: "pkg/internal/shellword", since: "quoting for a shell knows nothing of what is quoted"},
	{pkg: "pkg/internal/yamledit", since: "editing a text knows nothing of what it says"},
	{
		pkg: "pkg/internal/cachedir",
		may: []string{
			"pkg/credential", "pkg/internal/fileowner", "pkg/internal/openfile", "pkg/internal/privatefile",
			"pkg/internal/sealed", "pkg/internal/userdir",
		},
		since: "a Store knows nothing of where credentials come from",
	},
	{
		pkg: "pkg/restconfig",
		may: []string{
			"pkg/credential", "pkg/digitalocean", "pkg/digitalocean/accounts", "pkg/internal/cachedir",
			"pkg/internal/serverurl", "pkg/internal/sharedcache",
		},
		since: "it wires for programs what the command line wires for people: neither needs the other, " +
			"nor does a program need the protocol",
	},
	{
		pkg: "pkg/cmd",
		may: []string{
			"pkg/credential", "pkg/execcredential", "pkg/digitalocean", "pkg/digitalocean/accounts",
			"pkg/internal/kubeconfig", "pkg/internal/boundedfile", "pkg/internal/cachedir", "pkg/internal/fileowner",
			"pkg/internal/keyring", "pkg/internal/oauth", "pkg/internal/picker", "pkg/internal/serverurl",
			"pkg/internal/sharedcache", "pkg/internal/shellword", "pkg/internal/show", "pkg/internal/signin",
			"pkg/internal/statedir", "pkg/internal/userdir", "pkg/oidc",
		},
		since: "the command line wires, and is wired by nobody",
	},
	{pkg: "cmd/doks-auth", may: []string{"pkg/cmd"}, since: "main only starts the command line"},
}

// soles are modules that one package alone imports, so that a change in them has one place to land.
var soles = map[string]string{
	"github.com/digitalocean/godo":          "pkg/digitalocean",
	"github.com/hashicorp/go-retryablehttp": "pkg/digitalocean",
	"github.com/gofrs/flock":                "pkg/internal/filelock",
	"github.com/zalando/go-keyring":         "pkg/internal/keyring",
	"github.com/cli/browser":                "pkg/internal/signin",
	"github.com/coreos/go-oidc":             "pkg/oidc",
	"k8s.io/client-go/rest":                 "pkg/restconfig",
	"github.com/getkin/kin-openapi":         "hack/openapitest",
}

// heavy are packages that the plugin's binary must not link, and why: every kubectl command pays for them.
var heavy = map[string]string{
	"k8s.io/api":                      "all of Kubernetes' types, each registered at start-up",
	"k8s.io/apimachinery/pkg/apis":    "the machinery of API objects; a struct of ours has the few fields of an ExecCredential",
	"k8s.io/apimachinery/pkg/runtime": "schemes and serializers, registered at start-up",
	"k8s.io/client-go/pkg":            "the protocol's types, which bring in all of the above",
	"k8s.io/client-go/kubernetes":     "clients for all of Kubernetes' types",
	"k8s.io/client-go/rest":           "a client; the plugin never calls a cluster by it",
	"k8s.io/client-go/tools":          "kubeconfigs by way of the machinery of API objects",
	"google.golang.org/protobuf":      "descriptors, registered at start-up",
	"sigs.k8s.io/yaml":                "a second YAML library beside go.yaml.in/yaml/v3",
	"github.com/rogpeppe/go-internal": "it is for tests",
	"github.com/getkin/kin-openapi":   "it is for tests",
	"testing":                         "flags and a harness, registered at start-up",
	"html/template":                   "tables of escapes, made at start-up",
}

// importsOf returns what the packages below a directory import, by their paths below the module. It
// reads the files itself: go test then knows what the result depends on, and the system doesn't matter.
func importsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	imports := make(map[string][]string)
	err := filepath.WalkDir(filepath.Join("..", dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		imports[pkg] = append(imports[pkg], "") // also a package that imports nothing
		for _, spec := range file.Imports {
			imports[pkg] = append(imports[pkg], strings.Trim(spec.Path.Value, `"`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func TestImports(t *testing.T) {
	packages := importsOf(t, "pkg")
	maps.Copy(packages, importsOf(t, "cmd"))
	if len(packages) < len(rules) {
		t.Fatalf("only %d packages found", len(packages))
	}
	for path, imports := range packages {
		i := slices.IndexFunc(rules, func(r rule) bool { return within(path, r.pkg) })
		if i < 0 {
			t.Errorf("%s has no rule: give it one", path)
			continue
		}
		for _, imported := range imports {
			own, isOwn := strings.CutPrefix(imported, module)
			if isOwn && !within(own, rules[i].pkg) && !slices.Contains(rules[i].may, own) {
				t.Errorf("%s imports %s: %s", path, own, rules[i].since)
			}
			if path == "pkg/credential" && !isOwn && strings.Contains(imported, ".") {
				t.Errorf("%s imports %s: it needs the standard library only", path, imported)
			}
			for sole, owner := range soles {
				if within(imported, sole) && path != owner {
					t.Errorf("%s imports %s: only %s does", path, imported, owner)
				}
			}
		}
	}
}

func TestBinaryLinksNothingHeavy(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("it asks the go command: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/doks-auth")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dependencies := strings.Fields(string(out))
	if !slices.Contains(dependencies, module+"pkg/cmd") {
		t.Fatalf("these aren't its dependencies: %s", out)
	}
	for _, dependency := range dependencies {
		for bad, why := range heavy {
			if within(dependency, bad) {
				t.Errorf("the binary links %s: %s", dependency, why)
			}
		}
	}
}
