package digitalocean_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

func TestAccessTokenSources(t *testing.T) {
	home := t.TempDir()
	write := func(path, text string) string {
		t.Helper()
		path = filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("token", "\uFEFFfrom-file\r\n")
	doctl := write("doctl.yaml", "access-token: of-default\ncontext: work\napi-url: https://api.example\nauth-contexts:\n  work: of-work\n  empty: ''\n")
	bare := write("bare.yaml", "access-token: of-default\n")
	null := write("null.yaml", "null")
	broken := write("broken.yaml", "access-token: {of-default")
	list := write("list.yaml", "auth-contexts: [of-default]")

	type env = map[string]string
	tests := map[string]struct {
		file, context string
		env           env
		want, source  string
		err           string
	}{
		"file first":            {file, "work", env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl}, "from-file", "token\"", ""},
		"named context":         {"", "work", env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl}, "of-work", `doctl's context "work"`, ""},
		"in another case":       {"", "WORK", env{"DIGITALOCEAN_CONFIG": doctl}, "of-work", `doctl's context "WORK"`, ""},
		"default by name":       {"", "default", env{"DIGITALOCEAN_CONFIG": doctl}, "of-default", `doctl's context "default"`, ""},
		"default first":         {"", "default", env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl}, "of-default", `doctl's context "default"`, ""},
		"default of none":       {"", "Default", env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": null}, "a", "DIGITALOCEAN_ACCESS_TOKEN", ""},
		"default without doctl": {"", "default", env{"DIGITALOCEAN_ACCESS_TOKEN": "a"}, "a", "DIGITALOCEAN_ACCESS_TOKEN", ""},
		"default of nothing":    {"", "default", env{"DIGITALOCEAN_CONFIG": null}, "", "", `no access token for the context "default"`},
		"first variable":        {"", "", env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_TOKEN": "b", "DIGITALOCEAN_CONFIG": doctl}, "a", "DIGITALOCEAN_ACCESS_TOKEN", ""},
		"second variable":       {"", "", env{"DIGITALOCEAN_TOKEN": " b\n", "DIGITALOCEAN_CONFIG": doctl}, "b", "DIGITALOCEAN_TOKEN", ""},
		"current context":       {"", "", env{"DIGITALOCEAN_CONFIG": doctl}, "of-work", `doctl's context "work"`, ""},
		"overridden":            {"", "", env{"DIGITALOCEAN_CONFIG": doctl, "DIGITALOCEAN_CONTEXT": "default"}, "of-default", `doctl's context "default"`, ""},
		"no contexts":           {"", "", env{"DIGITALOCEAN_CONFIG": bare}, "of-default", `doctl's context "default"`, ""},
		"unknown context":       {"", "x", env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl}, "", "", `no access token for the context "x"`},
		"context without token": {"", "empty", env{"DIGITALOCEAN_CONFIG": doctl}, "", "", `no access token for the context "empty"`},
		"no file":               {filepath.Join(home, "none"), "", env{"DIGITALOCEAN_ACCESS_TOKEN": "a"}, "", "", "reading the access token"},
		"null":                  {"", "", env{"DIGITALOCEAN_CONFIG": null}, "", "", `no access token for the context "default"`},
		"broken":                {"", "", env{"DIGITALOCEAN_CONFIG": broken}, "", "", "is not YAML with doctl"},
		"of another form":       {"", "", env{"DIGITALOCEAN_CONFIG": list}, "", "", "is not YAML with doctl"},
		"nothing":               {"", "", env{}, "", "", "there is no doctl configuration at"},
		"nothing for a context": {"", "work", env{"DIGITALOCEAN_ACCESS_TOKEN": "a"}, "", "", "there is no doctl configuration at"},
		"nothing in its place":  {"", "", env{"DIGITALOCEAN_CONFIG": filepath.Join(home, "none")}, "", "", "there is no doctl configuration at"},
		"a space":               {"", "", env{"DIGITALOCEAN_ACCESS_TOKEN": "a b"}, "", "", "the access token from DIGITALOCEAN_ACCESS_TOKEN can't be used"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := digitalocean.AccessTokenSources{
				File: test.file, Context: test.context, Home: home,
				Getenv: func(name string) string { return test.env[name] },
			}.Find()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("%v, not %q", err, test.err)
			}
			if err != nil {
				if credential.ClassOf(err) != credential.Usage || strings.Contains(err.Error(), "of-default") {
					t.Errorf("%v of class %q", err, credential.ClassOf(err))
				}
				return
			}
			if got.Secret.Reveal() != test.want || !strings.HasSuffix(got.Source, test.source) {
				t.Errorf("%q from %s", got.Secret.Reveal(), got.Source)
			}
			if fromDoctl := test.env["DIGITALOCEAN_CONFIG"] == doctl && strings.HasPrefix(got.Source, "doctl"); (got.APIURL != "") != fromDoctl {
				t.Errorf("API address %q", got.APIURL)
			}
		})
	}
}

