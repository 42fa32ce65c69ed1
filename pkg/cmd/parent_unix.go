//go:build unix

package cmd

import (
	"fmt"
	"os"
	"strings"
)

// parent identifies the process that runs us: by its id and, where the system tells it cheaply, its start time.
func parent() string {
	id := os.Getppid()
	// proc(5): after the name, which may contain anything and is in parentheses, the 20th field is the start time.
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return fmt.Sprint(id)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const startTime = 19
	if len(fields) <= startTime {
		return fmt.Sprint(id)
	}
	return fmt.Sprint(id, " ", fields[startTime])
}
