package cmd

import (
	"context"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

// readToken reads an access token from standard input or, on a terminal, asks for it.
func (l *authLogin) readToken(ctx context.Context) (credential.Secret, error) {
	token := digitalocean.AccessToken{Source: "standard input"}
	var text []byte
	var err error
	if l.StdinIsTerminal() {
		token.Source = "the terminal"
		text, err = l.askForToken(ctx)
	} else {
		text, err = bounded(ctx, l.options, func(context.Context) ([]byte, error) {
			return io.ReadAll(io.LimitReader(l.Stdin, maxToken))
		})
	}
	if err != nil {
		return credential.Secret{}, err
	}
	token.Secret = credential.NewSecret(strings.TrimSpace(strings.TrimPrefix(string(text), "\uFEFF")))
	return token.Secret, token.Check()
}

// maxToken bounds what is read from standard input. An access token has 71 characters.
const maxToken = 64 << 10

func (l *authLogin) askForToken(ctx context.Context) ([]byte, error) {
	if l.ReadPassword == nil {
		return nil, usageErrorf("there is no terminal to ask for the access token on")
	}
	ctx, cancel := context.WithTimeout(ctx, signInTime)
	defer cancel()
	io.WriteString(l.Stderr, "Access token (it isn't shown): ")
	defer io.WriteString(l.Stderr, "\n")
	return l.ReadPassword(ctx)
}

// ReadPassword reads a line from a terminal without showing it. When ctx ends, it leaves the terminal as it was.
func ReadPassword(ctx context.Context, terminal *os.File) ([]byte, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		term.Restore(fd, before)
		return nil, ctx.Err()
	}
}