func TestAllAccessTokens(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	doctl := write("doctl.yaml", "access-token: of-default\ncontext: work\nauth-contexts:\n  work: of-work\n  home: of-home\n  empty: ''\n")
	broken := write("broken.yaml", "access-token: {of-default")
	file := write("token", "from-file")

	type env = map[string]string
	tests := map[string]struct {
		file, context string
		env           env
		want          []string
		err           string
	}{
		"nothing":                     {"", "", env{}, nil, ""},
		"everything":                  {file, "Work", env{"DIGITALOCEAN_TOKEN": "b", "DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl}, []string{"from-file", "a", "b", "of-home", "of-work", "of-default"}, ""},
		"unknown context":             {"", "x", env{"DIGITALOCEAN_CONFIG": doctl}, []string{"of-home", "of-work", "of-default"}, `no access token for the context "x"`},
		"default, of the environment": {"", "default", env{"DIGITALOCEAN_TOKEN": "b"}, []string{"b"}, ""},
		"default, of nowhere":         {"", "default", env{}, nil, "there is no doctl configuration at"},
		"no doctl":                    {"", "work", env{"DIGITALOCEAN_TOKEN": "b"}, []string{"b"}, "there is no doctl configuration at"},
		"no file":                     {filepath.Join(dir, "none"), "", env{"DIGITALOCEAN_TOKEN": "b"}, []string{"b"}, "reading the access token"},
		"broken":                      {"", "", env{"DIGITALOCEAN_TOKEN": "b", "DIGITALOCEAN_CONFIG": broken}, []string{"b"}, "is not YAML with doctl"},
		"one that Find would refuse":  {"", "", env{"DIGITALOCEAN_TOKEN": "a b"}, []string{"a b"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sources := digitalocean.AccessTokenSources{
				File: test.file, Context: test.context, Home: t.TempDir(),
				Getenv: func(name string) string { return test.env[name] },
			}
			tokens, err := sources.All()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%v, not %q", err, test.err)
			}
			var got []string
			for _, token := range tokens {
				got = append(got, token.Secret.Reveal())
				if token.Source == "" {
					t.Errorf("%q is from nowhere", token.Secret.Reveal())
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			var contexts []string
			if test.env["DIGITALOCEAN_CONFIG"] == doctl {
				contexts = []string{"home", "work", "default"}
			}
			if diff := cmp.Diff(contexts, sources.Contexts()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDoctlConfigInItsPlace(t *testing.T) {
	home := t.TempDir()
	place := map[string]string{
		"darwin":  "Library/Application Support/doctl/config.yaml",
		"windows": "AppData/doctl/config.yaml",
	}[runtime.GOOS]
	if place == "" {
		place = ".config/doctl/config.yaml"
	}
	path := filepath.Join(home, filepath.FromSlash(place))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("access-token: a"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"APPDATA": filepath.Join(home, "AppData")}
	sources := digitalocean.AccessTokenSources{Home: home, Getenv: func(name string) string { return env[name] }}
	if got, err := sources.Find(); err != nil || got.Secret.Reveal() != "a" {
		t.Errorf("%v, %v", got, err)
	}
	sources.Home, env["APPDATA"] = "", ""
	if _, err := sources.Find(); err == nil || !strings.Contains(err.Error(), "without a home directory") {
		t.Error(err)
	}
}
