package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// A process id alone identifies nobody.
func TestParent(t *testing.T) {
	const inside = "DOKS_AUTH_TEST_PARENT"
	if os.Getenv(inside) != "" {
		fmt.Println(callerID())
		os.Exit(0)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestParent$")
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.Output()
	id, started, found := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || id != strconv.Itoa(os.Getpid()) || !found || started == "" {
		t.Errorf("got %q, %v; want %d and when this process started", out, err, os.Getpid())
	}
}
