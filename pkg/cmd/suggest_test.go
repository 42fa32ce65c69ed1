package cmd

import (
	"slices"
	"strings"
	"testing"
)

func TestMeant(t *testing.T) {
	names := []string{
		"production", "staging", "web-1", "web-2", "db", "a", "Cluster.EU", "two words",
		"dop_v1_" + strings.Repeat("0123456789abcdef", 4), "p\u202eroduction",
	}
	tests := map[string][]string{
		"producton": {"production"}, "prodcution": {"production"}, "PRODUCTION": {"production"}, "prod": {"production"},
		"stagign": {"staging"}, "web-3": {"web-1", "web-2"}, "wbe-1": {"web-1"}, "web": {"web-1", "web-2"},
		"cluster.eu": {"Cluster.EU"}, "dv": {"db"}, "kitchen": nil, "": nil, "b": nil, "xy": nil, "two word": nil,
		"dop_v1_" + strings.Repeat("0123456789abcdef", 4): nil, strings.Repeat("production", 100): nil,
	}
	for typed, want := range tests {
		if got := meant(typed, names); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", typed, got, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	tests := map[string][]string{
		"": nil, `did you mean "a"?`: {"a"}, `did you mean "a" or "b"?`: {"a", "b"},
		`did you mean "a", "b" or "c"?`: {"a", "b", "c"},
	}
	for want, names := range tests {
		if got := didYouMean(names); got != want {
			t.Errorf("%q: got %q, want %q", names, got, want)
		}
	}
}
