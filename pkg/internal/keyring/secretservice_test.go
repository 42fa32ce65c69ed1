//go:build linux

// Not for Windows: the Secret Service is for Linux.

package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ss "github.com/zalando/go-keyring/secret_service"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// The library connects to the bus once per process, so each bus needs a process of its own: the test binary, which runs
// the scenario that this variable names.
const scenarioVariable = "DOKS_AUTH_TEST_KEYRING"

func TestMain(m *testing.M) {
	if scenario := os.Getenv(scenarioVariable); scenario != "" {
		os.Exit(play(scenario))
	}
	os.Exit(m.Run())
}

// play runs a scenario and prints what its calls returned.
func play(scenario string) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if scenario == "lock" {
		if err := lock(); err != nil {
			fmt.Println("locking:", err)
			return 1
		}
	}
	if scenario == "cancel" {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, 100*time.Millisecond)
		defer stop()
	}
	start := time.Now()
	_, err := System{}.Get(ctx, "a")
	fmt.Printf("unavailable=%t locked=%t took=%d: %v\n",
		errors.Is(err, ErrUnavailable), errors.Is(err, ErrLocked), time.Since(start).Milliseconds(), err)
	return 0
}

// lock locks the keyring, after it stored what Get asks for.
func lock() error {
	if err := (System{}).Set(context.Background(), "a", credential.NewSecret("0123")); err != nil {
		return err
	}
	service, err := ss.NewSecretService()
	if err != nil {
		return err
	}
	paths := listOf(service.GetLoginCollection().Path())
	object := service.Object("org.freedesktop.secrets", "/org/freedesktop/secrets")
	return object.Call("org.freedesktop.Secret.Service.Lock", 0, paths).Err
}

func listOf[T any](items ...T) []T { return items }

// home returns an environment without a bus, with directories of its own.
func home(t *testing.T, more ...string) []string {
	t.Helper()
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"HOME=" + dir, "XDG_DATA_HOME=" + filepath.Join(dir, "data"), "XDG_CONFIG_HOME=" + filepath.Join(dir, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "XDG_RUNTIME_DIR=" + run, "PATH=" + os.Getenv("PATH"),
		"GORACE=atexit_sleep_ms=0", // the race detector's exit otherwise takes a second
	}
	return append(env, more...)
}

// output runs a command in an environment and returns what it prints. A minute is far more than it may take.
func output(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = env
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, stderr.String())
	}
	return string(out)
}

// underKeyring runs the test binary with a bus and an unlocked GNOME Keyring of its own.
func underKeyring(t *testing.T, env []string, args ...string) string {
	t.Helper()
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("this machine has no %s", program)
		}
	}
	const script = `echo password | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$@"`
	args = append([]string{"--", "sh", "-c", script, "sh", os.Args[0]}, args...)
	return output(t, env, "dbus-run-session", args...)
}

func TestSecretService(t *testing.T) {
	t.Parallel()
	const inside = "DOKS_AUTH_TEST_KEYRING_INSIDE"
	if os.Getenv(inside) != "" {
		testKeyring(t, System{})
		return
	}
	got := underKeyring(t, home(t, inside+"=1"), "-test.run=^TestSecretService$", "-test.v")
	if want := "--- PASS: TestSecretService"; !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %q in it", got, want)
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	got := underKeyring(t, home(t, scenarioVariable+"=lock"))
	checkScenario(t, got, "unavailable=true locked=true", "the keyring is locked", 0, patience)
}

// A Secret Service that was just installed has no keyring to store anything in.
func TestNoCollection(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("this machine has no %s", program)
		}
	}
	const script = `gnome-keyring-daemon --start --components=secrets >/dev/null && exec "$0"`
	env := home(t, scenarioVariable+"=get")
	got := output(t, env, "dbus-run-session", "--", "sh", "-c", script, os.Args[0])
	checkScenario(t, got, "unavailable=true locked=false", "the keyring can't be used: ", 0, patience)
}

