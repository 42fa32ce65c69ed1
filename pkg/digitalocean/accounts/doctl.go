package accounts

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/userdir"
)

// doctlDefaultContext is doctl's name for the access token outside of auth-contexts.
const doctlDefaultContext = "default"

// DoctlError means that doctl's configuration provides no access token.
type DoctlError struct {
	Broken   bool     // the file exists but isn't what doctl writes
	Context  string   // the one that has none; "" if the error isn't about that
	Contexts []string // those that have an access token
	Err      error
}

// Error returns the text of the wrapped error.
func (e *DoctlError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *DoctlError) Unwrap() error { return e.Err }

// doctl is doctl's configuration as it was read.
type doctl struct {
	doctlConfig

	path string
	text []byte
	info os.FileInfo // which file it is, and when it was changed, from before it was read

	decodeSessions sync.Once
	sessions       sessions
}

// readDoctl reads doctl's configuration. The error wraps os.ErrNotExist if there is none or if it can't
// be located.
func (s *Sources) readDoctl() (*doctl, error) {
	path := s.doctlPath()
	if path == "" {
		return nil, usageError(&DoctlError{
			Err: notFoundError("doctl's configuration can't be located without a home directory"),
		})
	}
	d, err := openDoctl(path)
	if snap := s.snapPath(); snap != "" && errors.Is(err, os.ErrNotExist) {
		if inSnap, snapErr := openDoctl(snap); !errors.Is(snapErr, os.ErrNotExist) {
			return inSnap, snapErr
		}
	}
	return d, err
}

func openDoctl(path string) (*doctl, error) {
	text, info, err := readSettled(path)
	if errors.Is(err, os.ErrNotExist) {
		missing := notFoundError("there is no doctl configuration at " + show.Path(path))
		return nil, usageError(&DoctlError{Err: missing})
	}
	if err != nil {
		err = fmt.Errorf("reading doctl's configuration %s: %w", show.Path(path), show.Reason(err))
		return nil, usageError(&DoctlError{Err: err})
	}
	if len(bytes.TrimSpace(text)) == 0 {
		err = fmt.Errorf("reading doctl's configuration: %s is empty", show.Path(path))
		return nil, usageError(&DoctlError{Err: err})
	}
	d := &doctl{path: path, text: text, info: info}
	if err := decodeDoctl(text, doctlKeys, &d.doctlConfig); err != nil {
		err = fmt.Errorf("reading doctl's configuration: %s is not YAML with doctl's fields", show.Path(path))
		return nil, usageError(&DoctlError{Broken: true, Err: err})
	}
	return d, nil
}

// decodeDoctl decodes some keys of doctl's configuration. The error may quote an access token.
func decodeDoctl(text []byte, keys []string, config *doctlConfig) error {
	err := yaml.Unmarshal(cutDoctlConfig(text, keys), config)
	if err != nil {
		*config = doctlConfig{}
		err = yaml.Unmarshal(text, config)
	}
	return err
}

const (
	// maxDoctlConfig is the maximum size of doctl's configuration; doctl writes about 13 kB.
	maxDoctlConfig = 1 << 20

	// doctl truncates its configuration, and then writes it. A file that changed less than writing ago may not be
	// complete; one that looks as if it isn't is read again for as long as patience.
	writing  = 20 * time.Millisecond
	patience = 200 * time.Millisecond
)

// readSettled reads doctl's configuration when doctl isn't in the middle of writing it.
func readSettled(path string) ([]byte, os.FileInfo, error) {
	const pause = 5 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		text, info, age, err := readAged(path)
		if err != nil {
			return nil, nil, err
		}
		// A file system may truncate a file before it changes the time.
		isTruncated := len(text) == 0 || int64(len(text)) < info.Size()
		// doctl always writes which context is the current one.
		isCut := isTruncated || text[len(text)-1] != '\n' || !bytes.Contains(text, []byte("context:"))
		isOld := age > time.Second && !isTruncated
		if isOld || waited >= patience || age > writing && !isCut {
			return text, info, nil
		}
		time.Sleep(pause)
	}
}

// readAged reads a file. It returns its description from before, and how long ago it was changed.
func readAged(path string) (text []byte, before os.FileInfo, age time.Duration, err error) {
	f, err := boundedfile.Open(path)
	if err != nil {
		return nil, nil, 0, err
	}
	defer f.Close()
	before, err = f.Stat()
	if err != nil {
		return nil, nil, 0, err
	}
	text, err = boundedfile.ReadFrom(f, maxDoctlConfig)
	if err != nil {
		return nil, nil, 0, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, nil, 0, err
	}
	return text, before, time.Since(after.ModTime()).Abs(), nil
}

