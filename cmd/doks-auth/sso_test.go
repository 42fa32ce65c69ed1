package main

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// ssoClient is the client of the OpenID providers in tests.
const ssoClient = "doks-cluster-client"

// follow plays a browser whose user is signed in at an OpenID provider: it goes where it is sent, and exits.
func follow(address string) {
	if err := visit(address, "Signed in"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

type issuerKey struct{}

func issuerOf(ts *testscript.TestScript) *oidctest.Issuer {
	return ts.Value(issuerKey{}).(*oidctest.Issuer)
}

// ssoCommands are the scripts' commands for the OpenID provider at ISSUER, whose client is doks-cluster-client:
//
//	sso ID NAME required|optional  add a cluster with single sign-on to the API
//	oidcfault ENDPOINT [NAME]      apply a named fault to an endpoint of the provider, or none
//	oidcwithout FEATURE…           take features from the provider
//	oidcuser SUBJECT EMAIL         this user signs in from now on
//	oidcends                       end all sessions
//	signins N                      fail unless users signed in N times
//	ssorefreshes N                 fail unless sessions were refreshed N times
//	freeport NAME                  set the variable to a port that is free
var ssoCommands = map[string]scriptCommand{
	"sso": func(ts *testscript.TestScript, _ bool, args []string) {
		cluster, err := digitaloceantest.NewCluster(args[0])
		ts.Check(err)
		cluster.Name = args[1]
		cluster.SSO = digitaloceantest.SSO{
			Enabled: true, Required: args[2] == "required", IssuerURL: issuerOf(ts).URL(), ClientID: ssoClient,
		}
		apiOf(ts).AddCluster(cluster)
	},
	"oidcfault": func(ts *testscript.TestScript, _ bool, args []string) {
		issuerOf(ts).Fault(args[0], append(args, "")[1])
	},
	"oidcwithout": func(ts *testscript.TestScript, _ bool, args []string) { issuerOf(ts).Without(args...) },
	"oidcuser": func(ts *testscript.TestScript, _ bool, args []string) {
		issuerOf(ts).SetUser(oidctest.User{Subject: args[0], Email: args[1], Roles: []string{"owner"}})
	},
	"oidcends":     func(ts *testscript.TestScript, _ bool, _ []string) { issuerOf(ts).EndSessions() },
	"signins":      counted((*oidctest.Issuer).SignIns),
	"ssorefreshes": counted((*oidctest.Issuer).Refreshes),
	"freeport": func(ts *testscript.TestScript, _ bool, args []string) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer listener.Close()
		ts.Setenv(args[0], strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	},
}

func counted(count func(*oidctest.Issuer) int) scriptCommand {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		if got := count(issuerOf(ts)); strconv.Itoa(got) != args[0] {
			ts.Fatalf("got %d, want %s", got, args[0])
		}
	}
}
