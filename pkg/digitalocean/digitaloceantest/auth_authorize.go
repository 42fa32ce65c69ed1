package digitaloceantest

import (
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// codeLifetime is the longest that RFC 6749 recommends for an authorization code, in section 4.1.2.
const codeLifetime = 10 * time.Minute

// authorization is a client's request to be authorized by a user.
type authorization struct {
	clientID, redirectURI, challenge, state string
	scopes                                  []string
}

// authorize handles an authorization request (RFC 6749, section 4.1.1): it asks the user.
func (s *AuthServer) authorize(w http.ResponseWriter, r *http.Request) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.authorizations++
	client := s.clients[query.Get("client_id")]
	// A wrong client or redirect URI must not be redirected (RFC 6749, section 4.1.2.1): it could be a stranger's.
	switch {
	case err != nil:
		errorPage(w, "The request is malformed.")
		return
	case client == nil:
		errorPage(w, "The application is unknown.")
		return
	case len(query["redirect_uri"]) != 1 || !client.mayRedirectTo(query.Get("redirect_uri")):
		errorPage(w, "The application didn't register this redirect URI.")
		return
	}
	request := &authorization{
		clientID:    query.Get("client_id"),
		redirectURI: query.Get("redirect_uri"),
		challenge:   query.Get("code_challenge"),
		state:       query.Get("state"),
		scopes:      strings.Fields(query.Get("scope")),
	}
	if code, description := request.problem(query); code != "" {
		s.redirect(w, r, request, url.Values{"error": {code}, "error_description": {description}})
		return
	}
	if s.AutoApprove {
		s.redirect(w, r, request, url.Values{"code": {s.newCode(request, s.users[0])}})
		return
	}
	id := randomHex()
	s.requests[id] = request
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	consentPage.Execute(w, map[string]any{
		"Client": client.name, "Scopes": request.scopes, "Users": s.users, "Request": id,
	})
}

var (
	// challengeForm is the form of a SHA-256 digest as a code challenge (RFC 7636, section 4.2).
	challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	scopeForm     = regexp.MustCompile(`^[a-z0-9_]+:[a-z0-9_]+$`)
)

// problem returns the error code and the description of what is wrong with a request, or empty strings.
func (a *authorization) problem(query url.Values) (code, description string) {
	if noneTwice(query) != nil {
		return "invalid_request", "a parameter is repeated"
	}
	switch {
	case query.Get("response_type") == "":
		return "invalid_request", "response_type is missing"
	case query.Get("response_type") != "code":
		return "unsupported_response_type", "response_type must be code"
	case a.state == "":
		return "invalid_request", "state is missing"
	case query.Get("code_challenge_method") != "S256":
		return "invalid_request", "code_challenge_method must be S256"
	case !challengeForm.MatchString(a.challenge):
		return "invalid_request", "code_challenge must be a SHA-256 digest"
	case len(a.scopes) == 0:
		return "invalid_scope", "scope is missing"
	}
	for _, scope := range a.scopes {
		if !scopeForm.MatchString(scope) {
			return "invalid_scope", "there is no such scope"
		}
	}
	return "", ""
}

// decide handles the user's decision on the page of authorize.
func (s *AuthServer) decide(w http.ResponseWriter, r *http.Request) {
	form, err := formOf(r)
	if err != nil {
		errorPage(w, err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	request := s.requests[form.Get("request")]
	if request == nil {
		errorPage(w, "The request is unknown, or was already decided.")
		return
	}
	account, err := strconv.Atoi(form.Get("account"))
	decision := form.Get("decision")
	if err != nil || account < 0 || account >= len(s.users) || decision != "authorize" && decision != "deny" {
		errorPage(w, "The form is malformed.")
		return
	}
	delete(s.requests, form.Get("request"))
	switch {
	case s.clients[request.clientID] == nil:
		errorPage(w, "The application is unknown.")
	case decision == "authorize":
		s.redirect(w, r, request, url.Values{"code": {s.newCode(request, s.users[account])}})
	default:
		s.redirect(w, r, request, url.Values{
			"error": {"access_denied"}, "error_description": {"The user denied the request"},
		})
	}
}

// newCode returns a code with which the client can exchange the user's authorization for tokens. s.mu must be held.
func (s *AuthServer) newCode(request *authorization, user User) string {
	code := randomHex()
	s.codes[code] = &authorizationCode{
		authorization: *request, user: user, expiresAt: s.api.now().Add(codeLifetime),
	}
	return code
}

// redirect sends the browser back to the client with an answer, and the issuer in it (RFC 9207).
func (s *AuthServer) redirect(w http.ResponseWriter, r *http.Request, request *authorization, answer url.Values) {
	if request.state != "" {
		answer.Set("state", request.state)
	}
	answer.Set("iss", s.issuer(r))
	http.Redirect(w, r, request.redirectURI+"?"+answer.Encode(), http.StatusFound)
}

// consentPage asks the user. The buttons' IDs are for tests with a real browser.
var consentPage = template.Must(template.New("consent").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Authorize application</title></head>
<body>
<h1>Authorize {{.Client}}</h1>
<p>{{.Client}} asks for access to your account:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form method="post" action="/v1/oauth/authorize">
<input type="hidden" name="request" value="{{.Request}}">
<p><label>Account: <select id="account" name="account">
{{range $i, $user := .Users}}<option value="{{$i}}">{{$user.Email}} ({{$user.TeamName}})</option>
{{end}}</select></label></p>
<button id="authorize" name="decision" value="authorize">Authorize</button>
<button id="deny" name="decision" value="deny">Deny</button>
</form>
</body>
</html>
`))

var failurePage = template.Must(template.New("failure").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Authorization error</title></head>
<body><h1>Authorization error</h1><p id="error">{{.}}</p></body>
</html>
`))

func errorPage(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusBadRequest)
	failurePage.Execute(w, message)
}
