package digitalocean

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// AccessToken is an access token for the DigitalOcean API.
type AccessToken struct {
	Secret credential.Secret
	Source string // where it was found, for people: "DIGITALOCEAN_ACCESS_TOKEN", "doctl's context \"work\""

	// The context and the API's address, if any, for a token from doctl's configuration.
	Context, APIURL string
}

// check returns an error of class Usage if the token can't be sent in a header.
func (t AccessToken) check() error {
	if err := credential.CheckBearer(t.Secret); err != nil {
		return &credential.Error{
			Class: credential.Usage,
			Err:   fmt.Errorf("%w from %s can't be used: %w", ErrAccessToken, t.Source, err),
		}
	}
	return nil
}

// The environment variables that may hold an access token, in order of precedence.
var accessTokenEnvVars = [...]string{"DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"}

// AccessTokenSources lists where to look for an access token. An access token is never read from
// the command line, where other users could see it.
type AccessTokenSources struct {
	File    string              // a file that holds the token; "": none
	Context string              // an auth context in doctl's configuration; "": none
	Getenv  func(string) string // looks up environment variables, like os.Getenv; nil: none are set
	Home    string              // the home directory, to find doctl's configuration; "": unknown

	// OwnFiles is for a File that comes from someone else: it must be a regular file owned by the user or root,
	// else the error has class Unsafe.
	OwnFiles bool
}

// Find returns the first access token from File, Context, the environment
// variables DIGITALOCEAN_ACCESS_TOKEN and DIGITALOCEAN_TOKEN, and doctl's current context. It is an error
// if File or Context is set but has no token: the next source may belong to another account. The context
// "default" means, as in doctl, the access token outside of the contexts, or else the
// environment's. Errors have class Usage, or Unsafe (see OwnFiles).
func (s AccessTokenSources) Find() (AccessToken, error) {
	token, err := s.find()
	if err != nil {
		return AccessToken{}, err
	}
	return token, token.check()
}

func (s AccessTokenSources) find() (AccessToken, error) {
	if s.File != "" {
		return s.readFile()
	}
	fromEnv := s.fromEnv()
	if s.Context != "" {
		config, err := s.doctlConfig()
		if strings.EqualFold(s.Context, doctlDefaultContext) && config.AccessToken == "" && len(fromEnv) > 0 {
			return fromEnv[0], nil
		}
		if err != nil {
			return AccessToken{}, err
		}
		return config.accessToken(s.Context)
	}
	if len(fromEnv) > 0 {
		return fromEnv[0], nil
	}
	config, err := s.doctlConfig()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return AccessToken{}, &credential.Error{
			Class: credential.Usage,
			Err: fmt.Errorf("%w: neither %s is set, and %w",
				ErrNoAccessToken, strings.Join(accessTokenEnvVars[:], " nor "), err),
		}
	case err != nil:
		return AccessToken{}, err
	}
	return config.currentAccessToken(s.getenv("DIGITALOCEAN_CONTEXT"))
}

func (s AccessTokenSources) getenv(name string) string {
	if s.Getenv == nil {
		return ""
	}
	return s.Getenv(name)
}

// fromEnv returns the access tokens in the environment, in order of precedence.
func (s AccessTokenSources) fromEnv() []AccessToken {
	var tokens []AccessToken
	for _, name := range accessTokenEnvVars {
		if value := strings.TrimSpace(s.getenv(name)); value != "" {
			tokens = append(tokens, AccessToken{Secret: credential.NewSecret(value), Source: name})
		}
	}
	return tokens
}

// All returns all access tokens: from the file, the environment variables and all of
// doctl's contexts. It may contain duplicates and tokens that Find would refuse. The
// error names the sources that can't be read; the tokens of the others are returned with it.
func (s AccessTokenSources) All() ([]AccessToken, error) {
	var tokens []AccessToken
	var errs []error
	add := func(token AccessToken, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		tokens = append(tokens, token)
	}
	if s.File != "" {
		add(s.readFile())
	}
	fromEnv := s.fromEnv()
	tokens = append(tokens, fromEnv...)
	named := s.Context
	if strings.EqualFold(named, doctlDefaultContext) && len(fromEnv) > 0 {
		named = "" // doctl's configuration may lack it: see Find
	}
	config, err := s.doctlConfig()
	if err != nil {
		if named != "" || !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
		return tokens, errors.Join(errs...)
	}
	names := config.contexts()
	if named != "" && !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, named) }) {
		names = append(names, named)
	}
	for _, name := range names {
		add(config.accessToken(name))
	}
	return tokens, errors.Join(errs...)
}

// Contexts returns the names of doctl's contexts that have an access token, or nil if doctl's
// configuration can't be read.
func (s AccessTokenSources) Contexts() []string {
	config, err := s.doctlConfig()
	if err != nil {
		return nil
	}
	return config.contexts()
}

const maxAccessTokenFile = 64 << 10

// readFile reads the access token from File, which may be a pipe, and trims white space.
func (s AccessTokenSources) readFile() (AccessToken, error) {
	read := readAny
	if s.OwnFiles {
		read = readOwn
	}
	text, err := read(s.File)
	switch {
	case errors.Is(err, ErrNotOwn):
		return AccessToken{}, &credential.Error{
			Class: credential.Unsafe,
			Err:   fmt.Errorf("refusing to read an access token from %s: %w", show.Path(s.File), err),
		}
	case err != nil:
		return AccessToken{}, usageError(&FileError{fmt.Errorf("reading the access token: %w", shownPath(err))})
	}
	word := strings.TrimSpace(strings.TrimPrefix(string(text), "\uFEFF")) // Windows programs write a BOM
	return AccessToken{
		Secret: credential.NewSecret(word),
		Source: show.Path(s.File),
	}, nil
}

func readAny(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxAccessTokenFile))
}

func readOwn(path string) ([]byte, error) {
	f, err := boundedfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || !fileowner.IsOwn(info) && !fileowner.IsRoots(info) {
		return nil, ErrNotOwn
	}
	return boundedfile.ReadFrom(f, maxAccessTokenFile)
}

func usageError(err error) error { return &credential.Error{Class: credential.Usage, Err: err} }

// Errors about access tokens and their sources.
var (
	ErrNoAccessToken = errors.New("no access token for the DigitalOcean API")
	ErrAccessToken   = errors.New("the access token") // can't be sent in a header
	ErrNotOwn        = errors.New("it is not a regular file owned by this user or root")
)

// shownPath returns an error of the file system with its path as it can be shown.
func shownPath(err error) error {
	e, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("%s %s: %w", e.Op, strings.Trim(show.Path(e.Path), `"`), e.Err)
}

// FileError says that a file with an access token can't be read.
type FileError struct{ error }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.error }
