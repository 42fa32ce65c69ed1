package signin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// handlerArg precedes the arguments of a test's browser: where to write what it is started with, and the address.
const handlerArg = "-test.run=^TestIsBrowser$"

// TestIsBrowser is the browser of TestGuardedBrowserOnWindows.
func TestIsBrowser(t *testing.T) {
	at := slices.Index(os.Args, "--")
	if at < 0 {
		return
	}
	log, url := os.Args[at+1], os.Args[at+2]
	text := strings.Join(append(os.Environ(), "url "+url), "\n")
	if err := os.WriteFile(log+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(log+".new", log); err != nil {
		t.Fatal(err)
	}
}

// The environment is a kubeconfig's: the browser must not have it.
func TestGuardedBrowserOnWindows(t *testing.T) {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil {
		t.Skip("it would replace the user's browser")
	}
	log := filepath.Join(t.TempDir(), "log")
	key, _, err := registry.CreateKey(registry.CLASSES_ROOT, `https\shell\open\command`, registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close()
	was, _, _ := key.GetStringValue("")
	defer key.SetStringValue("", was)
	if err := key.SetStringValue("", `"`+os.Args[0]+`" `+handlerArg+` -- "`+log+`" "%1"`); err != nil {
		t.Fatal(err)
	}
	registry.DeleteKey(registry.CLASSES_ROOT, `https\shell\open\ddeexec`)
	t.Setenv("FROM_KUBECONFIG", "1")
	open, err := GuardedBrowser(os.Getenv, "")
	if err != nil {
		t.Fatal(err)
	}
	const url = "https://issuer.example/authorize?a=b&c=d%20e"
	if err := open(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	var text []byte
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if text, err = os.ReadFile(log); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v, want the browser started", err)
		}
	}
	got := strings.Split(string(text), "\n")
	if !slices.Contains(got, "url "+url) {
		t.Errorf("got %q, want the address %s", got, url)
	}
	if slices.Contains(got, "FROM_KUBECONFIG=1") || !strings.Contains(strings.ToUpper(string(text)), "\nUSERPROFILE=") {
		t.Errorf("got the environment %q, want the user's own", got)
	}
}
