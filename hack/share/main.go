// Command share writes the files that are installed beside the program: completions for shells, and man pages. They are
// the same on every machine: the pages' date is SOURCE_DATE_EPOCH, or they have none.
//
//	go run ./hack/share DIRECTORY
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/cmd"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: share DIRECTORY")
		os.Exit(2)
	}
	if err := cmp.Or(writeCompletions(os.Args[1]), writePages(os.Args[1])); err != nil {
		fmt.Fprintln(os.Stderr, "share:", err)
		os.Exit(1)
	}
}

// writeCompletions writes what 'doks-auth completion' prints for each shell.
func writeCompletions(dir string) error {
	names := map[string]string{
		"bash": "doks-auth.bash", "zsh": "_doks-auth", "fish": "doks-auth.fish", "powershell": "doks-auth.ps1",
	}
	for shell, name := range names {
		var script bytes.Buffer
		code := cmd.Run(context.Background(), cmd.Env{
			Args:   []string{"completion", shell},
			Stdin:  strings.NewReader(""),
			Stdout: &script,
			Stderr: os.Stderr,
			Getenv: func(string) string { return "" },
			Now:    time.Now,
		})
		if code != 0 {
			return fmt.Errorf("writing the completion for %s: exit code %d", shell, code)
		}
		if err := write(filepath.Join(dir, "completions", name), script.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// writePages writes a man page for each command, and the same compressed, as packages have them.
func writePages(dir string) error {
	var date time.Time
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return fmt.Errorf("reading SOURCE_DATE_EPOCH: %w", err)
		}
		date = time.Unix(seconds, 0).UTC()
	}
	described := make(map[*pflag.Flag]bool)
	return cmd.VisitCommands(func(c *cobra.Command) error {
		text, err := page(c, date, described)
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		var compressed bytes.Buffer
		w, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return cmp.Or(err, w.Close(),
			write(filepath.Join(dir, "man", name), text),
			write(filepath.Join(dir, "man-gz", name+".gz"), compressed.Bytes()))
	})
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
