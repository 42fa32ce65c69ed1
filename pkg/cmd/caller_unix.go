//go:build unix

package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// callerID identifies the process that runs us, which may do so through a shell or a wrapper script: by its id and,
// where the system tells it cheaply, its start time.
func callerID() string {
	id := os.Getppid()
	found := fmt.Sprint(id)
	for range 4 { // seldom are there more than two
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
		if err != nil {
			return found
		}
		parent, started, ok := parseStat(string(text))
		if !ok {
			return found
		}
		found = fmt.Sprint(id, " ", started)
		if !isShell(id) {
			return found
		}
		id = parent
	}
	return found
}

// parseStat returns a process's parent and its start time, in clock ticks after the system's start, from Linux's
// /proc/PID/stat. See proc(5).
func parseStat(text string) (parent int, started string, ok bool) {
	// Before the other fields there is the name, in parentheses. It may contain anything.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const parentAt, startedAt = 1, 19
	if len(fields) <= startedAt {
		return 0, "", false
	}
	parent, err := strconv.Atoi(fields[parentAt])
	return parent, fields[startedAt], err == nil
}

// isShell reports whether a process's program is a shell. Its name isn't enough: a script's is the script's.
func isShell(id int) bool {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", id))
	if err != nil {
		return false
	}
	switch filepath.Base(program) {
	case "sh", "ash", "dash", "bash", "busybox", "fish", "ksh", "mksh", "zsh":
		return true
	}
	return false
}
