package oidctest

import "net/http"

// activate shows the page on which the user decides about a device (RFC 8628, section 3.3). Without a user code in its
// address, as in verification_uri, it asks for it.
func (i *Issuer) activate(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	userCode := r.URL.Query().Get("user_code")
	if userCode == "" {
		page(w, http.StatusOK, userCodePage, map[string]any{"Action": i.pathOf("/activate")})
		return
	}
	waiting := i.waitingDevice(userCode)
	if waiting == nil {
		errorPage(w, "No device waits with this code.")
		return
	}
	page(w, http.StatusOK, consentPage, map[string]any{
		"Client": i.clientID, "Email": i.user.Email, "Scopes": waiting.scopes,
		"Action": i.pathOf("/activate"), "Name": "user_code", "Value": waiting.userCode,
	})
}

// decideDevice handles the user's decision on that page.
func (i *Issuer) decideDevice(w http.ResponseWriter, r *http.Request) {
	r.ParseForm() // what can't be parsed has no user code
	decision := r.PostForm.Get("decision")
	if decision != "allow" && decision != "deny" {
		errorPage(w, "The form is malformed.")
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.settleDevice(r.PostForm.Get("user_code"), decision == "allow"); err != nil {
		errorPage(w, "No device waits with this code.")
		return
	}
	page(w, http.StatusOK, messagePage, map[string]any{"Title": "Done", "Message": "You can return to your device."})
}
