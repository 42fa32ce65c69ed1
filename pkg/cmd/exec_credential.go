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
)

// execCredential is the command that Kubernetes clients run.
type execCredential struct {
	fetching

	apiVersion      string
	skipServerCheck bool
}

func newExecCredential(opts *options) *cobra.Command {
	e := &execCredential{fetching: fetching{options: opts}}
	cmd := &cobra.Command{
		Use:   "exec-credential [CLUSTER-ID]",
		Short: "Give a client its credential (what kubectl runs)",
		Long: `exec-credential prints a credential for a cluster as an ExecCredential of
client.authentication.k8s.io.

The request comes from KUBERNETES_EXEC_INFO; else, without --api-version, from standard input unless
that is a terminal; else there is none, and the answer is of version v1.

The cluster is the argument; else clusterID in the request's spec.cluster.config; else the id in the
host name of spec.cluster.server, <id>.k8s.ondigitalocean.com.`,
		Example: `  doks-auth exec-credential --api-version=v1 8d91899c-0739-4a1a-acc5-deadbeefbb8f`,
		Args:    usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bare := !cmd.HasParent()
			response, err := bounded(cmd.Context(), opts, func(ctx context.Context) ([]byte, error) {
				request, late, err := e.request(ctx)
				if errors.Is(err, execcredential.ErrNoRequest) && !bare {
					request, err = execcredential.Request{Version: execcredential.V1}, nil
				}
				if err != nil {
					return nil, err
				}
				return e.respond(ctx, request, late, args)
			})
			if errors.Is(err, execcredential.ErrNoRequest) {
				return cmd.Help()
			}
			if err != nil {
				return err
			}
			_, err = e.Stdout.Write(response)
			return err
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	e.addFlags(cmd.Flags())
	return cmd
}

func (e *execCredential) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&e.apiVersion, "api-version", "", "answer in this `version`, v1 or v1beta1, when no request says which, and don't read standard input")
	e.addExpiryFlag(flags)
	e.addCacheFlags(flags)
	flags.BoolVar(&e.skipServerCheck, "skip-server-check", false, "give the credential also to a server that isn't the cluster's, such as a tunnel to it")
}

// request returns the request, from where the protocol has it. Standard input is left alone wherever it
// may be somebody else's. Where nothing came there, late looks for what came since.
func (e *execCredential) request(ctx context.Context) (request execcredential.Request, late lateRequest, err error) {
	late = func(context.Context) (execcredential.Request, error) {
		return execcredential.Request{}, execcredential.ErrNoRequest
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
		late = stdin.Late
	}
	return request, late, err
}

// lateRequest returns a request that came after there was none, or fails with execcredential.ErrNoRequest.
type lateRequest func(context.Context) (execcredential.Request, error)

// respond returns the response to a request.
func (e *execCredential) respond(ctx context.Context, request execcredential.Request, late lateRequest, args []string) ([]byte, error) {
	id, err := clusterID(args, request)
	if err != nil {
		return nil, err
	}
	got, err := e.credential(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("getting credentials for cluster %q: %w", id, err)
	}
	switch came, err := late(ctx); {
	case err == nil:
		request = came
	case !errors.Is(err, execcredential.ErrNoRequest):
		return nil, err
	}
	if got, err = e.bind(ctx, id, got, request); err != nil {
		return nil, fmt.Errorf("getting credentials for cluster %q: %w", id, err)
	}
	var response bytes.Buffer
	err = execcredential.WriteResponse(&response, request.Version, got, e.Now())
	return response.Bytes(), err
}

// clusterID returns the cluster that is asked for: by the argument, else by the configuration that
// the request carries, else by the host name of its server.
func clusterID(args []string, request execcredential.Request) (digitalocean.ClusterID, error) {
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
		return "", &credential.Error{
			Class: credential.Usage,
			Err:   errors.New("no cluster is named"),
			Hint:  "give its id as argument, or set provideClusterInfo: true in the kubeconfig's user",
		}
	}
	u, err := credential.ParseServer(server)
	if err != nil {
		return "", &credential.Error{
			Class: credential.Unsafe,
			Err:   fmt.Errorf("refusing to give a credential to server %s", credential.ShowURL(server)),
			Hint:  "fix the cluster's server in the kubeconfig",
		}
	}
	if id, ok := digitalocean.ClusterIDFromHost(u.Hostname()); ok {
		return id, nil
	}
	return "", &credential.Error{
		Class: credential.Usage,
		Err:   fmt.Errorf("no cluster is named, and server %s has no cluster id in its name", credential.ShowURL(server)),
		Hint:  "in the kubeconfig, add clusterID to the cluster's extension client.authentication.k8s.io/exec, or the id to the user's args",
	}
}
