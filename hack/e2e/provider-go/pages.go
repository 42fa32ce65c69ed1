package main

import (
	"html/template"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// pages are what a user sees.
type pages struct {
	issuer   string
	provider *op.Provider
	storage  *storage
}

// form asks for a login. Code is the user code of a device, or empty.
const form = `<!doctype html><title>Sign in</title>
<form method="post">
<input type="hidden" name="id" value="{{.ID}}">
{{if .Device}}<input name="user_code" value="{{.Code}}">{{end}}
<input name="login" placeholder="Email" required autofocus>
<button type="submit" name="action" value="allow" id="allow">Sign in</button>
<button type="submit" name="action" value="deny" id="deny" formnovalidate>Cancel</button>
</form>`

func show(w http.ResponseWriter, id string, device bool, code string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	template.Must(template.New("form").Parse(form)).Execute(w, struct {
		ID, Code string
		Device   bool
	}{id, code, device})
}

func (p *pages) login(w http.ResponseWriter, r *http.Request) { show(w, r.FormValue("id"), false, "") }

// signIn ends the page of login: the browser goes back to the client.
func (p *pages) signIn(w http.ResponseWriter, r *http.Request) {
	ctx := op.ContextWithIssuer(r.Context(), p.issuer)
	request, ok := p.storage.request(r.FormValue("id"))
	if !ok {
		http.Error(w, "no such sign-in", http.StatusNotFound)
		return
	}
	if r.FormValue("action") == "deny" {
		denied := oidc.ErrAccessDenied().WithDescription("the user canceled")
		op.AuthRequestError(w, r.WithContext(ctx), request, denied, p.provider)
		return
	}
	p.storage.signIn(request, r.FormValue("login"))
	http.Redirect(w, r, op.AuthCallbackURL(p.provider)(ctx, request.GetID()), http.StatusFound)
}

func (p *pages) device(w http.ResponseWriter, r *http.Request) {
	show(w, "", true, r.FormValue("user_code"))
}

// approve ends the page of device.
func (p *pages) approve(w http.ResponseWriter, r *http.Request) {
	login := r.FormValue("login")
	if r.FormValue("action") == "deny" {
		login = ""
	}
	if !p.storage.decide(r.FormValue("user_code"), login) {
		http.Error(w, "no such device", http.StatusNotFound)
		return
	}
	w.Write([]byte("you may close this page"))
}