// notFoundError is os.ErrNotExist with another message.
type notFoundError string

func (e notFoundError) Error() string { return string(e) }
func (e notFoundError) Unwrap() error { return os.ErrNotExist }

// doctlPath returns the path of doctl's configuration: $DIGITALOCEAN_CONFIG, or doctl/config.yaml in
// the operating system's configuration directory.
func (s *Sources) doctlPath() string {
	if path := s.getenv("DIGITALOCEAN_CONFIG"); path != "" {
		return path
	}
	var dir string
	switch runtime.GOOS {
	case "windows":
		dir = cmp.Or(s.getenv("APPDATA"), userdir.Under(s.Home, "AppData", "Roaming"))
	case "darwin":
		dir = userdir.Under(s.Home, "Library", "Application Support")
	default:
		if dir = s.getenv("XDG_CONFIG_HOME"); dir == "" {
			dir = userdir.Under(s.Home, ".config")
		}
	}
	return userdir.Under(dir, "doctl", "config.yaml")
}

// snapPath returns where the snap of doctl has its configuration, or "".
func (s *Sources) snapPath() string {
	if runtime.GOOS != "linux" || s.getenv("DIGITALOCEAN_CONFIG") != "" {
		return ""
	}
	return userdir.Under(s.Home, "snap", "doctl", "current", ".config", "doctl", "config.yaml")
}

// current returns the name of doctl's current context; override is the value of DIGITALOCEAN_CONTEXT. A file that
// ends in the middle of a line before it names one may have been cut off, and the current context may be another.
func (d *doctl) current(override string) (string, error) {
	name := string(d.Context)
	switch {
	case override != "":
		return override, nil
	case name != "":
		return name, nil
	case len(d.AuthContexts) > 0 && d.text[len(d.text)-1] != '\n':
		return "", usageError(&DoctlError{
			Broken:   true,
			Contexts: d.contexts(),
			Err:      fmt.Errorf("reading doctl's configuration: %s ends in the middle", show.Path(d.path)),
		})
	}
	return doctlDefaultContext, nil
}

// accessToken returns the access token of a context; "" if there is none. doctl writes names in lower case.
func (d *doctl) accessToken(context string) string {
	if strings.EqualFold(context, doctlDefaultContext) {
		return strings.TrimSpace(string(d.AccessToken))
	}
	return strings.TrimSpace(lookup(d.AuthContexts, context))
}

// personalPrefix begins personal access tokens, which never belong to a session.
const personalPrefix = "dop_v1_"

// session returns the session of a context. It has no access token if the context has no session.
func (d *doctl) session(context string) session {
	d.decodeSessions.Do(func() {
		var config doctlConfig
		if bytes.Contains(d.text, []byte(sessionsKey)) && decodeDoctl(d.text, []string{sessionsKey}, &config) == nil {
			d.sessions = config.Sessions
		}
	})
	token := d.accessToken(context)
	if strings.HasPrefix(token, personalPrefix) { // it has been pasted over the session's
		return session{}
	}
	s := lookup(d.sessions, context)
	if !s.Refresh.IsZero() {
		s.Access = credential.NewSecret(token)
	}
	return s
}

// account returns the account of a context.
func (s *Sources) doctlAccount(d *doctl, context string) (*Account, error) {
	token := d.accessToken(context)
	if token == "" {
		return nil, usageError(&DoctlError{
			Context:  context,
			Contexts: d.contexts(),
			Err:      fmt.Errorf("doctl's configuration has no access token for the context %s", show.Word(context)),
		})
	}
	return &Account{
		Source:  fmt.Sprintf("doctl's context %q", context),
		Context: strings.ToLower(context), // as doctl writes it
		APIURL:  string(d.APIURL),
		token:   credential.NewSecret(token),
		sources: s,
		doctl:   d,
	}, nil
}

// contexts returns the names of the contexts that have an access token, with the default one last.
func (d *doctl) contexts() []string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(d.AuthContexts)), func(name string) bool {
		return d.AuthContexts[name] == ""
	})
	if d.AccessToken != "" {
		names = append(names, doctlDefaultContext)
	}
	return names
}
