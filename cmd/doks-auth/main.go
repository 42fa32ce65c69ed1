// Command doks-auth is a kubectl exec credential plugin for DigitalOcean Kubernetes.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/user"
	"runtime"
	"time"

	"golang.org/x/term"

	"github.com/doks-auth/doks-auth/pkg/cmd"
)

func main() { os.Exit(run()) }

func run() int {
	log.SetOutput(io.Discard) // net/http logs there, but standard error is for our own one line
	home, _ := os.UserHomeDir()
	if _, set := os.LookupEnv(homeVariable()); !set && home == "" {
		home = userHome() // some programs start us without HOME; an empty one means that there is none
	}
	return cmd.Run(context.Background(), cmd.Env{
		Args:             os.Args[1:],
		Stdin:            os.Stdin,
		Stdout:           os.Stdout,
		Stderr:           os.Stderr,
		StdinIsTerminal:  func() bool { return term.IsTerminal(int(os.Stdin.Fd())) },
		StdoutIsTerminal: func() bool { return term.IsTerminal(int(os.Stdout.Fd())) },
		StderrIsTerminal: func() bool { return term.IsTerminal(int(os.Stderr.Fd())) },
		Columns:          columns,
		Getenv:           os.Getenv,
		Home:             home,
		UserHome:         userHome,
		Now:              time.Now,
		Executable:       func() (string, error) { return cmd.Executable(os.Args[0]) },
		OpenTerminal:     cmd.Terminal(os.Stdin, os.Stderr),
		ReadPassword:     func(ctx context.Context) ([]byte, error) { return cmd.ReadPassword(ctx, os.Stdin) },
	})
}

// homeVariable returns the name of the variable that os.UserHomeDir goes by. On Windows, others set HOME, too.
func homeVariable() string {
	if runtime.GOOS == "windows" {
		return "USERPROFILE"
	}
	return "HOME"
}

// columns returns the width of the terminal that is standard output, or 0.
func columns() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// userHome returns the home directory in the user database, or "".
func userHome() string {
	// Without cgo, os/user takes a user who isn't in /etc/passwd from USER and HOME, which may be a kubeconfig's.
	if name, set := os.LookupEnv("USER"); set {
		os.Unsetenv("USER")
		defer os.Setenv("USER", name)
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.HomeDir
}
