// Package openapitest checks in tests what the stand-in for the DigitalOcean API receives and answers against
// DigitalOcean's own OpenAPI document.
package openapitest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// Variable is the environment variable that holds the document's absolute path. It isn't set where there is none.
const Variable = "DOKS_AUTH_TEST_OPENAPI"

// Undocumented lists what the stand-in serves although the document doesn't contain it: OAuth, which DigitalOcean
// documents elsewhere.
func Undocumented() []string {
	return []string{
		"GET /.well-known/oauth-authorization-server",
		"POST /v1/oauth/register",
		"GET /v1/oauth/authorize",
		"POST /v1/oauth/authorize",
		"POST /v1/oauth/token",
		"POST /v1/oauth/revoke",
	}
}

// Document is DigitalOcean's OpenAPI document.
type Document struct {
	api     *openapi3.T
	router  routers.Router
	options *openapi3filter.Options
}

// Open returns the document, and skips the test if there is none.
func Open(tb testing.TB) *Document {
	tb.Helper()
	if os.Getenv(Variable) == "" {
		tb.Skip(Variable + " isn't set: there is no OpenAPI document to check against")
	}
	document, err := open()
	if err != nil {
		tb.Fatalf("opening the document that %s names: %v", Variable, err)
	}
	return document
}

// open parses the document once for all tests of a package.
var open = sync.OnceValues(func() (*Document, error) {
	path := os.Getenv(Variable)
	if !filepath.IsAbs(path) {
		return nil, errors.New("its path must be absolute: each package's tests run in its own directory")
	}
	api, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		return nil, err
	}
	api.Servers = nil // the stand-in is elsewhere
	router, err := legacy.NewRouter(api)
	if err != nil {
		return nil, err
	}
	options := &openapi3filter.Options{
		AuthenticationFunc:                hasBearer,
		IncludeResponseStatus:             true,
		MultiError:                        true,
		RejectWhenRequestBodyNotSpecified: true,
		SkipSettingDefaults:               true, // they would change the request
		SchemaValidationOptions: []openapi3.SchemaValidationOption{
			openapi3.EnableFormatValidation(),
			openapi3.WithStringFormatValidators(formats()),
		},
	}
	options.WithCustomSchemaErrorFunc(func(err *openapi3.SchemaError) string { // without the schema and the value
		message := "/" + strings.Join(err.JSONPointer(), "/") + ": " + err.Reason
		if err.Origin != nil {
			message += ": " + err.Origin.Error()
		}
		return message
	})
	return &Document{api, router, options}, nil
})

// formats returns validators for those of the document's formats that kin-openapi ignores or takes loosely.
func formats() map[string]openapi3.StringFormatValidator {
	formats := make(map[string]openapi3.StringFormatValidator)
	for name, check := range map[string]func(string) error{
		"byte":  func(s string) error { _, err := base64.StdEncoding.DecodeString(s); return err },
		"cidr":  func(s string) error { _, err := netip.ParsePrefix(s); return err },
		"email": func(s string) error { _, err := mail.ParseAddress(s); return err },
		"uri":   func(s string) error { _, err := url.ParseRequestURI(s); return err },
	} {
		formats[name] = openapi3.NewCallbackValidator(check)
	}
	formats["uuid"] = openapi3.NewRegexpFormatValidator(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	return formats
}

// hasBearer returns an error if a request has no access token.
func hasBearer(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	token, ok := strings.CutPrefix(in.RequestValidationInput.Request.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return errors.New("it has no access token")
	}
	return nil
}

// Endpoints returns the document's endpoints, such as "GET /v2/account".
func (d *Document) Endpoints() []string {
	var endpoints []string
	for path, item := range d.api.Paths.Map() {
		for method := range item.Operations() {
			endpoints = append(endpoints, method+" "+path)
		}
	}
	return endpoints
}

// Example returns one of the document's examples, as JSON.
func (d *Document) Example(tb testing.TB, name string) string {
	tb.Helper()
	example := d.api.Components.Examples[name]
	if example == nil || example.Value == nil {
		tb.Fatalf("the document has no example %s", name)
	}
	return marshal(tb, example.Value.Value)
}

// ExampleAnswer returns the example of an answer that isn't JSON.
func (d *Document) ExampleAnswer(tb testing.TB, name, contentType string) string {
	tb.Helper()
	answer := d.api.Components.Responses[name]
	if answer == nil || answer.Value == nil || answer.Value.Content[contentType] == nil {
		tb.Fatalf("the document has no answer %s of type %s", name, contentType)
	}
	text, ok := answer.Value.Content[contentType].Example.(string)
	if !ok {
		tb.Fatalf("the document has no example of the answer %s", name)
	}
	return text
}

// ExampleOf returns a schema's example, as JSON: an object of what the document gives as its properties' examples.
func (d *Document) ExampleOf(tb testing.TB, schema string) string {
	tb.Helper()
	described := d.api.Components.Schemas[schema]
	if described == nil || described.Value == nil {
		tb.Fatalf("the document has no schema %s", schema)
	}
	return marshal(tb, exampleOf(described.Value))
}

func exampleOf(s *openapi3.Schema) any {
	if len(s.Properties) == 0 {
		return s.Example
	}
	example := make(map[string]any)
	for name, property := range s.Properties {
		example[name] = exampleOf(property.Value)
	}
	return example
}

func marshal(tb testing.TB, v any) string {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// find returns the document's endpoint for a request, or nil if the request is for an undocumented one.
func (d *Document) find(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	route, parameters, err := d.router.FindRoute(r)
	if err == nil {
		return &openapi3filter.RequestValidationInput{
			Request: r, PathParams: parameters, Route: route, Options: d.options,
		}, nil
	}
	for _, endpoint := range Undocumented() {
		if endpoint == r.Method+" "+r.URL.Path {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("the document has no such endpoint: %w", err)
}
