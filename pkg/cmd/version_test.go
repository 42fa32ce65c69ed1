package cmd

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuild(t *testing.T) {
	platform := runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	commit := []debug.BuildSetting{
		{Key: "-trimpath", Value: "true"},
		{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"},
		{Key: "vcs.time", Value: "2026-11-29T15:46:00Z"},
		{Key: "vcs.modified", Value: "false"},
	}
	tests := []struct {
		name               string
		info               *debug.BuildInfo
		version, day, hash string
		line               string
	}{
		{
			name:    "a tag",
			info:    &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}, Settings: commit},
			version: "v0.1.0", day: "2026-11-29T15:46:00Z", hash: "0123456789abcdef0123456789abcdef01234567",
			line: "doks-auth v0.1.0 " + platform + " (commit 0123456789ab, 2026-11-29)\n",
		},
		{
			name:    "outside a repository",
			info:    &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}},
			version: "(devel)",
			line:    "doks-auth (devel) " + platform + "\n",
		},
		{
			name:    "without a version",
			info:    &debug.BuildInfo{},
			version: "unknown",
			line:    "doks-auth unknown " + platform + "\n",
		},
		{
			name:    "without build information",
			version: "unknown",
			line:    "doks-auth unknown " + platform + "\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := build{
				Version: test.version, Commit: test.hash, Date: test.day,
				Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
			}
			got := buildOf(test.info)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("buildOf (-want +got):\n%s", diff)
			}
			if got.line() != test.line {
				t.Errorf("line is %q, want %q", got.line(), test.line)
			}
		})
	}
}
