// Package signin has somebody sign in at an authorization server, in a browser that may run on another machine. It
// receives the authorization code as RFC 8252, section 7.3, describes: on a port of the loopback interface. What the
// code is exchanged for, and where, is the caller's business.
package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Request is what a sign-in needs. The caller's context bounds how long it may take.
type Request struct {
	// URL returns the address to open, which names the redirect URI and the state.
	URL func(redirectURI string) string

	// State is the only state that is accepted: random, and of this sign-in only.
	State string

	// Issuer, if it isn't empty, is the only `iss` that is accepted (RFC 9207). If NamesIssuer is true, the issuer says
	// that its answers have one, and a code without it is refused.
	Issuer      string
	NamesIssuer bool

	Host string // of the redirect URI: "127.0.0.1", which is the default, or "localhost"
	Port int    // 0: any that is free
	Path string // of the redirect URI; "/callback" is the default

	// Open opens a browser. It may return before the page has loaded, and must return when the context ends. If it is
	// nil or fails, people are asked to open the address.
	Open func(ctx context.Context, url string) error

	// Out is where people read what to do, usually the standard error; nil: nowhere. Then the sign-in fails with an
	// *OpenError if Open fails.
	Out io.Writer

	// Paste is where people who read Out may paste the address that the browser ends at, if it can't reach this machine;
	// nil: nowhere. The goroutine that reads it can't be interrupted: it ends after the next line.
	Paste io.Reader
}

// Exchange turns the authorization code into what the caller needs.
type Exchange func(ctx context.Context, code, redirectURI string) error

// Do has somebody sign in and passes the code to exchange, whose error it returns. The browser's page shows whether
// that succeeded, including the error's text.
//
// Only an answer with the right state ends the sign-in. If the authorization server refuses, or nobody signs in before
// the context's deadline, the error is a *credential.Error of the class Refused. An answer from another issuer has the
// class Unsafe. If the port can't be used, the error is a *PortError.
//
// When Do returns, the port is free again. A browser that Open started keeps running.
func (r Request) Do(ctx context.Context, exchange Exchange) error {
	if r.State == "" {
		return errors.New("signing in: there is no state")
	}
	start := time.Now()
	if ctx.Err() != nil {
		return Over(ctx, start)
	}
	listeners, redirectURI, err := r.listen(ctx)
	if err != nil {
		return err
	}
	address := r.URL(redirectURI)
	desk := newDesk(r, redirectURI)
	stop := desk.serve(listeners)
	defer stop()
	if err := checkURL(address); err != nil {
		return &credential.Error{Class: credential.Unsafe, Err: fmt.Errorf("opening the sign-in's address: %w", err)}
	}

	got, err := r.await(ctx, desk, address)
	switch {
	case err != nil && ctx.Err() != nil:
		err = Over(ctx, start)
	case err != nil:
	case got.refusal != nil:
		err = got.refusal
	default:
		err = exchange(ctx, got.code, redirectURI)
	}
	desk.finish(err)
	return err
}

// await asks people to sign in and returns the answer, or an error if ctx ends.
func (r Request) await(ctx context.Context, desk *desk, address string) (answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opened := make(chan error, 1)
	if r.Open == nil {
		opened <- errors.New("there is nothing to open it with")
	} else {
		go func() { opened <- r.Open(ctx, address) }()
	}
	var pasted <-chan line
	for {
		select {
		case got := <-desk.answers:
			return got, nil
		case <-ctx.Done():
			return answer{}, ctx.Err()
		case err := <-opened:
			if err != nil && r.Out == nil {
				return answer{}, &OpenError{err}
			}
			r.tell(err, address)
			if r.Paste != nil && r.Out != nil {
				fmt.Fprintln(r.Out, pastePrompt)
				pasted = linesOf(ctx, r.Paste)
			}
		case line, ok := <-pasted:
			if !ok {
				pasted = nil // it has ended, but the browser may still reach the port
				continue
			}
			got, err := r.parsePasted(line)
			if err == nil && desk.take() {
				close(desk.shown) // no browser waits for a page
				return got, nil
			}
			if err != nil {
				fmt.Fprintf(r.Out, "Not accepted: %v.\n", err)
			}
			if err != nil && line.err == nil {
				fmt.Fprintln(r.Out, pastePrompt)
			}
		}
	}
}

// OpenError means that no browser could be opened, and that nobody could be told so.
type OpenError struct{ Err error }

// Error returns the cause's message.
func (e *OpenError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *OpenError) Unwrap() error { return e.Err }

// tell tells people where to sign in. err is why no browser was opened.
func (r Request) tell(err error, address string) {
	if r.Out == nil {
		return
	}
	if err != nil {
		fmt.Fprintf(r.Out, "Open this address in a browser:\n%s\n", address)
		return
	}
	fmt.Fprintf(r.Out, "Continue in your browser. If none opened, go to:\n%s\n", address)
}

// Over returns the error of a sign-in that began at start and whose context has ended.
func Over(ctx context.Context, start time.Time) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("waiting for the sign-in: %w", ctx.Err())
	}
	waited := time.Since(start).Round(time.Second)
	return &credential.Error{Class: credential.Refused, Err: fmt.Errorf("nobody signed in within %s", waited)}
}

// checkURL returns an error unless an address is one for a browser, and harmless as an argument and on a terminal. The
// authorization server's metadata may have named it.
func checkURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return errors.New("it is not of the form https://host/path")
	}
	// RFC 3986 has none of these in an address.
	for _, b := range []byte(address) {
		if b <= ' ' || b > '~' || strings.IndexByte("\"<>\\^`{|}", b) >= 0 {
			return errors.New("it contains a character that an address can't contain")
		}
	}
	return nil
}
