package openapitest

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// Checked wraps a handler, the stand-in, and fails the test if a request or an answer isn't as the document says.
// Without a document it returns the handler as it is. It doesn't check answers that are broken on purpose, for which
// the stand-in calls the ResponseWriter's method Broken, nor those that were cut off or never sent.
func Checked(tb testing.TB, api http.Handler) http.Handler {
	tb.Helper()
	return checked(tb, api, tb.Errorf)
}

// CheckedAnswers is Checked for tests that send requests which aren't as documented on purpose.
func CheckedAnswers(tb testing.TB, api http.Handler) http.Handler {
	tb.Helper()
	return checked(tb, api, func(string, ...any) {})
}

func checked(tb testing.TB, api http.Handler, badRequest func(format string, args ...any)) http.Handler {
	tb.Helper()
	if os.Getenv(Variable) == "" {
		return api
	}
	document := Open(tb)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, err := document.find(r)
		if err == nil && in != nil {
			err = checkRequest(in)
		}
		if err != nil {
			badRequest("the request %s %s isn't as documented: %v", r.Method, r.URL, err)
		}
		sent := &answer{ResponseWriter: w}
		api.ServeHTTP(sent, r)
		gone := sent.status == 0 && r.Context().Err() != nil
		if in == nil || sent.broken || gone {
			return
		}
		if err := sent.check(in); err != nil {
			tb.Errorf("the answer to %s %s isn't as documented: %v", r.Method, r.URL, err)
		}
	})
}

// checkRequest returns an error if a request isn't as the document says.
func checkRequest(in *openapi3filter.RequestValidationInput) error {
	for name, values := range in.Request.URL.Query() {
		if in.Route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("the document has no parameter %s", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("its parameter %s is repeated", name)
		}
	}
	return openapi3filter.ValidateRequest(in.Request.Context(), in)
}

// answer is a ResponseWriter that keeps what is written.
type answer struct {
	http.ResponseWriter

	status int // 0: nothing has been written
	body   bytes.Buffer
	broken bool
}

// Broken says that the answer is broken on purpose.
func (a *answer) Broken() { a.broken = true }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if !a.broken { // some of those are huge
		a.body.Write(p)
	}
	return a.ResponseWriter.Write(p)
}

// check returns an error if the answer isn't as the document says.
func (a *answer) check(in *openapi3filter.RequestValidationInput) error {
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: cmp.Or(a.status, http.StatusOK), Header: a.Header(), Options: in.Options,
	}
	out.SetBodyBytes(a.body.Bytes())
	return openapi3filter.ValidateResponse(in.Request.Context(), out)
}
