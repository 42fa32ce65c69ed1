package accounts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

const maxAccessTokenFile = 64 << 10

// readFile reads an access token from a file, which may be a pipe, and trims white space.
func (s *Sources) readFile(path string) (*Account, error) {
	read := readAny
	if s.OwnFiles {
		read = readOwn
	}
	text, err := read(path)
	switch {
	case errors.Is(err, ErrNotOwn):
		return nil, &credential.Error{
			Class: credential.Unsafe,
			Err:   fmt.Errorf("refusing to read an access token from %s: %w", show.Path(path), err),
		}
	case err != nil:
		return nil, usageError(&FileError{fmt.Errorf("reading the access token: %w", shownPath(err))})
	}
	word := strings.TrimSpace(strings.TrimPrefix(string(text), "\uFEFF")) // Windows programs write a BOM
	return &Account{Source: show.Path(path), token: credential.NewSecret(word)}, nil
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
	if err != nil || !info.Mode().IsRegular() || !fileowner.IsOwnOrRoots(f, info) {
		return nil, ErrNotOwn
	}
	return boundedfile.ReadFrom(f, maxAccessTokenFile)
}

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