func TestNoService(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("dbus-run-session"); err != nil {
		t.Skip("this machine has no dbus-run-session")
	}
	// A bus that knows no service to start.
	config := filepath.Join(t.TempDir(), "bus.conf")
	text := fmt.Sprintf(`<busconfig><type>session</type><listen>unix:dir=%s</listen><policy context="default">
		<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
		</policy></busconfig>`, t.TempDir())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := home(t, scenarioVariable+"=get")
	got := output(t, env, "dbus-run-session", "--config-file="+config, "--", os.Args[0])
	checkScenario(t, got, "unavailable=true locked=false", "there is no keyring", 0, patience)
}

func TestNoBus(t *testing.T) {
	t.Parallel()
	// A dbus-launch that says that it was run.
	bin := t.TempDir()
	launched := filepath.Join(bin, "launched")
	script := fmt.Sprintf("#!/bin/sh\necho >%s\n", launched)
	if err := os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	hasUsersBus := false
	if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err == nil {
		hasUsersBus = true
	}
	tests := map[string]struct {
		env  []string
		want string
	}{
		"no variable":     {nil, "there is no keyring: there is no session bus"},
		"empty":           {[]string{"DBUS_SESSION_BUS_ADDRESS="}, "there is no keyring: there is no session bus"},
		"autolaunch":      {[]string{"DBUS_SESSION_BUS_ADDRESS=autolaunch:"}, "there is no keyring: there is no session bus"},
		"autolaunch, too": {[]string{"DBUS_SESSION_BUS_ADDRESS=autolaunch:scope=x"}, "is not a Unix socket"},
		"no socket":       {[]string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"}, "there is no keyring: connecting"},
		"network":         {[]string{"DBUS_SESSION_BUS_ADDRESS=tcp:host=127.0.0.1,port=1"}, "is not a Unix socket"},
		"network, too": {
			[]string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent;tcp:host=127.0.0.1,port=1"}, "is not a Unix socket",
		},
		"nonsense": {[]string{"DBUS_SESSION_BUS_ADDRESS=nonsense"}, "is not a Unix socket"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if hasUsersBus && strings.HasSuffix(test.want, "no session bus") {
				t.Skip("this user has a bus")
			}
			env := append(home(t, test.env...), scenarioVariable+"=get", "PATH="+bin)
			checkScenario(t, output(t, env, os.Args[0]), "unavailable=true locked=false", test.want, 0, patience)
		})
	}
	if _, err := os.Stat(launched); err == nil {
		t.Error("got a run of dbus-launch, want none")
	}
}

func TestBusThatNeverAnswers(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "bus")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := "DBUS_SESSION_BUS_ADDRESS=unix:path=" + socket

	got := output(t, home(t, address, scenarioVariable+"=get"), os.Args[0])
	checkScenario(t, got, "unavailable=true locked=false", "the keyring doesn't answer within 3s", patience, time.Minute)

	got = output(t, home(t, address, scenarioVariable+"=cancel"), os.Args[0])
	checkScenario(t, got, "unavailable=false locked=false", "context deadline exceeded", 0, patience)
}

// checkScenario checks a line that play printed.
func checkScenario(t *testing.T, line, kind, text string, atLeast, below time.Duration) {
	t.Helper()
	if !strings.HasPrefix(line, kind+" ") || !strings.Contains(line, text) {
		t.Errorf("got %s\nwant %s with %q", line, kind, text)
	}
	var milliseconds int
	if _, err := fmt.Sscanf(strings.TrimPrefix(line, kind), " took=%d:", &milliseconds); err != nil {
		t.Fatalf("got %s\nwant a duration in it", line)
	}
	if took := time.Duration(milliseconds) * time.Millisecond; took < atLeast || took >= below {
		t.Errorf("got an answer after %s, want it after %s at least and before %s", took, atLeast, below)
	}
}
