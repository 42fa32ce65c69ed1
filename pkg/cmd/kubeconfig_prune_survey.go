package cmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// A cluster that an account doesn't list may belong to another one. An entry names its account, unless that was in the
// environment when the entry was saved; and since then the name may have been signed in to another team. So a cluster
// counts as gone only if no account has it, and there is a sign that it was in the account that was asked.

// survey is what the accounts say about the kubeconfig's clusters.
type survey struct {
	asked  map[string]*inquiry // by account
	claims []claim
}

// claim says that a user of the kubeconfig gets its credentials for a cluster from an account.
type claim struct {
	id      string // the cluster's
	account *inquiry
	isNamed bool // the user's args name the account
}

// inquiry is what an account said about its clusters.
type inquiry struct {
	account *account
	source  string
	has     []string // ids
	deleted []string // ids of those that are still listed
	err     error    // why it can't be asked
}

// survey returns the ids of the clusters that are gone, and says on standard error which others may be.
func (p *kubeconfigPrune) survey(ctx context.Context, c *kubeconfig.Config) ([]string, error) {
	s := survey{asked: make(map[string]*inquiry)}
	for _, user := range c.Users {
		if !runsThis(user.Exec) {
			continue
		}
		ids := idsOf(c, user)
		if len(ids) == 0 {
			continue
		}
		one := p.inquire(ctx, user, s.asked)
		for _, id := range ids {
			s.claims = append(s.claims, claim{id, one, accountFlagOf(user.Exec) != ""})
		}
	}
	if len(s.missing()) > 0 {
		for _, account := range p.accounts() {
			p.ask(ctx, account, s.asked)
		}
	}
	if ctx.Err() != nil {
		return nil, &interruptedError{left: "nothing was removed"}
	}
	gone, stay := s.judge()
	io.WriteString(p.Stderr, s.keptLines()+doubtLines(c, stay))
	return gone, nil
}

// inquire asks a user's account for its clusters.
func (p *kubeconfigPrune) inquire(ctx context.Context, user kubeconfig.User, asked map[string]*inquiry) *inquiry {
	account, err := p.accountOfEntry(user.Exec)
	if err == nil {
		return p.ask(ctx, account, asked)
	}
	key := accountFlagOf(user.Exec) + " " + err.Error()
	if asked[key] == nil {
		asked[key] = &inquiry{err: err}
	}
	return asked[key]
}

// ask asks an account for its clusters, once.
func (p *kubeconfigPrune) ask(ctx context.Context, account *account, asked map[string]*inquiry) *inquiry {
	key := account.API + " " + account.Source
	if one := asked[key]; one != nil {
		return one
	}
	one := &inquiry{account: account, source: account.Source}
	asked[key] = one
	clusters, err := bounded(ctx, p.options, account.clusters)
	if err != nil {
		one.err = fmt.Errorf("%s: %w", account.Source, err)
	}
	for _, cluster := range clusters {
		if cluster.State == digitalocean.StateDeleted {
			one.deleted = append(one.deleted, string(cluster.ID))
		} else {
			one.has = append(one.has, string(cluster.ID))
		}
	}
	return one
}

// missing returns the ids of the clusters that no account has, and that all accounts could be asked for.
func (s *survey) missing() []string {
	kept := make(map[string]bool)
	for _, one := range s.asked {
		for _, id := range one.has {
			kept[id] = true
		}
	}
	var ids []string
	for _, c := range s.claims {
		ids = append(ids, c.id)
		kept[c.id] = kept[c.id] || c.account.err != nil
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return kept[id] })
}

// judge returns the ids of missing clusters that are gone, and why the others, which may be another account's, stay.
func (s *survey) judge() (gone []string, stay map[string]string) {
	stay = make(map[string]string)
	for _, id := range s.missing() {
		if why := s.doubt(id); why != "" {
			stay[id] = why
		} else {
			gone = append(gone, id)
		}
	}
	return gone, stay
}

// doubt returns why it isn't certain that a missing cluster is gone; "" if it is.
func (s *survey) doubt(id string) string {
	cached := false
	for _, one := range s.asked {
		own, any := one.cached(id)
		if own || slices.Contains(one.deleted, id) {
			return ""
		}
		cached = cached || any
	}
	if cached {
		return "the cached credential is from an account that couldn't be asked"
	}
	why := "not in any account that could be asked, but the kubeconfig doesn't say which account to ask"
	for _, c := range s.claims {
		switch {
		case c.id != id || !c.isNamed:
		case s.hasOther(c.account):
			return ""
		default:
			why = c.account.source + " has none of its clusters in the kubeconfig, and may be signed in to another team"
		}
	}
	return why
}

// hasOther reports whether an account has at least one of the clusters whose entries name it. Else its name may have
// been signed in to another team.
func (s *survey) hasOther(account *inquiry) bool {
	return slices.ContainsFunc(s.claims, func(c claim) bool {
		return c.isNamed && c.account == account && slices.Contains(account.has, c.id)
	})
}

// cached reports whether the cache has a credential for a cluster, in whatever state: the account's own, and any.
func (i *inquiry) cached(id string) (own, any bool) {
	if i.err != nil {
		return false, false
	}
	entries, err := i.account.entries()
	if err != nil {
		return false, false
	}
	for _, e := range entries {
		if e.ClusterID != id || e.Absent {
			continue
		}
		any = true
		store, key, known := i.account.entryOf(id, e.Expiry)
		own = own || known && store.IsOf(e, key)
	}
	return own, any
}

// keptLines says which clusters stay because their account can't be asked.
func (s *survey) keptLines() string {
	keeps := make(map[*inquiry]int)
	for _, c := range s.claims {
		if c.account.err != nil {
			keeps[c.account]++
		}
	}
	var lines []string
	for one, n := range keeps {
		lines = append(lines, fmt.Sprintf("kept %s of an account that can't be asked: %s\n",
			counted(n, "cluster"), oneLine(one.err.Error())))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// doubtLines says which clusters stay although no account has them. stay has the reasons, by id.
func doubtLines(c *kubeconfig.Config, stay map[string]string) string {
	names := make(map[string][]string) // of clusters, by reason
	for _, id := range slices.Sorted(maps.Keys(stay)) {
		name := id
		if contexts := c.ContextsOf(id); len(contexts) > 0 {
			name = contexts[0]
		}
		names[stay[id]] = append(names[stay[id]], name)
	}
	var lines strings.Builder
	for _, why := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&lines, "kept %s: %s\n", quotedSome(names[why]), oneLine(why))
	}
	if len(names) > 0 {
		lines.WriteString("'doks-auth kubeconfig remove NAME' removes a cluster that is gone\n")
	}
	return lines.String()
}

// idsOf returns the ids of the clusters that a user is for: in its arguments, or by the contexts that have it.
func idsOf(c *kubeconfig.Config, user kubeconfig.User) []string {
	var ids []string
	if id := clusterIDOf(user.Exec); id != "" {
		ids = append(ids, string(id))
	}
	for _, context := range c.Contexts {
		if context.User != user.Name {
			continue
		}
		if cluster := c.Cluster(context.Cluster); cluster != nil {
			if id := c.IDOf(cluster); id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
