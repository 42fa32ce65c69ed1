//go:build linux

package release

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// actionDir is the GitHub Action's, in the checkout.
const actionDir = ".github/actions/doks-auth"

// action is what the GitHub Action's description may contain.
type action struct {
	Name, Description string
	Inputs            map[string]struct {
		Description string
		Required    bool
	}
	Runs struct {
		Using string
		Steps []struct {
			Shell, Run string
			Env        map[string]string
		}
	}
}

// TestActionFile checks the action's description, and a workflow that uses the action.
func TestActionFile(t *testing.T) {
	var action action
	text := read(t, filepath.Join(source, actionDir, "action.yml"))
	if err := yaml.UnmarshalStrict([]byte(text), &action); err != nil {
		t.Fatal(err)
	}
	if action.Runs.Using != "composite" || len(action.Runs.Steps) != 1 || action.Runs.Steps[0].Shell != "bash" {
		t.Fatalf("runs: got %+v, want one step with bash", action.Runs)
	}
	step := action.Runs.Steps[0]
	if strings.Contains(step.Run, "${{") {
		t.Errorf("run: got %q, want a script without inputs in it, since they could be commands", step.Run)
	}
	var passed []string
	for _, value := range step.Env {
		if input, ok := strings.CutPrefix(value, "${{ inputs."); ok {
			passed = append(passed, strings.TrimSuffix(input, " }}"))
		}
	}
	var inputs []string
	for name := range action.Inputs {
		inputs = append(inputs, name)
	}
	sameLines(t, "inputs that are passed on", passed, inputs)

	repo := t.TempDir()
	run(t, "git", "init", "-q", repo) // actionlint looks for a repository
	run(t, "mkdir", "-p", repo+"/.github/workflows", repo+"/"+filepath.Dir(actionDir))
	run(t, "cp", "-r", filepath.Join(source, actionDir), repo+"/"+actionDir)
	workflow := filepath.Join(repo, ".github/workflows/deploy.yml")
	lint := func(with string) (string, error) {
		if err := os.WriteFile(workflow, []byte(`on: push
permissions: {}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: ./`+actionDir+`
        with: `+with+"\n"), 0o600); err != nil {
			return "", err
		}
		return try("go", "-C", source, "tool", "-modfile=hack/tools/go.mod", "actionlint", workflow)
	}
	if _, err := lint("{version: v0.1.0, sha256: abc, cluster: production}"); err != nil {
		t.Error(err)
	}
	if out, err := lint("{version: v0.1.0, clutser: production}"); err == nil {
		t.Errorf("a workflow without a checksum: got success, want a failure: %s", out)
	}
}

// TestAction runs the action's script against servers on this machine, as a runner does.
func TestAction(t *testing.T) {
	files := http.NewServeMux()
	files.Handle("/v"+number+"/", http.StripPrefix("/v"+number, http.FileServer(http.Dir(dist))))
	changed := t.TempDir()
	run(t, "cp", "-r", dist+"/.", changed)
	changeByte(t, filepath.Join(changed, filepath.Base(archive(t, here))))
	files.Handle("/changed/v"+number+"/", http.StripPrefix("/changed/v"+number, http.FileServer(http.Dir(changed))))
	server := httptest.NewServer(files)
	defer server.Close()

	_, apiURL := startAPI(t)

	arch := map[string]string{"amd64": "X64", "arm64": "ARM64"}[runtime.GOARCH]
	right := sum(t, filepath.Join(dist, "SHA256SUMS"))
	tests := []struct {
		name, version, sha256, cluster, path string
		failure                              string // a part of what it prints
	}{
		{"without a cluster", "v" + number, right, "", "", ""},
		{"with a cluster", "v" + number, right, clusterID, "", ""},
		{"a cluster that is a flag", "v" + number, right, "--all", "", "--all"},
		{"a changed archive", "v" + number, right, "", "/changed", "doesn't have the checksum in"},
		{"another checksum", "v" + number, strings.Repeat("0", 64), "", "", "doesn't have the expected checksum"},
		{"no checksum", "v" + number, "", "", "", "sha256 isn't"},
		{"another release", "v9.9.9", right, "", "", "can't be downloaded"},
		{"a version that leads elsewhere", "v1.0.0/../v" + number, right, "", "", "version isn't"},
		{"a version with a command", "v1.0.0$(touch x)", right, "", "", "version isn't"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command("bash", filepath.Join(source, actionDir, "install.sh"))
			cmd.Dir = dir
			cmd.Env = []string{
				"PATH=/usr/bin:/bin", "HOME=" + dir,
				"RUNNER_OS=Linux", "RUNNER_ARCH=" + arch,
				"RUNNER_TEMP=" + dir + "/temp", "GITHUB_PATH=" + dir + "/path",
				"VERSION=" + test.version, "SHA256=" + test.sha256, "CLUSTER=" + test.cluster,
				"DOWNLOADS=" + server.URL + test.path, "SERVER=", "REPOSITORY=",
				"DIGITALOCEAN_API_URL=" + apiURL, "DIGITALOCEAN_ACCESS_TOKEN=" + accessToken,
			}
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if test.failure != "" {
				if err == nil || !strings.Contains(out.String(), test.failure) {
					t.Errorf("got %q (error %v), want a failure with %q", &out, err, test.failure)
				}
				return
			}
			if err != nil || !strings.Contains(out.String(), " v"+number+" ") {
				t.Fatalf("got %q (error %v), want the version", &out, err)
			}
			path := strings.TrimSpace(read(t, filepath.Join(dir, "path")))
			run(t, filepath.Join(path, "doks-auth"), "version")
			config, err := os.ReadFile(filepath.Join(dir, ".kube/config"))
			if test.cluster == "" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("kubeconfig: got %q (error %v), want none", config, err)
			}
			if test.cluster != "" && !strings.Contains(string(config), "command: "+path+"/doks-auth") {
				t.Errorf("kubeconfig: got %q (error %v), want an entry that runs %s/doks-auth", config, err, path)
			}
		})
	}
}
