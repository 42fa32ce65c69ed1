// Command bare is the baseline for cache hits: a Go process that reads a file and writes it
// to standard output.
//
// With -run it runs a command instead and prints how long that took, in nanoseconds, and its peak memory,
// in kilobytes. Each run then has its own parent, as under kubectl, and a parent so small
// that its own memory doesn't count as the command's.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	if os.Args[1] == "-again" { // as a program that asks for the credential a second time
		if err := exec.Command(os.Args[2], os.Args[3:]...).Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Args[1] = "-run"
	}
	if os.Args[1] == "-run" {
		command := exec.Command(os.Args[2], os.Args[3:]...)
		command.Stderr = os.Stderr
		start := time.Now()
		err := command.Run()
		took := time.Since(start)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(took.Nanoseconds(), command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		return
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.Write(data)
}
