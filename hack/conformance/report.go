package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
)

// errFailed is the result of a run whose failures have been reported.
var errFailed = errors.New("failed")

// tester runs clients in scenarios and reports what they do.
type tester struct {
	plugin    string
	scenarios []scenario
	verbose   bool

	mu  sync.Mutex
	out io.Writer
}

// result is the result of a client in a scenario.
type result struct{ cell, detail string }

const (
	cellOK    = "ok"
	cellLimit = "limit"
	cellNone  = "-"
	cellFail  = "FAIL"
)

// test tests the clients, some at a time, and prints the report.
func (t *tester) test(ctx context.Context, clients []*client) error {
	slots := slots()
	for _, s := range slots {
		if err := s.open(); err != nil {
			return err
		}
		defer s.close()
	}
	results := make([][]result, len(clients))
	forEach(clients, func(worker, i int, c *client) { results[i] = t.testClient(ctx, c, slots[worker]) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return t.report(clients, results)
}

// testClient runs a client in all scenarios.
func (t *tester) testClient(ctx context.Context, c *client, s *slot) []result {
	results := make([]result, len(t.scenarios))
	version := func() error {
		if !c.installed() {
			return errors.New("it isn't installed")
		}
		o, err := c.run(ctx, patience, process{env: os.Environ()}, "version")
		c.version = strings.TrimSpace(o.stdout)
		if err == nil && (o.code != 0 || c.version == "") {
			err = fmt.Errorf("it doesn't print its version: %s", o.output())
		}
		return err
	}
	if err := version(); err != nil {
		t.printf("%s: %v\n", c.name, err)
		for i := range results {
			results[i] = result{cellFail, err.Error()}
		}
		return results
	}
	for i, scenario := range t.scenarios {
		if ctx.Err() == nil {
			results[i] = t.testScenario(ctx, c, s, scenario)
		}
	}
	return results
}

// testScenario runs a client in one scenario and prints the result.
func (t *tester) testScenario(ctx context.Context, c *client, s *slot, scenario scenario) result {
	var log bytes.Buffer
	seen, err := func() (string, error) {
		trial, err := newTrial(ctx, c, t.plugin, s, &log, scenario.change)
		if err != nil {
			return "", err
		}
		defer trial.stop()
		return scenario.run(trial)
	}()
	r := judge(c, scenario.name, seen, err)
	if ctx.Err() != nil {
		return r
	}
	text := fmt.Sprintf("%-5s %s, %s", r.cell, c.name, scenario.name)
	if r.detail != "" {
		text += ": " + r.detail
	}
	if f, ok := errors.AsType[*failure](err); ok && r.cell == cellFail && f.output != "" && !t.verbose {
		text += "\n" + indent(tail(f.output, 5))
	}
	if t.verbose {
		text += "\n" + strings.TrimRight(log.String(), "\n")
	}
	t.printf("%s\n", text)
	return r
}

// judge compares what a client did with what is known of it.
func judge(c *client, scenario, seen string, err error) result {
	limit, limited := c.limits[scenario]
	switch {
	case errors.Is(err, errNoLoop) && !limited:
		return result{cellNone, err.Error()}
	case err == nil && limited:
		return result{cellFail, "a known limit has vanished: " + limit.reason}
	case err == nil:
		return result{cellOK, seen}
	}
	all := err.Error()
	if f, ok := errors.AsType[*failure](err); ok {
		all += "\n" + f.output
	}
	if limited && limit.seen.MatchString(all) {
		return result{cellLimit, limit.reason}
	}
	return result{cellFail, err.Error()}
}

// report prints the table, the limits and the sum.
func (t *tester) report(clients []*client, results [][]result) error {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "client\tversion")
	for _, scenario := range t.scenarios {
		fmt.Fprint(table, "\t", scenario.name)
	}
	fmt.Fprintln(table)
	passed, failures := 0, 0
	for i, c := range clients {
		fmt.Fprintf(table, "%s\t%s", c.name, c.version)
		for _, r := range results[i] {
			fmt.Fprint(table, "\t", r.cell)
			switch r.cell {
			case cellFail:
				failures++
			case cellNone:
			default:
				passed++
			}
		}
		fmt.Fprintln(table)
	}
	table.Flush()
	fmt.Fprintln(&text)
	for i, c := range clients {
		for j, r := range results[i] {
			if r.cell == cellLimit {
				fmt.Fprintf(&text, "limit of %s, %s: %s\n", c.name, t.scenarios[j].name, r.detail)
			}
		}
	}
	t.printf("\n%s\n%d passed, %d failed\n", &text, passed, failures)
	if failures > 0 {
		return errFailed
	}
	return nil
}

func (t *tester) printf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, format, args...)
}
