//go:build linux

package e2e

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is at deskDir for whoever sits at a desk. Only root can write there.
const (
	deskDir     = "/mnt"
	deskBrowser = deskPrograms + "/browser"
	deskCA      = deskDir + "/ca.crt"
	deskPlugin  = deskDir + "/plugin/doks-auth"
	deskBin     = deskDir + "/bin"

	// deskPrograms is deskDir where the system's programs are: elsewhere, a client's run as root starts no browser.
	deskPrograms = "/usr/local/sbin"
)

// desk is a test's user at a desktop, who signs in at an OpenID provider with a browser.
//
// Clients let doks-auth open a browser only if the state directory is below the home directory that the user database
// has. So the user's programs run in a mount namespace in which that is the test's directory. They also have a process
// namespace: all of them end with the test, browsers, too.
type desk struct {
	*user

	provider *provider
	login    string // at the provider
	port     int    // for the redirect
	dir      string // what is at deskDir
	init     string // the process whose namespaces are the desk's
}

// newDesk returns a user who has no session at the provider, and a browser that the test controls.
func newDesk(t *testing.T, p *provider) *desk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	d := &desk{
		user: newUser(t, nil), provider: p, dir: t.TempDir(), port: freePort(t),
		login: strings.ToLower(rand.Text()) + "@example.com",
	}
	for _, dir := range []string{"bin", "plugin", "opened"} {
		if err := os.Mkdir(filepath.Join(d.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(d.dir, "ca.crt"), w.providersCA, 0o644); err != nil {
		t.Fatal(err)
	}
	d.setBrowser(chromium)
	d.enter()
	d.env = []string{
		"HOME=" + databaseHome(t), "PATH=" + deskDir + "/plugin:" + os.Getenv("PATH"), "DISPLAY=:99",
		"HTTPS_PROXY=" + w.proxyURL, "SSL_CERT_FILE=" + deskCA, "BROWSER=" + deskBrowser, noKeyring,
	}
	return d
}

// databaseHome returns the home directory that the user database has, whatever the environment says.
func databaseHome(t *testing.T) string {
	t.Helper()
	// Unlike user.Current, it doesn't heed HOME.
	u, err := osuser.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	return u.HomeDir
}

// freePort returns a port of the loopback interface that is free at both its addresses.
func freePort(t *testing.T) int {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// enter makes the namespaces. The home directory comes last: it may hide the programs.
func (d *desk) enter() {
	d.t.Helper()
	const mounts = `mount --bind "$1" "$6" && mount --bind "$2" "$6/bin" && mount --bind "$3" "$6/plugin" &&
		mount --bind "$1" "$7" && mount --bind "$4" "$5" && echo ready && exec sleep infinity`
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", mounts, "sh",
		d.dir, os.Getenv("E2E_BIN"), filepath.Dir(plugin()), d.home, databaseHome(d.t), deskDir,
		deskPrograms)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		d.t.Fatalf("mounting: got %q, %v; want that it is ready", line, err)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	d.init = strings.TrimSpace(string(children))
}

// at returns the command that runs a program at the desk. Whoever kills the command kills the program.
func (d *desk) at(args ...string) []string {
	return append([]string{
		"nsenter", "--target=" + d.init, "--mount", "--pid", "--", "setpriv", "--pdeathsig=KILL", "--",
	}, args...)
}

// run runs a program at the desk, with more environment.
func (d *desk) run(env []string, args ...string) result {
	d.t.Helper()
	return run(d.t, append(d.env, env...), "", d.at(args...)...)
}

// typed runs doks-auth as somebody types it, with an access token for DigitalOcean, and returns its output. It must
// succeed.
func (d *desk) typed(args ...string) string {
	d.t.Helper()
	got := d.tryTyped(args...)
	if got.code != 0 {
		d.t.Fatalf("doks-auth %v: got exit code %d, want 0: %s", args, got.code, got.stderr)
	}
	return got.stdout
}

func (d *desk) tryTyped(args ...string) result {
	d.t.Helper()
	return d.run(d.account(), append([]string{deskPlugin}, args...)...)
}

// account is the environment that names the DigitalOcean account.
func (d *desk) account() []string {
	return []string{"DIGITALOCEAN_ACCESS_TOKEN=" + accessToken, "DIGITALOCEAN_API_URL=" + d.server.URL}
}

// kubectl runs one of the kubectls at the desk, without any access token.
func (d *desk) kubectl(name string, args ...string) result {
	d.t.Helper()
	return d.run(nil, append([]string{filepath.Join(deskBin, name)}, args...)...)
}

// save saves the cluster whose single sign-on is at the desk's provider with a client.
func (d *desk) save(client string) {
	d.t.Helper()
	d.typed("kubeconfig", "save", d.provider.clusters[client].ID, "--sso", "--sso-callback-port="+strconv.Itoa(d.port))
}

// expect fails the test unless this happened at the provider, and so many browsers were opened.
func (d *desk) expect(want counts, browsers int) {
	d.t.Helper()
	if got := d.counts(); got != want || len(d.opened()) != browsers {
		d.t.Errorf("got %+v and %d browsers, want %+v and %d", got, len(d.opened()), want, browsers)
	}
}

// reaches fails the test unless kubectl reaches the cluster as the user.
func (d *desk) reaches() result {
	d.t.Helper()
	got := d.kubectl("kubectl", "auth", "whoami")
	if !strings.Contains(got.stdout, d.login) || !strings.Contains(got.stdout, ssoGroupsPrefix+"Owner") {
		d.t.Errorf("got %+v, want the email %s and the role's group", got, d.login)
	}
	return got
}

// counts returns what happened at the provider for the user.
func (d *desk) counts() counts {
	d.t.Helper()
	return d.provider.counts(d.t, d.login)
}

// program is a program that runs at a desk.
type program struct {
	d              *desk
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr output
	ended          chan struct{}
}

// start starts a program at the desk, with more environment.
func (d *desk) start(env []string, args ...string) *program {
	d.t.Helper()
	args = d.at(args...)
	p := &program{d: d, cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	p.cmd.Env = append(d.env, env...)
	p.cmd.WaitDelay = time.Second // its children may outlive it
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	d.t.Cleanup(p.kill)
	return p
}

// kill kills the program.
func (p *program) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// find waits until the program has printed what matches, and returns that.
func (p *program) find(expression *regexp.Regexp) string {
	p.d.t.Helper()
	for start := time.Now(); time.Since(start) < hung; time.Sleep(20 * time.Millisecond) {
		text := p.stdout.String() + p.stderr.String()
		if found := expression.FindString(text); found != "" {
			return found
		}
		select {
		case <-p.ended:
			p.d.t.Fatalf("%s: got its end and %q, want it to print %s first", p.cmd.Args, text, expression)
		default:
		}
	}
	p.d.t.Fatalf("%s: got %q, want it to print %s", p.cmd.Args, p.stdout.String()+p.stderr.String(), expression)
	return ""
}

// wait waits until the program ends.
func (p *program) wait() result {
	p.d.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(hung):
		p.d.t.Fatalf("%s: got a running program, want it to end: %s", p.cmd.Args, p.stderr.String())
	}
	return result{code: p.cmd.ProcessState.ExitCode(), stdout: p.stdout.String(), stderr: p.stderr.String()}
}
