package kubeconfig

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/uuid"
)

// Conversion reports what became of one of doctl's entries.
type Conversion struct {
	User      string
	Converted bool
	Old, New  Exec   // if it was converted
	Reason    error  // why it wasn't
	Note      string // a caveat, if it was; may be empty
}

// Convert makes users that run doctl run this plugin instead: as exec returns for what they had, with the counterparts
// of doctl's arguments added. An entry whose arguments have no counterpart is left, and so is one for single sign-on
// that accept returns an error for: cluster is that of the user's first context; nil if there is none.
func (c *Config) Convert(exec func(old Exec) Exec, accept func(to Exec, cluster *Cluster) error) []Conversion {
	var done []Conversion
	for i := range c.Users {
		user := &c.Users[i]
		if user.Exec == nil || user.Exec.Program() != "doctl" {
			continue
		}
		call, err := parseDoctl(user.Exec.Args)
		if err != nil {
			done = append(done, Conversion{User: user.Name, Reason: err})
			continue
		}
		to, note := exec(*user.Exec), ""
		if strings.EqualFold(call.context, "default") && hasEnv(user.Exec, "DIGITALOCEAN_ACCESS_TOKEN") {
			call.context = "" // the variable is the default context's access token
		}
		to.Args = append(slices.Clone(to.Args), call.args()...)
		if server := c.tunnel(user.Name, call.clusterID); server != "" {
			to.ProvideClusterInfo = false
			note = fmt.Sprintf("server %s has another name than the cluster's: it isn't checked", show.URL(server))
		}
		err = to.Check()
		if err == nil && call.isSSO() {
			to.InteractiveMode = "IfAvailable" // somebody may have to sign in
			err = accept(to, c.clusterOf(user.Name))
		}
		if err != nil {
			done = append(done, Conversion{User: user.Name, Reason: err})
			continue
		}
		done = append(done, Conversion{User: user.Name, Converted: true, Old: *user.Exec, New: to, Note: note})
		user.setExec(to)
	}
	return done
}

// doctlCall is a call of doctl for a credential.
type doctlCall struct {
	clusterID, context, apiURL, expirySeconds string
	issuer, clientID, port                    string // of single sign-on
}

func (d doctlCall) isSSO() bool { return d.issuer != "" || d.clientID != "" }

// args returns this plugin's arguments for the same credential. Single sign-on needs no access token.
func (d doctlCall) args() []string {
	var args []string
	for _, flag := range []struct {
		name, value string
		forSSO      bool
	}{
		{"--context=", d.context, false}, {"--api-url=", d.apiURL, false}, {"--expiry-seconds=", d.expirySeconds, false},
		{"--sso-issuer-url=", d.issuer, true}, {"--sso-client-id=", d.clientID, true},
		{"--sso-callback-port=", d.port, true},
	} {
		if flag.value != "" && flag.forSSO == d.isSSO() {
			args = append(args, flag.name+flag.value)
		}
	}
	return append(args, d.clusterID)
}

// doctlWords are the words of doctl's command, with their aliases.
var doctlWords = [...][]string{
	{"kubernetes", "kube", "k8s", "k"},
	{"cluster", "clusters", "c"},
	{"kubeconfig", "kubecfg", "k8scfg", "config", "cfg"},
	{"exec-credential"},
}

// parseDoctl parses doctl's arguments as doctl does, flags anywhere among them. The error says why they have no
// counterpart.
func parseDoctl(args []string) (doctlCall, error) {
	var call doctlCall
	var accessToken, config string
	flags := ignoredFlags()
	flags.StringVar(&call.context, "context", "", "")
	flags.StringVarP(&call.apiURL, "api-url", "u", "", "")
	flags.StringVar(&call.expirySeconds, "expiry-seconds", "", "")
	for _, flag := range []struct {
		to    *string
		names []string
	}{
		{&call.issuer, []string{"sso-issuer-url", "issuer-url"}},
		{&call.clientID, []string{"sso-client-id", "client-id"}},
		{&call.port, []string{"sso-local-server-port"}},
	} {
		for _, name := range flag.names {
			flags.StringVar(flag.to, name, "", "")
		}
	}
	flags.StringVarP(&accessToken, "access-token", "t", "", "")
	flags.StringVarP(&config, "config", "c", "", "")
	if err := flags.Parse(args); err != nil {
		unknown := ""
		if flag, ok := errors.AsType[*pflag.NotExistError](err); ok {
			unknown = shownFlag(flag.GetSpecifiedName())
		}
		return call, fmt.Errorf("doctl's arguments have no counterpart here%s", unknown)
	}
	if !isDoctlCommand(flags.Args()) {
		return call, errors.New("its arguments aren't doctl's for a credential")
	}
	call.clusterID = strings.ToLower(flags.Arg(len(doctlWords)))
	switch {
	case !uuid.Is(call.clusterID):
		return call, errors.New("its last argument isn't a cluster id")
	case accessToken != "":
		return call, ErrAccessTokenInArgs
	case config != "":
		return call, ErrOwnConfig
	case call.isSSO() && (call.issuer == "" || call.clientID == ""):
		return call, errors.New("its arguments name the issuer or the client of single sign-on, but not both")
	}
	return call, nil
}

// ignoredFlags returns those of doctl's flags that don't affect the credential.
func ignoredFlags() *pflag.FlagSet {
	flags := pflag.NewFlagSet("doctl", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringP("output", "o", "", "")
	flags.BoolP("verbose", "v", false, "")
	for _, name := range []string{"trace", "interactive"} {
		flags.Bool(name, false, "")
	}
	for _, name := range []string{"version", "http-retry-max", "http-retry-wait-max", "http-retry-wait-min"} {
		flags.String(name, "", "")
	}
	return flags
}

// isDoctlCommand reports whether words are doctl's command for a credential, and one more.
func isDoctlCommand(words []string) bool {
	if len(words) != len(doctlWords)+1 {
		return false
	}
	for i, names := range doctlWords {
		if !slices.Contains(names, words[i]) {
			return false
		}
	}
	return true
}

// shownFlag returns a flag's name, unless it may be a secret in the place of one.
func shownFlag(name string) string {
	if !regexp.MustCompile(`^[a-z][a-z-]{0,39}$`).MatchString(name) {
		return ""
	}
	return fmt.Sprintf(" (the flag %s)", name)
}

// clusterOf returns the cluster of one of the user's contexts, or nil.
func (c *Config) clusterOf(user string) *Cluster {
	for _, context := range c.Contexts {
		if context.User == user {
			return c.Cluster(context.Cluster)
		}
	}
	return nil
}

// tunnel returns the server of one of the user's contexts if its host isn't named after the cluster, or "".
func (c *Config) tunnel(user, clusterID string) string {
	for _, context := range c.Contexts {
		cluster := c.Cluster(context.Cluster)
		if context.User != user || cluster == nil {
			continue
		}
		if !strings.Contains(strings.ToLower(cluster.Server), "//"+clusterID+".") {
			return cluster.Server
		}
	}
	return ""
}

func hasEnv(exec *Exec, name string) bool {
	return slices.ContainsFunc(exec.Env, func(v map[string]string) bool { return v["name"] == name })
}
