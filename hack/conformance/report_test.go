package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	known := map[string]limit{"renewal": {regexp.MustCompile("1 minted"), "it never renews"}}
	tests := map[string]struct {
		limits map[string]limit
		err    error
		cell   string
		detail string
	}{
		"ok":              {nil, nil, cellOK, "27 requests"},
		"failure":         {nil, &failure{"got 1 minted", ""}, cellFail, "got 1 minted"},
		"known limit":     {known, &failure{"got 1 minted", ""}, cellLimit, "it never renews"},
		"in the output":   {known, &failure{"failed", "1 minted"}, cellLimit, "it never renews"},
		"another failure": {known, &failure{"got exit code 1", ""}, cellFail, "got exit code 1"},
		"vanished limit":  {known, nil, cellFail, "a known limit has vanished: it never renews"},
		"no such mode":    {nil, errNoLoop, cellNone, errNoLoop.Error()},
		"not tested":      {known, errNoLoop, cellFail, errNoLoop.Error()},
		"not started":     {nil, errors.New("no such file"), cellFail, "no such file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := judge(&client{limits: test.limits}, "renewal", "27 requests", test.err)
			if want := (result{test.cell, test.detail}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestReadLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limits")
	if limits, err := readLimits(path); err != nil || len(limits) != 0 {
		t.Errorf("without a file: got %v, %v, want none", limits, err)
	}
	tests := map[string]struct {
		text string
		want string
		err  string
	}{
		"limit":             {"# known\n\nrenewal | 1 minted | never | ever\n", "1 minted: never | ever", ""},
		"unknown scenario":  {"renewals | 1 minted | never\n", "", `no scenario is named "renewals"`},
		"without a reason":  {"renewal | 1 minted\n", "", "isn't a scenario"},
		"of anything":       {"renewal | | never\n", "", "isn't a scenario"},
		"not an expression": {"renewal | 1 (minted | never\n", "", "error parsing regexp"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			limits, err := readLimits(path)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%s: %s", limits["renewal"].seen, limits["renewal"].reason); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
