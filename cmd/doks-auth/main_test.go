package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/zalando/go-keyring"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

const (
	accessToken      = "dop_v1_first"
	otherAccessToken = "dop_v1_second"
	tokenCluster     = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	certCluster      = "bd5f5959-5e1e-4205-a714-a914373942af"

	// asPlugin, if set in the environment, makes the test binary the plugin.
	asPlugin = "DOKS_AUTH_TEST_AS_PLUGIN"

	// By default, the race detector delays each process's exit by a second.
	noRaceDelay = "GORACE=atexit_sleep_ms=0"

	// noProxy is a proxy that isn't there: clusters that aren't served must not be looked for on the network.
	noProxy = "HTTPS_PROXY=http://127.0.0.1:1"
)

func TestMain(m *testing.M) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // elsewhere, noKeyring does that
		keyring.MockInitWithError(keyring.ErrUnsupportedPlatform)
	}
	if len(os.Args) == 3 && slices.Contains(browsers, os.Args[1]) {
		browse(os.Args[1], os.Args[2])
	}
	if os.Getenv(asPlugin) != "" {
		main()
	}
	commands := map[string]func(){"doks-auth": main, "kubectl": kubectl}
	for _, name := range browsers {
		commands[name] = func() { browse(name, os.Args[1]) }
	}
	testscript.Main(m, commands)
}

// newAPI starts a fake API with both access tokens and two clusters.
func newAPI(tb testing.TB) (api *digitaloceantest.API, url string, token, cert *digitaloceantest.Cluster) {
	tb.Helper()
	api = digitaloceantest.NewAPI(accessToken, otherAccessToken)
	clusters := make([]*digitaloceantest.Cluster, 2)
	for i, id := range []string{tokenCluster, certCluster} {
		cluster, err := digitaloceantest.NewCluster(id)
		if err != nil {
			tb.Fatal(err)
		}
		api.AddCluster(cluster)
		clusters[i] = cluster
	}
	clusters[1].Certificates = true
	server := httptest.NewServer(openapitest.Checked(tb, api))
	tb.Cleanup(server.Close)
	return api, server.URL, clusters[0], clusters[1]
}

type apiKey struct{}

func apiOf(ts *testscript.TestScript) *digitaloceantest.API {
	return ts.Value(apiKey{}).(*digitaloceantest.API)
}

