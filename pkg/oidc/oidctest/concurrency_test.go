package oidctest_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Two dozen clients sign in and refresh while the controls are turned. A refresh token that they all use at once is
// granted to one of them.
func TestConcurrency(t *testing.T) {
	const clients = 24
	w := newWorld(t)
	shared := refreshTokenOf(t, w.signIn())
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			if err := w.Browse(t.Context(), w.authorizeURL()); err != nil {
				t.Error(err)
				return
			}
			form := url.Values{
				"grant_type": {"authorization_code"}, "client_id": {clientID}, "code": {(<-w.landed).Get("code")},
				"redirect_uri": {w.callback}, "code_verifier": {verifier},
			}
			for range 2 {
				response, err := http.PostForm(w.URL()+"/token", form)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				form = url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {shared}}
			}
		})
		group.Go(func() {
			w.SetLifetime(time.Minute)
			w.SetSkew(time.Second)
			w.Fault("keys", "empty")
			w.IDToken(nil)
			w.Calls("token")
			w.Fault("keys", "")
			w.Without()
		})
	}
	w.RotateKeys()
	group.Wait()
	if w.SignIns() != clients+1 || w.Refreshes() != 1 || w.Reuses() != clients-1 {
		t.Errorf("got %d sign-ins, %d refreshes and %d reuses, want %d, 1 and %d",
			w.SignIns(), w.Refreshes(), w.Reuses(), clients+1, clients-1)
	}
}
