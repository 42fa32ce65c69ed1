package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// build says what this program was built from, as the version command prints it.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Date    string `json:"date,omitempty"` // of the commit
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func newVersion(opts *options) *cobra.Command {
	var output *output
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  doks-auth version
  doks-auth version -o json | jq -r .version`,
		Args:              usageArgs(noArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			out, err := output.render(thisBuild(), func(w io.Writer) { io.WriteString(w, thisBuild().line()) })
			if err != nil {
				return err
			}
			_, err = opts.Stdout.Write(out)
			return err
		},
	}
	output = addOutputFlag(cmd, formatText, formatJSON, formatYAML)
	return cmd
}

func thisBuild() build {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info)
}

// buildOf returns the build that the Go toolchain recorded in a program. Outside a git repository, and where
// -buildvcs=false is set, it records neither a version nor a commit. A nil info is an empty one.
func buildOf(info *debug.BuildInfo) build {
	b := build{Version: "unknown", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return b
	}
	b.Version = cmp.Or(info.Main.Version, b.Version)
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.time":
			b.Date = setting.Value
		}
	}
	return b
}

// line returns the build for people.
func (b build) line() string {
	commit := ""
	if b.Commit != "" {
		day, _, _ := strings.Cut(b.Date, "T")
		commit = fmt.Sprintf(" (commit %.12s, %s)", b.Commit, day)
	}
	return fmt.Sprintf("doks-auth %s %s %s/%s%s\n", b.Version, b.Go, b.OS, b.Arch, commit)
}

// version returns the module's version.
func version() string { return thisBuild().Version }

// versionFlag is the value of --version. It takes none, unlike the flag of doctl's with that name.
type versionFlag struct{ given *bool }

const versionFlagName = "version"

func addVersionFlag(flags *pflag.FlagSet, given *bool) {
	flags.Var(versionFlag{given}, versionFlagName, "print the version")
	flags.Lookup(versionFlagName).NoOptDefVal = "true"
}

// String, Set, Type and IsBoolFlag implement pflag.Value.
func (v versionFlag) String() string { return "false" }

func (v versionFlag) Type() string { return "bool" }

func (v versionFlag) IsBoolFlag() bool { return true }

func (v versionFlag) Set(text string) error {
	if text != "true" {
		return errors.New("it takes no value")
	}
	*v.given = true
	return nil
}
