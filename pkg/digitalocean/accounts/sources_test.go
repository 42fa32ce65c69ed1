package accounts_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
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
	doctl := write("doctl.yaml", "access-token: of-default\ncontext: work\napi-url: https://api.example\n"+
		"auth-contexts:\n  work: of-work\n  empty: ''\n")
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
		"file first": {
			file:    file,
			context: "work",
			env:     env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl},
			want:    "from-file",
			source:  "token\"",
		},
		"named context": {
			context: "work",
			env:     env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl},
			want:    "of-work",
			source:  `doctl's context "work"`,
		},
		"in another case": {
			context: "WORK",
			env:     env{"DIGITALOCEAN_CONFIG": doctl},
			want:    "of-work",
			source:  `doctl's context "WORK"`,
		},
		"default by name": {
			context: "default",
			env:     env{"DIGITALOCEAN_CONFIG": doctl},
			want:    "of-default",
			source:  `doctl's context "default"`,
		},
		"default first": {
			context: "default",
			env:     env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl},
			want:    "of-default",
			source:  `doctl's context "default"`,
		},
		"default of none": {
			context: "Default",
			env:     env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": null},
			want:    "a",
			source:  "DIGITALOCEAN_ACCESS_TOKEN",
		},
		"default without doctl": {
			context: "default",
			env:     env{"DIGITALOCEAN_ACCESS_TOKEN": "a"},
			want:    "a",
			source:  "DIGITALOCEAN_ACCESS_TOKEN",
		},
		"default of nothing": {
			context: "default",
			env:     env{"DIGITALOCEAN_CONFIG": null},
			err:     `no access token for the context "default"`,
		},
		"first variable": {
			env:    env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_TOKEN": "b", "DIGITALOCEAN_CONFIG": doctl},
			want:   "a",
			source: "DIGITALOCEAN_ACCESS_TOKEN",
		},
		"second variable": {
			env:    env{"DIGITALOCEAN_TOKEN": " b\n", "DIGITALOCEAN_CONFIG": doctl},
			want:   "b",
			source: "DIGITALOCEAN_TOKEN",
		},
		"current context": {
			env:    env{"DIGITALOCEAN_CONFIG": doctl},
			want:   "of-work",
			source: `doctl's context "work"`,
		},
		"overridden": {
			env:    env{"DIGITALOCEAN_CONFIG": doctl, "DIGITALOCEAN_CONTEXT": "default"},
			want:   "of-default",
			source: `doctl's context "default"`,
		},
		"no contexts": {
			env:    env{"DIGITALOCEAN_CONFIG": bare},
			want:   "of-default",
			source: `doctl's context "default"`,
		},
		"unknown context": {
			context: "x",
			env:     env{"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl},
			err:     `no access token for the context "x"`,
		},
		"context without token": {
			context: "empty",
			env:     env{"DIGITALOCEAN_CONFIG": doctl},
			err:     `no access token for the context "empty"`,
		},
		"no file": {
			file: filepath.Join(home, "none"),
			env:  env{"DIGITALOCEAN_ACCESS_TOKEN": "a"},
			err:  "reading the access token",
		},
		"null":            {env: env{"DIGITALOCEAN_CONFIG": null}, err: `no access token for the context "default"`},
		"broken":          {env: env{"DIGITALOCEAN_CONFIG": broken}, err: "is not YAML with doctl"},
		"of another form": {env: env{"DIGITALOCEAN_CONFIG": list}, err: `no access token for the context "default"`},
		"nothing":         {err: "there is no doctl configuration at"},
		"nothing for a context": {
			context: "work",
			env:     env{"DIGITALOCEAN_ACCESS_TOKEN": "a"},
			err:     "there is no doctl configuration at",
		},
		"nothing in its place": {
			env: env{"DIGITALOCEAN_CONFIG": filepath.Join(home, "none")},
			err: "there is no doctl configuration at",
		},
		"a space": {
			env: env{"DIGITALOCEAN_ACCESS_TOKEN": "a b"},
			err: "the access token from DIGITALOCEAN_ACCESS_TOKEN can't be used",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := accounts.Sources{
				File: test.file, Context: test.context, Home: home,
				Getenv: func(name string) string { return test.env[name] },
			}.Find()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("got error %v, want %q", err, test.err)
			}
			if err != nil {
				if credential.ClassOf(err) != credential.Usage || strings.Contains(err.Error(), "of-default") {
					t.Errorf("got error %v of class %q, want class %q and no token",
						err, credential.ClassOf(err), credential.Usage)
				}
				return
			}
			if accounts.TokenOf(got) != test.want || !strings.HasSuffix(got.Source, test.source) {
				t.Errorf("got %q from %s, want %q from %s", accounts.TokenOf(got), got.Source, test.want, test.source)
			}
			fromDoctl := test.env["DIGITALOCEAN_CONFIG"] == doctl && strings.HasPrefix(got.Source, "doctl")
			if (got.APIURL != "") != fromDoctl {
				t.Errorf("got API address %q, want one: %v", got.APIURL, fromDoctl)
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
	doctl := write("doctl.yaml", "access-token: of-default\ncontext: work\n"+
		"auth-contexts:\n  work: of-work\n  home: of-home\n  empty: ''\n")
	broken := write("broken.yaml", "access-token: {of-default")
	file := write("token", "from-file")

	type env = map[string]string
	tests := map[string]struct {
		file, context string
		env           env
		want          []string
		err           string
	}{
		"nothing": {},
		"everything": {
			file:    file,
			context: "Work",
			env:     env{"DIGITALOCEAN_TOKEN": "b", "DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_CONFIG": doctl},
			want:    []string{"from-file", "a", "b", "of-home", "of-work", "of-default"},
		},
		"unknown context": {
			context: "x",
			env:     env{"DIGITALOCEAN_CONFIG": doctl},
			want:    []string{"of-home", "of-work", "of-default"},
			err:     `no access token for the context "x"`,
		},
		"default, of the environment": {
			context: "default",
			env:     env{"DIGITALOCEAN_TOKEN": "b"},
			want:    []string{"b"},
		},
		"default, of nowhere": {context: "default", err: "there is no doctl configuration at"},
		"no doctl": {
			context: "work",
			env:     env{"DIGITALOCEAN_TOKEN": "b"},
			want:    []string{"b"},
			err:     "there is no doctl configuration at",
		},
		"no file": {
			file: filepath.Join(dir, "none"),
			env:  env{"DIGITALOCEAN_TOKEN": "b"},
			want: []string{"b"},
			err:  "reading the access token",
		},
		"broken": {
			env:  env{"DIGITALOCEAN_TOKEN": "b", "DIGITALOCEAN_CONFIG": broken},
			want: []string{"b"},
			err:  "is not YAML with doctl",
		},
		"one that Find would refuse": {env: env{"DIGITALOCEAN_TOKEN": "a b"}, want: []string{"a b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sources := accounts.Sources{
				File: test.file, Context: test.context, Home: t.TempDir(),
				Getenv: func(name string) string { return test.env[name] },
			}
			tokens, err := sources.All()
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want %q", err, test.err)
			}
			var got []string
			for _, token := range tokens {
				got = append(got, accounts.TokenOf(token))
				if token.Source == "" {
					t.Errorf("%q: got no source, want one", accounts.TokenOf(token))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("tokens (-want +got):\n%s", diff)
			}
			var contexts []string
			if test.env["DIGITALOCEAN_CONFIG"] == doctl {
				contexts = []string{"home", "work", "default"}
			}
			if diff := cmp.Diff(contexts, sources.Contexts()); diff != "" {
				t.Errorf("contexts (-want +got):\n%s", diff)
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
	sources := accounts.Sources{Home: home, Getenv: func(name string) string { return env[name] }}
	if got, err := sources.Find(); err != nil || accounts.TokenOf(got) != "a" {
		t.Errorf("got %q, %v; want %q", accounts.TokenOf(got), err, "a")
	}
	sources.Home, env["APPDATA"] = "", ""
	if _, err := sources.Find(); err == nil || !strings.Contains(err.Error(), "without a home directory") {
		t.Errorf("got error %v, want %q", err, "without a home directory")
	}
}
