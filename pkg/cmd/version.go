package cmd

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// build says what this program was built from, as the version command prints it.
type build struct {
	Version string `json:"version"`
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

func thisBuild() build { return build{version(), runtime.Version(), runtime.GOOS, runtime.GOARCH} }

// line returns the build for people.
func (b build) line() string {
	return fmt.Sprintf("doks-auth %s %s %s/%s\n", b.Version, b.Go, b.OS, b.Arch)
}

// version returns the module's version, as recorded by the Go toolchain.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

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
