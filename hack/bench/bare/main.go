// Command bare is what a cache hit is measured against: a Go process that reads a file and writes it
// to standard output. With -peak it runs a command instead, and prints that one's peak memory in
// kilobytes: from a process as small as this one, whose own memory doesn't count as the command's.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if os.Args[1] == "-peak" {
		command := exec.Command(os.Args[2], os.Args[3:]...)
		if err := command.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		return
	}
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.Write(data)
}
