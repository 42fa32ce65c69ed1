package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// copies is how many copies of each binary are run in turn: where a file's pages are in memory
// matters as much as what the program does.
const copies = 6

// command is a command line for several copies of a program.
type command struct {
	programs []string // copies of one program
	args     []string
	env      []string
	again    bool // the same process has run it before
}

// newCommand copies a program into dir and returns the command that runs the copies.
func newCommand(dir, program string, env []string, args ...string) (command, error) {
	c := command{args: args, env: env}
	for i := range copies {
		path := filepath.Join(dir, fmt.Sprintf("%s-%d", filepath.Base(program), i))
		if _, err := os.Stat(path); err != nil {
			if err := copyFile(path, program); err != nil {
				return c, err
			}
		}
		c.programs = append(c.programs, path)
	}
	return c, nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// run runs the n-th copy with its own parent process, and returns how long it took and its peak memory in
// kilobytes.
func (b *bench) run(ctx context.Context, c command, n int) (took time.Duration, kilobytes int, err error) {
	program := c.programs[n%len(c.programs)]
	how := "-run"
	if c.again {
		how = "-again"
	}
	cmd := exec.CommandContext(ctx, b.launcher, append([]string{how, program}, c.args...)...)
	cmd.Env = c.env
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", program, err)
	}
	_, err = fmt.Sscan(string(out), &took, &kilobytes)
	return took, kilobytes, err
}

// compare runs the two commands in turn and prints the ratio of their wall times.
func (b *bench) compare(ctx context.Context, what string, one, other command, pairs int) error {
	var ratios, times []float64
	for i := range pairs {
		var took [2]time.Duration
		for j, c := range []command{one, other} {
			var err error
			if took[j], _, err = b.run(ctx, c, i); err != nil {
				return err
			}
		}
		ratios = append(ratios, took[0].Seconds()/took[1].Seconds())
		times = append(times, float64(took[0].Microseconds())/1000)
	}
	fmt.Printf("%-50s %5.2f   (quartiles %.2f to %.2f; %.1f ms)\n", what,
		quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75), quantile(times, 0.5))
	return nil
}

func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1))]
}

// peak prints a command's peak resident memory.
func (b *bench) peak(ctx context.Context, what string, c command) error {
	var peaks []float64
	for i := range copies {
		_, kilobytes, err := b.run(ctx, c, i)
		if err != nil {
			return err
		}
		peaks = append(peaks, float64(kilobytes)/1024)
	}
	fmt.Printf("%-50s %5.1f MiB\n", what, quantile(peaks, 0.5))
	return nil
}
