package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// scenario is what is tested of each client.
type scenario struct {
	name   string
	change func(*trial)                          // configures the stand-ins, if it isn't nil
	run    func(*trial) (seen string, err error) // returns what was measured
}

// failure is what a client did wrong, or at least not as wanted.
type failure struct{ message, output string }

func (f *failure) Error() string { return f.message }

func failed(o outcome, format string, args ...any) error {
	return &failure{fmt.Sprintf(format, args...), o.output()}
}

// errNoLoop says that the client is a command that doesn't go on running.
var errNoLoop = errors.New("the client doesn't go on running")

func scenarios() []scenario {
	return []scenario{
		{"default", nil, twice((*trial).save0)},
		{"shared-user", nil, twice(func(t *trial) error { return t.saveVersion("--shared-user") })},
		{"v1beta1", nil, twice(func(t *trial) error { return t.save("--exec-api-version=v1beta1") })},
		{"converted", nil, twice((*trial).convert)},
		{"tunnel", nil, twice((*trial).tunnel)},
		{"certificate", func(t *trial) { t.cluster.Certificates = true }, twice((*trial).saveKnown)},
		{"renewal", func(t *trial) { t.api.Expiry = 5 * time.Second }, renewal},
		{"401", nil, refused},
		{"bare", nil, bare},
		{"stdin", nil, stdin},
		{"revoked", nil, revoked},
		{"passes", nil, request},
	}
}

// selectScenarios returns the scenarios with these names, or all of them.
func selectScenarios(names []string) ([]scenario, error) {
	all := scenarios()
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s scenario) bool { return s.name == name }) {
			return nil, fmt.Errorf("no scenario is named %q", name)
		}
	}
	if len(names) > 0 {
		all = slices.DeleteFunc(all, func(s scenario) bool { return !slices.Contains(names, s.name) })
	}
	return all, nil
}

func (t *trial) save0() error     { return t.save() }
func (t *trial) saveKnown() error { return t.saveVersion() }

// twice runs the client with a cold cache and with a warm one: one credential is minted for both.
func twice(write func(*trial) error) func(*trial) (string, error) {
	return func(t *trial) (string, error) {
		if err := write(t); err != nil {
			return "", err
		}
		return t.listTwice(t.process())
	}
}

func (t *trial) listTwice(p process) (string, error) {
	cold, err := t.listOnce(p)
	if err != nil {
		return "", fmt.Errorf("cold: %w", err)
	}
	warm, err := t.listOnce(p)
	if err != nil {
		return "", fmt.Errorf("warm: %w", err)
	}
	return fmt.Sprintf("cold %.2f s, warm %.2f s", cold.Seconds(), warm.Seconds()), nil
}

// listOnce runs the client and returns how long it took. It must use a credential, the only one that was minted.
func (t *trial) listOnce(p process) (time.Duration, error) {
	kind := "token"
	if t.cluster.Certificates {
		kind = "client certificate"
	}
	before := t.acceptedBy(kind)
	o, err := t.list(p)
	switch {
	case err != nil:
		return 0, err
	case o.code != 0:
		return 0, failed(o, "got exit code %d, want 0", o.code)
	case t.acceptedBy(kind) == before:
		return 0, failed(o, "the cluster accepted no %s", kind)
	case t.mints() != 1:
		return 0, failed(o, "got %d minted, want 1", t.mints())
	}
	return o.took, nil
}

// renewal lets one process of the client work for longer than its tokens live.
func renewal(t *trial) (string, error) {
	if err := t.saveVersion(); err != nil {
		return "", err
	}
	results, took, err := t.loop(14 * time.Second)
	if err != nil {
		return "", err
	}
	seen := fmt.Sprintf("%d requests, %s", len(results), t.counts())
	if i := slices.IndexFunc(results, func(r string) bool { return r != "" }); i >= 0 {
		return "", &failure{fmt.Sprintf("%d requests succeeded before one failed; in all %s", i, seen), results[i]}
	}
	// A fifth of the lifetime before it ends, in whole seconds: a token is used for three seconds at least.
	if most := 1 + int(took/(3*time.Second)); t.mints() < 3 || t.mints() > most {
		return "", &failure{fmt.Sprintf("got %s, want from 3 to %d minted", seen, most), ""}
	}
	return seen, nil
}

