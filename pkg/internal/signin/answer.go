package signin

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// answer is the authorization server's: a code, or an error that ends the sign-in.
type answer struct {
	code    string
	refusal error
}

// parse returns the answer in a redirect URI's query (RFC 6749, sections 4.1.2 and 4.1.2.1). An error means that the
// query doesn't answer this sign-in, which then goes on: any page in the browser can send such a query.
func (r Request) parse(query string) (answer, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return answer{}, errors.New("that address can't be read")
	}
	// First of all, because whoever doesn't know the state needs no other explanation.
	states := values["state"]
	if len(states) != 1 || subtle.ConstantTimeCompare([]byte(states[0]), []byte(r.State)) != 1 {
		return answer{}, errors.New("that address doesn't belong to this sign-in")
	}
	for _, all := range values {
		// RFC 6749, section 3.1: parameters must not be included more than once.
		if len(all) > 1 {
			return answer{}, errors.New("that address has a parameter twice")
		}
	}
	// RFC 9207, section 2.4: with another issuer, not even an error may be believed.
	if r.Issuer != "" && values.Has("iss") && values.Get("iss") != r.Issuer {
		err := errors.New("the answer to the sign-in comes from another issuer")
		return answer{refusal: &credential.Error{Class: credential.Unsafe, Err: err}}, nil
	}
	code := values.Get("code")
	switch {
	case values.Has("error") && values.Has("code"):
		return answer{}, errors.New("that address has both a code and an error")
	case values.Get("error") != "":
		return answer{refusal: refused(values.Get("error"), values.Get("error_description"))}, nil
	case code == "" && values.Has("response_type"):
		return answer{}, errors.New("that is the address to open, not the one that the browser ends at")
	case code == "":
		return answer{}, errors.New("that address has no code")
	case r.Issuer != "" && r.NamesIssuer && !values.Has("iss"):
		err := errors.New("the answer to the sign-in doesn't name its issuer, as this issuer's answers do: it may be another's")
		return answer{refusal: &credential.Error{Class: credential.Unsafe, Err: err}}, nil
	}
	return answer{code: code}, nil
}

// refused returns the error for an authorization server's error response.
func refused(code, description string) error {
	err := fmt.Errorf("the sign-in was refused: %s", quote(code))
	if description != "" {
		err = fmt.Errorf("%w: %s", err, quote(description))
	}
	return &credential.Error{Class: credential.Refused, Err: err}
}

// maxQuoted is how many characters of a text from elsewhere are shown.
const maxQuoted = 200

// quote returns a text from elsewhere, quoted and safe to show: without what isn't printable, and not too long.
func quote(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	return strconv.Quote(limit(text, maxQuoted))
}

// limit cuts a text that is longer than most characters.
func limit(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