// TestScripts runs testdata/script. Each script has its own API, whose address and access token are
// in the environment, and these commands:
//
//	fault NAME|none      apply a named fault to calls for credentials
//	listfault NAME|none  apply a named fault to calls for clusters
//	mints CLUSTER N      fail unless N credentials have been minted
//	tokens CLUSTER N     fail unless the cluster accepts N tokens
//	calls N              fail unless the API has received N calls
//	fails CODE COMMAND…  run a command that must exit with CODE and print nothing to standard output
//	cluster ID NAME      add a cluster to the API
//	clusters N           add N clusters to the API
//	delete ID            remove a cluster from the API
//	state ID STATE       change a cluster's state
//	serve CLUSTER        start its API server, and set HTTPS_PROXY to a proxy for it and TUNNEL to another address of it;
//	                     its authority is in ca.crt, where anybody may write
//	revoke CLUSTER       revoke the tokens minted for it
//	scopes SCOPE…        limit the access token to these scopes
//	request CLUSTER SERVER WHAT… set a client's request in the environment; see requestOf
//	edit FILE PATTERN NEW replace what matches a pattern, in which ^ and $ stand for the ends of lines
//	replace OLD NEW FILE replace all occurrences of OLD in the file by NEW, where \n is a line feed
//	recipe HEADING FILE  write the first commands below a heading of README.md to the file
//	sealed TEXT DIR      fail if a file in DIR contains the text in its name or contents
//	shared [COMMAND]     start a server for a shared cache, and set DOKS_AUTH_SHARED_CACHE to its address, or do
//	                     something to it; see sharedCommand
//
// There are also an authorization server and an OpenID provider; see authCommands and ssoCommands.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			api, url, _, _ := newAPI(env.T().(testing.TB))
			env.Values[apiKey{}] = api
			env.Values[sharedKey{}] = make(map[string]*miniredis.Miniredis)
			auth := newAuth(env.T().(testing.TB), api, 0)
			env.Values[authKey{}] = auth
			issuer := oidctest.Start(env.T().(testing.TB), ssoClient)
			issuer.AllowAnyPort()
			env.Values[issuerKey{}] = issuer
			empty := httptest.NewServer(openapitest.Checked(env.T().(testing.TB), digitaloceantest.NewAPI(accessToken)))
			env.Defer(empty.Close)
			home := filepath.Join(env.WorkDir, "home")
			env.Vars = append(env.Vars,
				noRaceDelay, noProxy,
				"HOME="+home, "USERPROFILE="+home,
				// The same places on Windows as on Linux.
				"APPDATA="+filepath.Join(home, ".config"), "LOCALAPPDATA="+filepath.Join(home, ".local", "state"),
				"DIGITALOCEAN_API_URL="+url,
				"EMPTY_API_URL="+empty.URL,
				"AUTH_URL="+auth.url,
				"ISSUER="+issuer.URL(),
				noKeyring,
				"DIGITALOCEAN_ACCESS_TOKEN="+accessToken,
				"OTHER_ACCESS_TOKEN="+otherAccessToken,
				"TOKEN_CLUSTER="+tokenCluster,
				"CERT_CLUSTER="+certCluster,
				`V1={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",`+
					`"spec":{"interactive":false}}`,
				`V1BETA1={"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1",`+
					`"spec":{"interactive":false}}`,
			)
			return os.MkdirAll(home, 0o700)
		},
		Cmds: with(ssoCommands, with(authCommands, map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"fault": func(ts *testscript.TestScript, _ bool, args []string) {
				fault, ok := digitaloceantest.Named()[args[0]]
				if !ok && args[0] != "none" {
					ts.Fatalf("there is no fault named %q", args[0])
				}
				apiOf(ts).SetFault(fault)
			},
			"listfault": func(ts *testscript.TestScript, _ bool, args []string) {
				fault, ok := digitaloceantest.NamedOfClusters()[args[0]]
				if !ok && args[0] != "none" {
					ts.Fatalf("there is no fault of lists named %q", args[0])
				}
				apiOf(ts).SetClustersFault(fault)
			},
			"edit": func(ts *testscript.TestScript, _ bool, args []string) {
				before := ts.ReadFile(args[0])
				after := regexp.MustCompile("(?m)"+args[1]).ReplaceAllString(before, args[2])
				if after == before {
					ts.Fatalf("nothing in %s changes", args[0])
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(after), 0o600))
			},
			"mints": func(ts *testscript.TestScript, _ bool, args []string) {
				if got := apiOf(ts).Mints(args[0]); strconv.Itoa(got) != args[1] {
					ts.Fatalf("got %d mints for %s, want %s", got, args[0], args[1])
				}
			},
			"tokens": func(ts *testscript.TestScript, _ bool, args []string) {
				if got := apiOf(ts).Tokens(args[0]); strconv.Itoa(got) != args[1] {
					ts.Fatalf("got %d tokens that %s accepts, want %s", got, args[0], args[1])
				}
			},
			"calls": func(ts *testscript.TestScript, _ bool, args []string) {
				if got := apiOf(ts).Calls(); strconv.Itoa(got) != args[0] {
					ts.Fatalf("got %d API calls, want %s", got, args[0])
				}
			},
			"fails": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				code := 0
				if exit, ok := errors.AsType[*exec.ExitError](err); ok {
					code = exit.ExitCode()
				} else if err != nil {
					ts.Fatalf("running %s: %v", args[1], err)
				}
				ts.Logf("[exit code %d]\n%s", code, ts.ReadFile("stderr"))
				if strconv.Itoa(code) != args[0] {
					ts.Fatalf("got exit code %d, want %s", code, args[0])
				}
				if out := ts.ReadFile("stdout"); out != "" {
					ts.Fatalf("got %q on standard output, want nothing", out)
				}
			},
			"cluster": func(ts *testscript.TestScript, _ bool, args []string) {
				cluster, err := digitaloceantest.NewCluster(args[0])
				ts.Check(err)
				cluster.Name = args[1]
				apiOf(ts).AddCluster(cluster)
			},
			"delete": func(ts *testscript.TestScript, _ bool, args []string) {
				apiOf(ts).RemoveCluster(args[0])
			},
			"state": func(ts *testscript.TestScript, _ bool, args []string) {
				apiOf(ts).SetState(args[0], args[1])
			},
			"clusters": func(ts *testscript.TestScript, _ bool, args []string) {
				n, err := strconv.Atoi(args[0])
				ts.Check(err)
				for i := range n {
					apiOf(ts).AddCluster(&digitaloceantest.Cluster{
						ID: fmt.Sprintf("00000000-0000-4000-8000-%012x", i), Name: fmt.Sprintf("Cluster.%d", i),
						Region: "nyc1", Version: "1.37.1-do.0", State: "running",
					})
				}
			},
			"serve": func(ts *testscript.TestScript, _ bool, args []string) {
				cluster := apiOf(ts).Cluster(args[0])
				ts.Check(cluster.Serve(apiOf(ts)))
				proxy := httptest.NewServer(digitaloceantest.Proxy(map[string]string{cluster.Host(): cluster.Addr()}))
				ts.Defer(func() { cluster.Close(); proxy.Close() })
				ts.Setenv("HTTPS_PROXY", proxy.URL)
				ts.Setenv("TUNNEL", "https://"+cluster.Addr())
				ts.Check(os.WriteFile(ts.MkAbs("ca.crt"), cluster.CA(), 0o600))
				ts.Check(os.Chmod(ts.MkAbs("ca.crt"), 0o666))
			},
			"revoke": func(ts *testscript.TestScript, _ bool, args []string) {
				apiOf(ts).Revoke(args[0])
			},
			"scopes": func(ts *testscript.TestScript, _ bool, args []string) {
				apiOf(ts).SetScopes(accessToken, args...)
			},
			"request": func(ts *testscript.TestScript, _ bool, args []string) {
				request, err := requestOf(apiOf(ts).Cluster(args[0]), args[1], args[2:])
				ts.Check(err)
				ts.Setenv("KUBERNETES_EXEC_INFO", request)
			},
			"replace": func(ts *testscript.TestScript, _ bool, args []string) {
				text := ts.ReadFile(args[2])
				if !strings.Contains(text, args[0]) {
					ts.Fatalf("%s doesn't contain %q", args[2], args[0])
				}
				text = strings.ReplaceAll(text, args[0], strings.ReplaceAll(args[1], `\n`, "\n"))
				ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text), 0o600))
			},
			"recipe": func(ts *testscript.TestScript, _ bool, args []string) {
				text, err := recipe(args[0])
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
			},
			"shared": sharedCommand,
			"sealed": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(checkSealed(ts.MkAbs(args[1]), args[0]))
			},
		})),
	})
}

// checkSealed returns an error if a file in dir contains one of the texts in its name or contents.
func checkSealed(dir string, texts ...string) error {
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if strings.Contains(path, text) || strings.Contains(string(data), text) {
				return fmt.Errorf("%s contains %q", path, text)
			}
		}
		return nil
	})
	if err == nil && files == 0 {
		err = fmt.Errorf("there are no files in %s", dir)
	}
	return err
}