// refused has the API refuse the access token. The client's user must see why.
func refused(t *trial) (string, error) {
	if err := t.saveVersion(); err != nil {
		return "", err
	}
	t.api.SetFault(digitaloceantest.Status(http.StatusUnauthorized))
	calls := t.api.Calls()
	o, err := t.list(t.process())
	if err != nil {
		return "", err
	}
	if o.code == 0 {
		return "", failed(o, "got exit code 0")
	}
	for _, part := range []string{
		"doks-auth: ", "the API refused the access token", "hint: ", "DIGITALOCEAN_ACCESS_TOKEN",
	} {
		if !strings.Contains(o.output(), part) {
			return "", failed(o, "the client doesn't show %q", part)
		}
	}
	// The plugin remembers a failure for five seconds. Some clients run it again later than that on a busy machine.
	most := 1 + int(o.took/(5*time.Second))
	if calls = t.api.Calls() - calls; calls < 1 || calls > most {
		return "", failed(o, "got %d calls to the API in %v, want from 1 to %d", calls, o.took, most)
	}
	return fmt.Sprintf("%.2f s", o.took.Seconds()), nil
}

// bare runs the client with almost no environment.
func bare(t *trial) (string, error) {
	if err := t.saveVersion(); err != nil {
		return "", err
	}
	p := t.process()
	p.env = t.bare()
	return t.listTwice(p)
}

// stdin runs the client with a standard input that nobody closes. What it contains must still be there.
func stdin(t *trial) (string, error) {
	if err := t.saveVersion(); err != nil {
		return "", err
	}
	reading, writing, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer reading.Close()
	const text = "{\"for\": \"whoever reads it\"}\n"
	if _, err := writing.WriteString(text); err != nil {
		return "", err
	}
	p := t.process()
	p.stdin = reading
	_, err = t.listOnce(p)
	writing.Close()
	if err != nil {
		return "", err
	}
	left := make([]byte, 2*len(text))
	n, _ := reading.Read(left)
	if got := string(left[:n]); got != text {
		return "", fmt.Errorf("got %q left of standard input, want %q", got, text)
	}
	return "", nil
}

// revoked revokes the cached token. The client must get another one after its first request has failed.
func revoked(t *trial) (string, error) {
	if err := t.saveVersion(); err != nil {
		return "", err
	}
	if _, err := t.listOnce(t.process()); err != nil {
		return "", err
	}
	t.api.Revoke(t.cluster.ID)
	results, _, err := t.loop(6 * time.Second)
	if errors.Is(err, errNoLoop) {
		results, err = t.lists(2)
	}
	if err != nil {
		return "", err
	}
	first := slices.Index(results, "")
	switch {
	case first < 0:
		message := fmt.Sprintf("all %d requests failed, %s", len(results), t.counts())
		return "", &failure{message, strings.Join(results, "\n")}
	case slices.ContainsFunc(results[first:], func(r string) bool { return r != "" }):
		return "", &failure{fmt.Sprintf("a request failed after request %d succeeded", first+1), strings.Join(results, "\n")}
	case t.mints() != 2:
		return "", &failure{fmt.Sprintf("got %d minted, want 2", t.mints()), ""}
	}
	return fmt.Sprintf("request %d of %d succeeded", first+1, len(results)), nil
}

// counts says what the API and the cluster have seen.
func (t *trial) counts() string {
	_, unauthorized := t.cluster.Requests()
	return fmt.Sprintf("%d minted, %d times 401", t.mints(), unauthorized)
}

// lists returns the errors of processes that the client runs in one after another.
func (t *trial) lists(n int) ([]string, error) {
	var results []string
	for range n {
		o, err := t.list(t.process())
		if err != nil {
			return nil, err
		}
		result := ""
		if o.code != 0 {
			result = "error: " + o.output()
		}
		results = append(results, result)
	}
	return results, nil
}
