package accounts

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// The environment variables that may hold an access token, in order of precedence, and the one that names a file.
var accessTokenEnvVars = [...]string{"DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"}

// FileEnvVar is the environment variable that may name a file with an access token.
const FileEnvVar = "DIGITALOCEAN_TOKEN_FILE"

// Sources lists where to look for accounts. An access token is never read from the command line, where other users
// could see it.
type Sources struct {
	File    string              // a file that holds an access token; "": none
	Login   string              // a login of doks-auth; "": none
	Context string              // an auth context in doctl's configuration; "": none
	Getenv  func(string) string // looks up environment variables, like os.Getenv; nil: none are set
	Home    string              // the home directory, to find doctl's configuration; "": unknown

	// OwnFiles is for a File that comes from someone else: it must be a regular file owned by the user or root,
	// else the error has class Unsafe.
	OwnFiles bool

	// StateDir returns the directory for logins, and for what is known about sessions. It is called when that is
	// needed. Without a directory there are no logins, and a session is another account after each refresh.
	StateDir func() string

	// Hold is called before a session is refreshed, and what it returns afterwards. In between, the program should
	// neither end nor be interrupted: the session could be lost. nil: nothing is done.
	Hold func() (release func())

	// OnWait is called before a wait that may be long, with what is waited for, and what it returns afterwards. nil:
	// nothing is done.
	OnWait func(reason string) (done func())

	Transport http.RoundTripper // for calls to authorization servers; nil: one like http.DefaultTransport
	UserAgent string            // of these calls
	Keyring   keyring.Keyring   // nil: the system's
	Now       func() time.Time  // nil: time.Now
	Log       *slog.Logger      // nil: silent
}

// Find returns the first account from File, Login, Context, the environment
// variables DIGITALOCEAN_ACCESS_TOKEN, DIGITALOCEAN_TOKEN and DIGITALOCEAN_TOKEN_FILE, the current login, and doctl's
// current context. It is an error if one that is named has no access token: the next source may belong to another
// account. The context "default" means, as in doctl, the access token outside of the contexts, or else the
// environment's. Errors have class Usage, or Unsafe (see OwnFiles).
func (s Sources) Find() (*Account, error) {
	account, err := s.find()
	if err != nil {
		return nil, err
	}
	return account, account.check()
}

func (s *Sources) find() (*Account, error) {
	if s.File != "" {
		return s.readFile(s.File)
	}
	if s.Login != "" {
		return s.loginAccount(s.Login)
	}
	fromEnv := s.fromEnv()
	if s.Context != "" {
		doctl, err := s.readDoctl()
		isDefault := strings.EqualFold(s.Context, doctlDefaultContext)
		if isDefault && (doctl == nil || doctl.AccessToken == "") && len(fromEnv) > 0 {
			return fromEnv[0], nil
		}
		if err != nil {
			return nil, err
		}
		return s.doctlAccount(doctl, s.Context)
	}
	if len(fromEnv) > 0 {
		return fromEnv[0], nil
	}
	if path := s.getenv(FileEnvVar); path != "" {
		return s.readFile(path)
	}
	if name := s.CurrentLogin(); name != "" {
		return s.loginAccount(name)
	}
	doctl, err := s.readDoctl()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, &credential.Error{
			Class: credential.Usage,
			Err: fmt.Errorf("%w: neither %s is set, and %w",
				ErrNoAccessToken, strings.Join(accessTokenEnvVars[:], " nor "), err),
		}
	case err != nil:
		return nil, err
	}
	name, err := doctl.current(s.getenv("DIGITALOCEAN_CONTEXT"))
	if err != nil {
		return nil, err
	}
	return s.doctlAccount(doctl, name)
}

func (s *Sources) getenv(name string) string {
	if s.Getenv == nil {
		return ""
	}
	return s.Getenv(name)
}

func (s *Sources) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Sources) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// waiting announces a wait, until the function that it returns is called.
func (s *Sources) waiting(format string, args ...any) (done func()) {
	if s.OnWait == nil {
		return func() {}
	}
	return s.OnWait(fmt.Sprintf(format, args...))
}

func (s *Sources) state() *statedir.Dir {
	if s.StateDir == nil {
		return statedir.Open("")
	}
	return statedir.Open(s.StateDir())
}

func (s *Sources) oauthClient() *oauth.Client {
	return &oauth.Client{HTTP: s.Transport, UserAgent: s.UserAgent, Now: s.now}
}

// fromEnv returns the access tokens in the environment, in order of precedence.
func (s *Sources) fromEnv() []*Account {
	var accounts []*Account
	for _, name := range accessTokenEnvVars {
		if value := strings.TrimSpace(s.getenv(name)); value != "" {
			accounts = append(accounts, &Account{Source: name, token: credential.NewSecret(value)})
		}
	}
	return accounts
}

// All returns all accounts: from the file, the environment variables, all logins and all of
// doctl's contexts. It may contain duplicates and access tokens that Find would refuse. The
// error names the sources that can't be read; the accounts of the others are returned with it.
func (s Sources) All() ([]*Account, error) {
	var accounts []*Account
	var errs []error
	add := func(account *Account, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		accounts = append(accounts, account)
	}
	if s.File != "" {
		add(s.readFile(s.File))
	}
	fromEnv := s.fromEnv()
	accounts = append(accounts, fromEnv...)
	if path := s.getenv(FileEnvVar); path != "" {
		add(s.readFile(path))
	}
	for _, name := range s.Logins() {
		add(s.loginAccount(name))
	}
	named := s.Context
	if strings.EqualFold(named, doctlDefaultContext) && len(fromEnv) > 0 {
		named = "" // doctl's configuration may lack it: see Find
	}
	doctl, err := s.readDoctl()
	if err != nil {
		if named != "" || !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
		return accounts, errors.Join(errs...)
	}
	names := doctl.contexts()
	if named != "" && !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, named) }) {
		names = append(names, named)
	}
	for _, name := range names {
		add(s.doctlAccount(doctl, name))
	}
	return accounts, errors.Join(errs...)
}

// Contexts returns the names of doctl's contexts that have an access token, or nil if doctl's
// configuration can't be read.
func (s Sources) Contexts() []string {
	doctl, err := s.readDoctl()
	if err != nil {
		return nil
	}
	return doctl.contexts()
}

func usageError(err error) error { return &credential.Error{Class: credential.Usage, Err: err} }

// Errors about access tokens and their sources.
var (
	ErrNoAccessToken = errors.New("no access token for the DigitalOcean API")
	ErrNotOwn        = errors.New("it is not a regular file owned by this user or root")
)
