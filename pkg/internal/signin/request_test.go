package signin

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func TestRequestsThatCannotStart(t *testing.T) {
	tests := map[string]struct {
		request Request
		url     string
		want    string
		class   credential.Class
	}{
		"no state":           {Request{}, "https://host/", "there is no state", credential.Other},
		"not loopback":       {Request{State: state, Host: "0.0.0.0"}, "https://host/", "127.0.0.1", credential.Other},
		"file":               {Request{State: state}, "file:///etc/passwd", "https://host/path", credential.Unsafe},
		"option":             {Request{State: state}, "--help", "https://host/path", credential.Unsafe},
		"no host":            {Request{State: state}, "https:///x", "https://host/path", credential.Unsafe},
		"terminal's control": {Request{State: state}, "https://host/\u009b2J", "character", credential.Unsafe},
		"space":              {Request{State: state}, "https://host/?a b", "character", credential.Unsafe},
		"quote":              {Request{State: state}, `https://host/?a"b`, "character", credential.Unsafe},
		"backquote":          {Request{State: state}, "https://host/?a`b", "character", credential.Unsafe},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.request.URL = func(string) string { return test.url }
			test.request.Open = func(_ context.Context, url string) error {
				t.Errorf("got %q opened, want nothing opened", url)
				return nil
			}
			err := test.request.Do(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || credential.ClassOf(err) != test.class {
				t.Errorf("got %v of the class %q, want %q of the class %q", err, credential.ClassOf(err), test.want, test.class)
			}
		})
	}
}

func TestInstructions(t *testing.T) {
	open := func(err error) func(context.Context, string) error {
		return func(context.Context, string) error { return err }
	}
	tests := map[string]struct {
		open func(context.Context, string) error
		want string
	}{
		"nothing opens": {nil, "Open this address in a browser:\n"},
		"opening fails": {open(errors.New("no desktop")), "Open this address in a browser:\n"},
		"it is open":    {open(nil), "Continue in your browser. If none opened, go to:\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reader, writer := io.Pipe()
			f := start(t, Request{Open: test.open, Paste: reader}, nil)
			// What is written is read only after people were told what to do.
			io.WriteString(writer, "code=c&state="+state+"\n")
			if err := f.end(t); err != nil {
				t.Errorf("got %v, want success", err)
			}
			address := "https://issuer.example/authorize?redirect_uri=" + url.QueryEscape(f.redirectURI) + "&state=" + state
			want := test.want + address + "\nOr paste the address that the browser ends at:\n"
			if got := f.out.String(); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}

// A browser may answer before the launcher has returned.
func TestAnswerBeforeTheLauncherReturns(t *testing.T) {
	ended := make(chan struct{})
	f := start(t, Request{Open: func(ctx context.Context, _ string) error {
		<-ctx.Done()
		close(ended)
		return nil
	}}, nil)
	f.succeed(t)
	<-ended
	if got := f.out.String(); got != "" {
		t.Errorf("got %q, want nothing said", got)
	}
}
