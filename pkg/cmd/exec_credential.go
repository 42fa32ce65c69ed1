package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
)

// execCredential is the command that Kubernetes clients run.
type execCredential struct {
	*options

	fetch           fetch
	apiVersion      string
	skipServerCheck bool
	noHeal          bool
	sso             ssoFlags

	help func() string // what to print if there is no request; nil: the answer to one for v1
}

func newExecCredential(opts *options) *cobra.Command {
	e := &execCredential{options: opts}
	cmd := &cobra.Command{
		Use:   "exec-credential [CLUSTER-ID]",
		Short: "Print an ExecCredential for a cluster (what kubectl runs)",
		Long: `exec-credential prints a credential for a cluster as an ExecCredential of
client.authentication.k8s.io.

It reads the request from KUBERNETES_EXEC_INFO or, without --api-version, from standard input, unless
that is a terminal. Without a request it answers in the version that --api-version says, or else v1.

The cluster is the first of these that is given: the argument, clusterID in the request's
spec.cluster.config, the id in the host name of spec.cluster.server (<id>.k8s.ondigitalocean.com).

With --sso-issuer-url and --sso-client-id, the credential is the ID token of a sign-in at an OpenID
provider, and no access token is used. You may have to sign in with a browser first, within 3 minutes. The
provider and the cluster must have been recorded: 'doks-auth kubeconfig save' and 'doks-auth auth login --sso'
do that.`,
		Example:           `  doks-auth exec-credential --api-version=v1 8d91899c-0739-4a1a-acc5-deadbeefbb8f`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		RunE:              e.prints(e.answer),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	e.addFlags(cmd.Flags())
	return cmd
}

func (e *execCredential) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&e.apiVersion, "api-version", "",
		"answer in this `version`, v1 or v1beta1, if KUBERNETES_EXEC_INFO isn't set, and don't read standard input")
	e.fetch.addExpiryFlag(flags)
	e.fetch.addCacheFlags(flags)
	flags.BoolVar(&e.skipServerCheck, "skip-server-check", false,
		"give the credential to a server that isn't the cluster's, such as a tunnel")
	flags.BoolVar(&e.noHeal, "no-heal", false,
		"don't ask the cluster about a cached credential that a program asks for again")
	e.sso.addTo(flags)
	e.sso.addDoctlsTo(flags)
}

// prints is the options' method, but gives people time to sign in if they may be able to.
func (e *execCredential) prints(
	do func(context.Context, []string) ([]byte, error),
) func(*cobra.Command, []string) error {
	run := e.options.prints(do)
	return func(cmd *cobra.Command, args []string) error {
		if e.sso.isSet() && (signin.CheckDesktop(e.Getenv) == nil || e.readsStderr()) {
			e.signInTime = signInTime
		}
		return run(cmd, args)
	}
}

// source is where the credentials of clusters come from.
type source interface {
	// credential returns a cluster's credential, from the cache if how allows that.
	credential(ctx context.Context, id digitalocean.ClusterID, how fetch) (credential.Credential, error)

	// renew returns a credential that replaces old.
	renew(
		ctx context.Context, id digitalocean.ClusterID, how fetch, old credential.Credential,
	) (credential.Credential, error)

	// heal returns held, or a credential that replaces it if the cluster that asker asks refuses it.
	heal(
		ctx context.Context, id digitalocean.ClusterID, how fetch, held credential.Credential,
		asker credential.Asker,
	) (credential.Credential, error)
}

// source returns where the credential for a request comes from: an account of DigitalOcean, or a session for single
// sign-on.
func (e *execCredential) source(id digitalocean.ClusterID, request execcredential.Request) (source, error) {
	if e.sso.isSet() {
		return e.ssoSource(id, request)
	}
	return e.account()
}

// answer answers the request, wherever it is.
func (e *execCredential) answer(ctx context.Context, args []string) ([]byte, error) {
	request, late, err := e.request(ctx)
	switch {
	case !errors.Is(err, execcredential.ErrNoRequest):
	case e.help != nil:
		return []byte(e.help()), nil
	default:
		request, err = execcredential.Request{Version: execcredential.V1}, nil
	}
	if err != nil {
		return nil, err
	}
	return e.respond(ctx, request, late, args)
}

