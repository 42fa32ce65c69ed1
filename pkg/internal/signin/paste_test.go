package signin

import (
	"io"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func TestPaste(t *testing.T) {
	const query = "code=c%2B&state=" + state
	for name, text := range map[string]string{
		"address":         "http://127.0.0.1:1234/callback?" + query,
		"spaces":          " \t http://127.0.0.1:1234/callback?" + query + " \r",
		"quotes":          `"http://127.0.0.1:1234/callback?` + query + `"`,
		"single quotes":   "'http://127.0.0.1:1234/callback?" + query + "'",
		"angle brackets":  "<http://127.0.0.1:1234/callback?" + query + ">",
		"without scheme":  "127.0.0.1:1234/callback?" + query,
		"query":           query,
		"question mark":   "?" + query,
		"fragment":        "http://127.0.0.1:1234/callback?" + query + "#_=_",
		"more parameters": "http://127.0.0.1:1234/callback?x=?&scope=a+b&" + query,
		"query with mark": "x=?&" + query,
	} {
		for _, end := range []string{"\n", ""} {
			t.Run(name, func(t *testing.T) {
				f := start(t, Request{Paste: strings.NewReader(text + end)}, nil)
				if err := f.end(t); err != nil || f.code != "c+" {
					t.Errorf("got the code %q, %v; want %q", f.code, err, "c+")
				}
			})
		}
	}
}

func TestPasteRefused(t *testing.T) {
	f := start(t, Request{Paste: strings.NewReader("http://127.0.0.1:1/callback?error=no&state=" + state + "\n")}, nil)
	if err := f.end(t); credential.ClassOf(err) != credential.Refused {
		t.Errorf("got %v, want one of the class %q", err, credential.Refused)
	}
}

func TestBadLines(t *testing.T) {
	tests := map[string]struct{ line, want string }{
		"empty":         {"", "it is empty"},
		"spaces":        {"  ", "it is empty"},
		"words":         {"it doesn't work", "that address doesn't belong to this sign-in"},
		"no query":      {"http://127.0.0.1:1/callback", "that address doesn't belong to this sign-in"},
		"wrong state":   {"code=c&state=wrong", "that address doesn't belong to this sign-in"},
		"code only":     {"c", "that address doesn't belong to this sign-in"},
		"first address": {"https://host/authorize?response_type=code&state=" + state, "that is the address to open"},
		"no code":       {"http://127.0.0.1:1/callback?state=" + state, "that address has no code"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := start(t, Request{Paste: strings.NewReader(test.line + "\ncode=c&state=" + state + "\n")}, nil)
			if err := f.end(t); err != nil || f.code != "c" {
				t.Errorf("got the code %q, %v; want %q", f.code, err, "c")
			}
			got := f.out.String()
			if want := "\nNot accepted: " + test.want; strings.Count(got, want) != 1 || strings.Count(got, pastePrompt) != 2 {
				t.Errorf("got %s\nwant %q once and the question twice", got, want)
			}
		})
	}
}

// What ends the pasting doesn't end the sign-in.
func TestPasteEnds(t *testing.T) {
	right := "code=pasted&state=" + state + "\n"
	tests := map[string]struct {
		paste io.Reader
		want  string
	}{
		"end of file": {strings.NewReader(""), pastePrompt},
		"too long":    {strings.NewReader(strings.Repeat("x", maxLine+1) + "\n" + right), "it is too long"},
		"too many":    {strings.NewReader(strings.Repeat("x\n", maxLines) + right), "it is one line too many"},
		"endless":     {&endless{text: "x"}, "it is too long"},
		"without end": {&endless{text: "\n"}, "it is one line too many"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := start(t, Request{Paste: test.paste}, nil)
			f.out.await(t, test.want)
			f.succeed(t)
			if e, ok := test.paste.(*endless); ok && e.count > 2*maxLine {
				t.Errorf("got %d bytes read, want %d at most", e.count, 2*maxLine)
			}
			if got := strings.Count(f.out.String(), pastePrompt); got > maxLines+1 {
				t.Errorf("got the question %d times, want %d at most", got, maxLines+1)
			}
		})
	}
}

// endless is a reader that has no end.
type endless struct {
	text  string
	count int
}

func (e *endless) Read(p []byte) (int, error) {
	e.count += len(p)
	return copy(p, strings.Repeat(e.text, len(p))), nil
}
