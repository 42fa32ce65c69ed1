package cmd

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// checkCluster connects to a cluster's API server, as a client with the kubeconfig would.
func (d *doctor) checkCluster(ctx context.Context) []finding {
	const check = "cluster"
	target, entry, found := d.target(ctx, d.config, d.args)
	if target.id == "" {
		return found
	}
	by := &execCredential{options: d.options}
	if entry != nil {
		parsed, named, err := d.parseEntry(entry)
		if err != nil {
			return append(found, failuref(check, saveHint, "the user's args in the kubeconfig are invalid: %v", err))
		}
		by = parsed
		if len(named) == 1 { // a cluster in the user's args takes precedence
			target.id, _ = digitalocean.ParseClusterID(named[0])
		}
		if f := d.checkAddress(parsed); f != nil && !parsed.sso.isSet() {
			return append(found, *f)
		}
	}
	by.fetch.ignoreFailures = true
	if by.sso.isSet() {
		got, f := d.ssoCredential(ctx, target, by)
		if f != nil {
			return append(found, *f)
		}
		return append(found, d.checkAnswer(ctx, target, by, got)...)
	}
	notChecked := warning(check, "", "%s: not checked, because of the failure above", target.id)
	account, err := by.account()
	switch {
	case err != nil && d.broken:
		return append(found, notChecked)
	case err != nil:
		return append(found, failure(check, getting(target.id, err)))
	}
	if f := d.checkState(target.id, account, target.context); f != nil {
		return append(found, *f)
	}
	found = append(found, account.checkOthers(ctx, target.id)...)
	arrived := d.waiting(theAPI)
	got, err := account.credential(ctx, target.id, by.fetch)
	arrived()
	switch {
	case err != nil && d.broken:
		return append(found, notChecked)
	case err != nil:
		return append(found, failure(check, err))
	}
	return append(found, d.checkAnswer(ctx, target, by, got)...)
}

// checkAnswer checks whether a client may give a credential to the server in the kubeconfig, and asks that server.
func (d *doctor) checkAnswer(
	ctx context.Context, t target, by *execCredential, got credential.Credential,
) []finding {
	found := []finding{ok("cluster", "%s: credential valid until %s", t.id, expiry(got))}
	switch {
	case t.cluster == nil || by.skipServerCheck:
	case got.Server == "":
		found = append(found, warning("cluster", adviceOnSSO(oidc.ErrNotPinned, by.sso),
			"%s: the cluster entry can't be checked, because %v", t.id, oidc.ErrNotPinned))
	default:
		found = append(found, checkTarget(got, t.cluster)...)
	}
	defer d.waiting("the cluster's API server")()
	id := string(t.id)
	refused := "it may have been revoked: 'doks-auth cache clear " + id + "' makes the next run fetch a new one"
	if by.sso.isSet() {
		refused = "the cluster may accept another provider's ID tokens by now: " +
			"'doks-auth kubeconfig save " + id + "' asks DigitalOcean"
	}
	return append(found, askServer(ctx, got, t.cluster, refused))
}

// checkAddress returns a failure if the kubeconfig's entry sends the access token to another API than our own
// options do, which may belong to anybody.
func (d *doctor) checkAddress(entry *execCredential) *finding {
	theirs, err := entry.sources().Find()
	if err != nil {
		return nil // getting the credential will report it
	}
	own, _ := d.sources().Find()
	address := entry.apiAddress(theirs)
	if address == d.apiAddress(own) {
		return nil
	}
	shown := shownURL(address)
	word := "ADDRESS"
	if shown == address {
		word = shellword.Quote(address, word)
	}
	hint := "if it is yours, run " + shellword.Command("doks-auth doctor --api-url="+word) +
		"; otherwise don't use this kubeconfig"
	f := failuref("cluster", hint, "the kubeconfig sends the access token to %s", shown)
	return &f
}