// respond goes from a request to its response: it finds the cluster, the account or the session, and its credential
// for the cluster, and checks that the client may have it.
func (e *execCredential) respond(
	ctx context.Context, request execcredential.Request, late lateRequest, args []string,
) ([]byte, error) {
	id, err := e.clusterID(args, request)
	if err != nil {
		return nil, err
	}
	// A person may have fixed what a remembered failure says. A client always reads the output.
	e.unattended = e.StdoutIsTerminal == nil || !e.StdoutIsTerminal()
	e.fetch.ignoreFailures = !e.unattended && !e.byClient()
	started := e.Now()
	source, err := e.source(id, request)
	if err != nil {
		return nil, getting(id, err)
	}
	got, err := source.credential(ctx, id, e.fetch)
	if err != nil {
		return nil, err
	}
	if request, err = late(ctx, request); err != nil {
		return nil, err
	}
	if got, err = e.bind(ctx, source, id, got, request); err != nil {
		return nil, getting(id, err)
	}
	if got, err = e.heal(ctx, source, id, got, request, started); err != nil {
		return nil, getting(id, err)
	}
	var response bytes.Buffer
	err = execcredential.WriteResponse(&response, request.Version, got, e.Now())
	return response.Bytes(), err
}

// request returns the request from the environment or standard input. It doesn't read standard input if that
// may be meant for the client. Call late before writing the response: if nothing had arrived on standard input
// and a request has since, late returns that one instead.
func (e *execCredential) request(ctx context.Context) (request execcredential.Request, late lateRequest, err error) {
	late = func(_ context.Context, request execcredential.Request) (execcredential.Request, error) {
		return request, nil
	}
	if text := e.Getenv(execcredential.EnvVar); text != "" {
		request, err = execcredential.ParseRequest([]byte(text))
		return request, late, err
	}
	if e.apiVersion != "" {
		request.Version, err = execcredential.ParseVersion(e.apiVersion)
		return request, late, err
	}
	if e.StdinIsTerminal() {
		return request, late, execcredential.ErrNoRequest
	}
	stdin := execcredential.NewReader(e.Stdin)
	request, err = stdin.Read(ctx)
	if errors.Is(err, execcredential.ErrNoRequest) {
		late = func(ctx context.Context, request execcredential.Request) (execcredential.Request, error) {
			came, err := stdin.Late(ctx)
			if errors.Is(err, execcredential.ErrNoRequest) {
				return request, nil
			}
			return came, err
		}
	}
	return request, late, err
}

// lateRequest returns a request that arrived late, or else the given one.
type lateRequest func(context.Context, execcredential.Request) (execcredential.Request, error)

// clusterID returns the requested cluster: the argument, else the one in the request's configuration, else the
// one in the host name of the request's server.
func (e *execCredential) clusterID(args []string, request execcredential.Request) (digitalocean.ClusterID, error) {
	if len(args) > 0 {
		return digitalocean.ParseClusterID(args[0])
	}
	if len(request.Config) > 0 {
		var config struct {
			ClusterID string `json:"clusterID"`
		}
		if err := json.Unmarshal(request.Config, &config); err != nil {
			return "", usageErrorf("reading the request's spec.cluster.config: it is not an object with a clusterID")
		}
		if config.ClusterID != "" {
			return digitalocean.ParseClusterID(config.ClusterID)
		}
	}
	server := request.Target.Server
	if server == "" {
		return "", advise(credential.Usage, errors.New("no cluster is named"), e.adviceOnNoCluster())
	}
	u, err := serverurl.Parse(server)
	if err != nil {
		return "", advise(credential.Unsafe,
			fmt.Errorf("refusing to give a credential to server %s", show.URL(server)),
			"fix the cluster's server in the kubeconfig")
	}
	if id, ok := digitalocean.ClusterIDFromHost(u.Hostname()); ok {
		return id, nil
	}
	return "", advise(credential.Usage,
		fmt.Errorf("no cluster is named, and server %s has no cluster id in its name", show.URL(server)),
		"in the kubeconfig, add clusterID to the cluster's extension client.authentication.k8s.io/exec, "+
			"or the id to the user's args")
}

// adviceOnNoCluster returns how to name the cluster. Some clients send no request, and some one without the cluster,
// whatever the kubeconfig says.
func (e *execCredential) adviceOnNoCluster() string {
	if e.byClient() {
		return "this client doesn't pass the cluster: add its id to the user's args in the kubeconfig " +
			"(kubectl passes it with provideClusterInfo: true)"
	}
	return "give its id as an argument, in a kubeconfig among the user's args: " +
		"without a request, provideClusterInfo: true has no effect"
}
