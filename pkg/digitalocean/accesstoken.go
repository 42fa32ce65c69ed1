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
)

// AccessToken is an access token of the DigitalOcean API, and where it was found.
type AccessToken struct {
	Secret credential.Secret
	Source string // for people: "DIGITALOCEAN_ACCESS_TOKEN", "doctl's context \"work\""

	// If it is from doctl's configuration: the context, and the API's address, if one is named there.
	Context, APIURL string
}

// check reports an access token that no header can carry. The error is of class Usage.
func (t AccessToken) check() error {
	if err := credential.CheckBearer(t.Secret); err != nil {
		return &credential.Error{
			Class: credential.Usage,
			Err:   fmt.Errorf("%w from %s can't be used: %w", ErrAccessToken, t.Source, err),
		}
	}
	return nil
}

// The environment variables that hold an access token, in their order.
var accessTokenEnvVars = [...]string{"DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"}

// AccessTokenSources says where to look for an access token. An access token is never taken from
// the command line, where other users could see it.
type AccessTokenSources struct {
	File    string              // a file that holds it; "": none
	Context string              // an auth context of doctl's configuration; "": none
	Getenv  func(string) string // the environment's variables; nil: there are none
	Home    string              // the home directory, where doctl's configuration is looked for; "": unknown

	// OwnFiles is for a File that somebody else chose: it must be a regular file of the user's or root's,
	// else the error is of class Unsafe.
	OwnFiles bool
}

// Find returns the first access token that is given: by File, by Context, by the environment
// variables DIGITALOCEAN_ACCESS_TOKEN and DIGITALOCEAN_TOKEN, by doctl's current context. A source
// that is named and has none is an error: the next one may be another account's. The context named
// "default" is, as for doctl, the access token outside of the contexts, or else that of the
// environment. Errors are of class Usage.
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
			Err:   fmt.Errorf("%w: neither %s is set, and %w", ErrNoAccessToken, strings.Join(accessTokenEnvVars[:], " nor "), err),
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

// fromEnv returns the access tokens in the environment, in their order.
func (s AccessTokenSources) fromEnv() []AccessToken {
	var tokens []AccessToken
	for _, name := range accessTokenEnvVars {
		if value := strings.TrimSpace(s.getenv(name)); value != "" {
			tokens = append(tokens, AccessToken{Secret: credential.NewSecret(value), Source: name})
		}
	}
	return tokens
}

// All returns every access token that can be found: the file's, the variables', those of all of
// doctl's contexts. Sources may hold the same one, and one that Find would refuse is listed too. The
// error says which sources can't be read; what the others have is returned all the same.
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
		named = "" // doctl's configuration need not have it: see Find
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

// Contexts returns the names of doctl's contexts that have an access token; none where doctl's
// configuration can't be read.
func (s AccessTokenSources) Contexts() []string {
	config, err := s.doctlConfig()
	if err != nil {
		return nil
	}
	return config.contexts()
}

const maxAccessTokenFile = 64 << 10

// readFile reads the access token in File, which may be a pipe, with white space around it.
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
			Err:   fmt.Errorf("refusing to read an access token from %s: %w", credential.ShowPath(s.File), err),
		}
	case err != nil:
		return AccessToken{}, usageError(&FileError{fmt.Errorf("reading the access token: %w", shownPath(err))})
	}
	word := strings.TrimSpace(strings.TrimPrefix(string(text), "\uFEFF")) // as Windows programs write it
	return AccessToken{
		Secret: credential.NewSecret(word),
		Source: credential.ShowPath(s.File),
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
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || !isOwn(info) {
		return nil, ErrNotOwn
	}
	return boundedfile.ReadFrom(f, maxAccessTokenFile)
}

func usageError(err error) error { return &credential.Error{Class: credential.Usage, Err: err} }

// What can be wrong with access tokens and where they are kept.
var (
	ErrNoAccessToken = errors.New("no access token for the DigitalOcean API")
	ErrAccessToken   = errors.New("the access token") // which no header can carry
	ErrNotOwn        = errors.New("it is not a regular file of this user's or root's")
)

// shownPath returns an error of the file system with its path as it can be shown.
func shownPath(err error) error {
	e, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("%s %s: %w", e.Op, strings.Trim(credential.ShowPath(e.Path), `"`), e.Err)
}

// FileError says that a file with an access token can't be read.
type FileError struct{ error }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.error }