// checkTarget reports each way in which a cluster entry lets somebody other than the cluster answer.
func checkTarget(got credential.Credential, cluster *kubeconfig.Cluster) []finding {
	const check = "cluster"
	var found []finding
	authority, err := cluster.Authority()
	if err != nil {
		found = append(found, failuref(check, saveHint, "the cluster entry %q: %v", cluster.Name, err))
	}
	for _, target := range []credential.Target{
		{Server: cluster.Server},
		{Server: got.Server, InsecureSkipTLSVerify: cluster.InsecureSkipTLSVerify},
		{Server: got.Server, TLSServerName: cluster.TLSServerName},
		{Server: got.Server, CertificateAuthority: authority},
	} {
		err := got.CheckTarget(target)
		if err == nil {
			continue
		}
		f := failure(check, err)
		if errors.Is(err, credential.ErrAuthority) {
			f.Message = credential.ErrAuthority.Error()
		}
		found = append(found, f)
	}
	return found
}

// target is the cluster that is checked.
type target struct {
	id      digitalocean.ClusterID
	context string              // in the kubeconfig, or ""
	cluster *kubeconfig.Cluster // its entry in the kubeconfig, or nil
}

// target returns the cluster that the argument or the current context names, and how a client runs doks-auth
// for it, or nil.
func (d *doctor) target(
	ctx context.Context, config *kubeconfig.Config, args []string,
) (target, *kubeconfig.Exec, []finding) {
	const check, nameOne = "cluster", "name a cluster: 'doks-auth doctor CLUSTER'"
	var t target
	name := contextName(config, args)
	if name == "" && len(args) > 0 {
		ids, err := d.clusterIDs(ctx, args)
		if err != nil && d.broken {
			return t, nil, []finding{warning(check, "", "%s: not checked, because of the failure above", args[0])}
		}
		if err != nil {
			f := failure(check, err)
			f.Hint = cmp.Or(didYouMean(meant(args[0], contextNames(config))), f.Hint)
			return t, nil, []finding{f}
		}
		save := shellword.Command("doks-auth kubeconfig save " + shellword.Quote(args[0], "CLUSTER"))
		return target{id: ids[0]}, nil, []finding{warning(check, save+" adds one",
			"no context in the kubeconfig points to cluster %q", ids[0])}
	}
	if name == "" {
		hint := nameOne
		if d.found == nil {
			hint = "" // it couldn't be looked up
		}
		return t, nil, []finding{warning(check, hint, "not checked: there is no current context")}
	}
	context := config.Context(name)
	if context == nil {
		hint := "'doks-auth kubeconfig save CLUSTER' adds one, and makes it the current one"
		if len(config.Contexts) > 0 {
			hint = "'kubectl config use-context NAME' chooses another"
		}
		return t, nil, []finding{failuref(check, hint, "the current context %q isn't in the kubeconfig", name)}
	}
	t.context = name
	t.cluster = config.Cluster(context.Cluster)
	if t.cluster == nil {
		return t, nil, []finding{failuref(check, saveHint,
			"the context %q refers to the cluster entry %q, which doesn't exist", name, context.Cluster)}
	}
	id, err := digitalocean.ParseClusterID(config.IDOf(t.cluster))
	if err != nil {
		return target{}, nil, []finding{warning(check, nameOne,
			"not checked: the context %q doesn't appear to be for DigitalOcean Kubernetes", name)}
	}
	t.id = id
	user := config.User(context.User)
	switch {
	case user == nil:
		return target{}, nil, []finding{failuref(check, saveHint,
			"the context %q refers to the user %q, which doesn't exist", name, context.User)}
	case user.Exec.IsOurs() && user.Exec.Program() == "doctl":
		return t, nil, nil // checkEntries has reported it
	case !user.Exec.IsOurs():
		return t, nil, []finding{warning(check, saveHint,
			"the context %q refers to the user %q, which doesn't run doks-auth", name, user.Name)}
	}
	return t, user.Exec, nil
}

// contextName returns the name of the context that is checked, or "".
func contextName(config *kubeconfig.Config, args []string) string {
	if len(args) == 0 {
		return config.CurrentContext
	}
	return config.ContextFor(args[0])
}

// entryOf returns how clients run this program for the context that is checked, or nil if they don't.
func (d *doctor) entryOf(config *kubeconfig.Config, args []string) *kubeconfig.Exec {
	context := config.Context(contextName(config, args))
	if context == nil {
		return nil
	}
	user := config.User(context.User)
	if user == nil || !user.Exec.IsOurs() || user.Exec.Program() == "doctl" {
		return nil
	}
	return user.Exec
}

func expiry(c credential.Credential) string {
	if c.ExpiresAt.IsZero() {
		return "an unknown time"
	}
	return c.ExpiresAt.UTC().Format(time.RFC3339)
}
