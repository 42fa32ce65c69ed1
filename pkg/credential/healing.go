package credential

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Verdict is what a cluster says about a credential.
type Verdict string

// The verdicts.
const (
	NoVerdict Verdict = "" // it doesn't say, or doesn't answer
	Accepts   Verdict = "accepts"
	Refuses   Verdict = "refuses" // 401: it doesn't know who that is
)

// Judgment is a verdict, as remembered by a JudgmentStore.
type Judgment struct {
	Digest  string    `json:"digest"` // of the credential
	Verdict Verdict   `json:"verdict"`
	At      time.Time `json:"at"`

	// Route is how the cluster was asked. Another one may get a verdict where this one got none.
	Route string `json:"route,omitempty"`

	// HealedAt is when a refused credential was last replaced, or zero if the cluster has accepted one since.
	HealedAt time.Time `json:"healed_at,omitzero"`

	// Refused are the digests of the credentials that the cluster last refused, the latest at the end.
	Refused []string `json:"refused,omitempty"`
}

// maxRefused is how many refused credentials are remembered.
const maxRefused = 16

// note adds a verdict about a credential to those remembered.
func (j *Judgment) note(digest string, v Verdict) {
	if v == NoVerdict {
		return
	}
	j.Refused = slices.DeleteFunc(slices.Clone(j.Refused), func(d string) bool { return d == digest })
	if v == Refuses {
		j.Refused = append(j.Refused, digest)
	}
	j.Refused = j.Refused[max(len(j.Refused)-maxRefused, 0):]
}

// A JudgmentStore also remembers the last judgment of each key. A Store may implement it; [Cached.Heal] needs one.
type JudgmentStore interface {
	Store

	// Judgment returns the last judgment stored under key, however old. It returns a *[MissError] if there is none.
	Judgment(ctx context.Context, key Key) (Judgment, error)
	// PutJudgment replaces the judgment stored under key.
	PutJudgment(ctx context.Context, key Key, j Judgment) error
}

const (
	// verdictMemory is how long a verdict counts, for all callers.
	verdictMemory = 10 * time.Second

	// silenceMemory is how long a cluster that gave none isn't asked again.
	silenceMemory = 5 * time.Minute

	// verdictBudget limits how long a caller waits for a verdict.
	verdictBudget = 2 * time.Second
)

// HealingPause is how long after a refused credential was replaced the new one isn't, unless the cluster has accepted
// it once: the reason must be another one.
const HealingPause = 10 * time.Minute

// ErrRefusesAll means that a cluster refuses a credential that replaced one that it had refused: the reason isn't the
// credential.
var ErrRefusesAll = errors.New("the cluster refuses the credential, as it did the previous one")

// Digest returns a text that identifies the credential's token or certificate and is useless for finding it.
func (c Credential) Digest() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", c.Token.Reveal(), c.ClientCertificate))
	return hex.EncodeToString(sum[:16])
}

// answers reports whether a judgment is about a credential and recent.
func (j Judgment) answers(c Credential, route string, now time.Time) bool {
	age := now.Sub(j.At)
	if j.Digest != c.Digest() || age < 0 {
		return false
	}
	if j.Verdict == NoVerdict {
		return j.Route == route && age < silenceMemory
	}
	return age < verdictMemory
}

// Asker asks a cluster whether it accepts a credential.
type Asker struct {
	Route string // how it does that, such as by which proxy, in a form that shows no secret
	Ask   func(context.Context, Credential) Verdict
}

// Heal returns held if the cluster accepts it, and otherwise a credential that replaces it. Call it if there is reason
// to think that the cluster may have refused held, a cached credential: it may have been revoked.
//
// One caller asks the cluster at a time, for two seconds at most; its verdict counts for all callers for ten
// seconds. If there is none, held is returned, and the cluster isn't asked by that route for five minutes. One caller
// replaces a refused credential, as [Cached.Renew] does. If the cluster refuses that one, too, it isn't replaced for
// ten minutes: the error wraps ErrRefusesAll and has class Refused.
//
// Without a Store that is a [JudgmentStore], held is returned.
func (c *Cached) Heal(ctx context.Context, held Credential, asker Asker) (Credential, error) {
	store, ok := c.Store.(JudgmentStore)
	if !ok {
		return held, nil
	}
	if newer, ok := c.replaced(ctx, held); ok {
		return newer, nil
	}
	j, newer := c.judge(ctx, store, held, asker)
	if j.Verdict != Refuses {
		return newer, nil
	}
	if since := c.now().Sub(j.HealedAt); since > -HealingPause && since < HealingPause {
		return Credential{}, &Error{Class: Refused, Err: ErrRefusesAll}
	}
	c.log().Info("the cluster refuses the cached credential", "cluster", c.Key.ClusterID)
	c.Refuse(ctx, held)
	got, err := c.Renew(ctx, held)
	if err != nil {
		return Credential{}, fmt.Errorf("replacing a credential that the cluster refuses: %w", err)
	}
	j.HealedAt = c.now().UTC()
	c.keepJudgment(ctx, store, j)
	return got, nil
}

// replaced returns a fresh credential that another caller has stored in place of held.
func (c *Cached) replaced(ctx context.Context, held Credential) (Credential, bool) {
	got, err := c.store().Get(ctx, c.Key)
	return got, err == nil && c.fresh(got, c.now()) && !got.same(held)
}

// judge returns the judgment of held or, with no verdict, the credential that has replaced it meanwhile.
func (c *Cached) judge(
	ctx context.Context, store JudgmentStore, held Credential, asker Asker,
) (Judgment, Credential) {
	known, _ := store.Judgment(ctx, c.Key) // none is the zero one
	if known.answers(held, asker.Route, c.now()) {
		return known, held
	}
	budget, cancel := context.WithTimeout(ctx, verdictBudget)
	defer cancel()
	verdict := NoVerdict
	asking := c.Key
	asking.PassedOver = true // whoever holds the first lock fetches, or was stopped while it did
	unlock, err := store.Lock(budget, asking)
	if err == nil {
		defer unlock()
		if newer, ok := c.replaced(ctx, held); ok {
			return Judgment{}, newer
		}
		known, _ = store.Judgment(ctx, c.Key)
		if known.answers(held, asker.Route, c.now()) {
			return known, held
		}
		verdict = asker.Ask(budget, held)
	}
	c.log().Info("asked the cluster about the cached credential", "cluster", c.Key.ClusterID, "verdict", verdict)
	j := Judgment{
		Digest: held.Digest(), Verdict: verdict, At: c.now().UTC(), Route: asker.Route, HealedAt: known.HealedAt,
		Refused: known.Refused,
	}
	j.note(j.Digest, verdict)
	if verdict == Accepts {
		j.HealedAt = time.Time{}
	}
	if ctx.Err() == nil {
		c.keepJudgment(ctx, store, j)
	}
	return j, held
}

func (c *Cached) keepJudgment(ctx context.Context, store JudgmentStore, j Judgment) {
	if err := store.PutJudgment(ctx, c.Key, j); err != nil {
		c.log().Warn("the verdict isn't remembered", "reason", err)
	}
}
