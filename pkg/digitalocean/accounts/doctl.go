package digitalocean

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// doctlConfig holds the used fields of doctl's configuration file.
type doctlConfig struct {
	AccessToken  string            `yaml:"access-token"`
	AuthContexts map[string]string `yaml:"auth-contexts"`
	Context      string            `yaml:"context"`
	APIURL       string            `yaml:"api-url"`
}

// doctlDefaultContext is doctl's name for the access token outside of auth-contexts.
const doctlDefaultContext = "default"

// DoctlError means that doctl's configuration provides no access token.
type DoctlError struct {
	Broken   bool     // the file exists but isn't what doctl writes
	Contexts []string // the contexts that have an access token
	Err      error
}

// Error returns the text of the wrapped error.
func (e *DoctlError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *DoctlError) Unwrap() error { return e.Err }

// doctlConfig reads doctl's configuration. The error wraps os.ErrNotExist if there is none or if it can't
// be located.
func (s AccessTokenSources) doctlConfig() (doctlConfig, error) {
	path := s.doctlConfigPath()
	if path == "" {
		return doctlConfig{}, usageError(&DoctlError{
			Err: notFoundError("doctl's configuration can't be located without a home directory"),
		})
	}
	text, err := boundedfile.Read(path, maxDoctlConfig)
	if errors.Is(err, os.ErrNotExist) {
		missing := notFoundError("there is no doctl configuration at " + show.Path(path))
		return doctlConfig{}, usageError(&DoctlError{Err: missing})
	}
	if err != nil {
		err = fmt.Errorf("reading doctl's configuration %s: %w", show.Path(path), show.Reason(err))
		return doctlConfig{}, usageError(&DoctlError{Err: err})
	}
	var config doctlConfig
	err = yaml.Unmarshal(cutDoctlConfig(text), &config)
	if err != nil {
		config = doctlConfig{}
		err = yaml.Unmarshal(text, &config)
	}
	if err != nil {
		// The cause may quote the line that it could not parse, with an access token in it.
		err = fmt.Errorf("reading doctl's configuration: %s is not YAML with doctl's fields", show.Path(path))
		return doctlConfig{}, usageError(&DoctlError{Broken: true, Err: err})
	}
	return config, nil
}

// maxDoctlConfig is the maximum size of doctl's configuration; doctl writes about 13 kB.
const maxDoctlConfig = 1 << 20

// doctlKeys are the keys of doctlConfig.
var doctlKeys = [...]string{"access-token", "api-url", "auth-contexts", "context"}

// cutDoctlConfig returns only the relevant blocks of doctl's configuration, or all of it if it isn't clear
// where a block begins. doctl writes up to 900 lines, and parsing them takes longer than the rest of a
// cache hit.
func cutDoctlConfig(text []byte) []byte {
	var kept []byte
	begun, keep := false, false
	for line := range bytes.Lines(text) {
		if !isPlainYAML(line) {
			return text
		}
		if line[0] != ' ' {
			key, value, ok := bytes.Cut(line, []byte(":"))
			if !ok || !isDoctlKey(key) || len(value) > 0 && value[0] != ' ' && value[0] != '\n' {
				return text
			}
			begun, keep = true, slices.Contains(doctlKeys[:], string(key))
		}
		if !begun {
			return text
		}
		if keep {
			kept = append(kept, line...)
		}
	}
	return kept
}

// isPlainYAML reports whether a line neither continues on the next one nor affects other lines.
func isPlainYAML(line []byte) bool {
	quotes, brackets := 0, 0
	blank := true
	for _, b := range line {
		switch b {
		case '\n', ' ':
			continue
		case '"':
			quotes++
		case '[', '{':
			brackets++
		case ']', '}':
			brackets--
		case '\'', '#', '&', '*', '|', '>', '\\':
			return false
		}
		if b < ' ' || b > '~' || brackets < 0 {
			return false
		}
		blank = false
	}
	return !blank && quotes%2 == 0 && brackets == 0
}

func isDoctlKey(key []byte) bool {
	return len(key) > 0 && !bytes.ContainsFunc(key, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}) && key[0] != '-'
}

// notFoundError is os.ErrNotExist with another message.
type notFoundError string

func (e notFoundError) Error() string { return string(e) }
func (e notFoundError) Unwrap() error { return os.ErrNotExist }

// doctlConfigPath returns the path of doctl's configuration: $DIGITALOCEAN_CONFIG, or doctl/config.yaml in
// the operating system's configuration directory.
func (s AccessTokenSources) doctlConfigPath() string {
	if path := s.getenv("DIGITALOCEAN_CONFIG"); path != "" {
		return path
	}
	var dir string
	switch runtime.GOOS {
	case "windows":
		dir = s.getenv("APPDATA")
	case "darwin":
		dir = under(s.Home, "Library", "Application Support")
	default:
		if dir = s.getenv("XDG_CONFIG_HOME"); dir == "" {
			dir = under(s.Home, ".config")
		}
	}
	return under(dir, "doctl", "config.yaml")
}

// under joins a path under dir, or returns "" if dir isn't absolute: the path would depend on the working
// directory.
func under(dir string, elem ...string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}

// currentAccessToken returns the access token of doctl's current context; override is the
// value of DIGITALOCEAN_CONTEXT.
func (c doctlConfig) currentAccessToken(override string) (AccessToken, error) {
	name := override
	if name == "" {
		name = c.Context
	}
	if name == "" {
		name = doctlDefaultContext
	}
	return c.accessToken(name)
}

// accessToken returns the access token of a context. doctl writes names in lower case.
func (c doctlConfig) accessToken(name string) (AccessToken, error) {
	token := c.AccessToken
	if !strings.EqualFold(name, doctlDefaultContext) {
		token = c.AuthContexts[name]
		for _, known := range slices.Sorted(maps.Keys(c.AuthContexts)) {
			if token == "" && strings.EqualFold(name, known) {
				token = c.AuthContexts[known]
			}
		}
	}
	if token = strings.TrimSpace(token); token == "" {
		return AccessToken{}, usageError(&DoctlError{
			Contexts: c.contexts(),
			Err:      fmt.Errorf("doctl's configuration has no access token for the context %s", show.Word(name)),
		})
	}
	return AccessToken{
		Secret:  credential.NewSecret(token),
		Source:  fmt.Sprintf("doctl's context %q", name),
		Context: strings.ToLower(name), // as doctl writes it
		APIURL:  c.APIURL,
	}, nil
}

// contexts returns the names of the contexts that have an access token, with the default one last.
func (c doctlConfig) contexts() []string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(c.AuthContexts)), func(name string) bool {
		return c.AuthContexts[name] == ""
	})
	if c.AccessToken != "" {
		names = append(names, doctlDefaultContext)
	}
	return names
}
