package oidctest

import (
	"html/template"
	"net/http"
	"net/url"
)

// askConsent shows the page that asks the user to decide about a request. i.mu must be held.
func (i *Issuer) askConsent(w http.ResponseWriter, id string, request *authorization) {
	page(w, http.StatusOK, consentPage, map[string]any{
		"Client": i.clientID, "Email": i.user.Email, "Scopes": request.scopes,
		"Action": i.pathOf("/consent"), "Name": "request", "Value": id,
	})
}

// consent handles the user's decision on that page.
func (i *Issuer) consent(w http.ResponseWriter, r *http.Request) {
	r.ParseForm() // what can't be parsed is no known request
	i.mu.Lock()
	defer i.mu.Unlock()
	request := i.requests[r.PostForm.Get("request")]
	decision := r.PostForm.Get("decision")
	switch {
	case request == nil:
		errorPage(w, "The request is unknown, or was already decided.")
	case decision != "allow" && decision != "deny":
		errorPage(w, "The form is malformed.")
	default:
		delete(i.requests, r.PostForm.Get("request"))
		i.decide(w, r, request, decision == "allow")
	}
}

// pathOf returns the path of an endpoint. i.mu must be held.
func (i *Issuer) pathOf(path string) string {
	u, _ := url.Parse(i.at(path)) // SetURL checked it
	return u.EscapedPath()
}

// consentPage asks the user. The buttons' IDs are for tests with a real browser.
var consentPage = template.Must(template.New("consent").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Sign in</title></head>
<body>
<h1>Sign in to {{.Client}}</h1>
<p>You are {{.Email}}. The application asks for:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form method="post" action="{{.Action}}">
<input type="hidden" name="{{.Name}}" value="{{.Value}}">
<button id="allow" name="decision" value="allow">Allow</button>
<button id="deny" name="decision" value="deny">Deny</button>
</form>
</body>
</html>
`))

// userCodePage asks for the code that a device shows.
var userCodePage = template.Must(template.New("userCode").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Sign in</title></head>
<body>
<h1>Sign in on a device</h1>
<form action="{{.Action}}">
<p><label>The code that your device shows: <input id="user_code" name="user_code"></label></p>
<button id="continue">Continue</button>
</form>
</body>
</html>
`))

// messagePage tells the user something.
var messagePage = template.Must(template.New("message").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body><h1>{{.Title}}</h1><p id="message">{{.Message}}</p></body>
</html>
`))

func errorPage(w http.ResponseWriter, message string) {
	page(w, http.StatusBadRequest, messagePage, map[string]any{"Title": "Error", "Message": message})
}

func page(w http.ResponseWriter, status int, content *template.Template, data map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	content.Execute(w, data)
}
