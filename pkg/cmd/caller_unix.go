//go:build unix

package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// callerID identifies the process that runs us, which may do so through a shell or a shell script: by its id and,
// where the system tells it cheaply, its start time. A shell that leads its session counts as the caller: what started
// it is a terminal or an init system, which starts everything else, too.
func callerID() string {
	id := os.Getppid()
	found := fmt.Sprint(id)
	for range 4 { // there are rarely more than two
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
		if err != nil {
			return found
		}
		parent, session, started, ok := parseStat(string(text))
		if !ok {
			return found
		}
		found = fmt.Sprint(id, " ", started)
		if session == id || !isShell(id) {
			return found
		}
		id = parent
	}
	return found
}

// parseStat returns a process's parent, its session, and its start time, in clock ticks after the system's start, from
// Linux's /proc/PID/stat. See proc(5).
func parseStat(text string) (parent, session int, started string, ok bool) {
	// Before the other fields there is the name, in parentheses. It may contain anything.
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const parentAt, sessionAt, startedAt = 1, 3, 19
	if len(fields) <= startedAt {
		return 0, 0, "", false
	}
	parent, parentErr := strconv.Atoi(fields[parentAt])
	session, sessionErr := strconv.Atoi(fields[sessionAt])
	return parent, session, fields[startedAt], parentErr == nil && sessionErr == nil
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
