package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

// A hanging server ends with ctx, or with the client's own limit.
func TestHangs(t *testing.T) {
	var sent atomic.Int32
	client := &oauth.Client{HTTP: roundTripper(func(r *http.Request) (*http.Response, error) {
		sent.Add(1)
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	refresh := func(ctx context.Context) error {
		_, err := client.Refresh(ctx, "https://login.example/token", clientID, credential.NewSecret(sentRefresh))
		return err
	}
	synctest.Test(t, func(t *testing.T) {
		want{class: credential.Unreachable, says: "no answer within 15s", lost: true}.check(t, refresh(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want{class: credential.Unreachable, says: "no answer within 1s", lost: true}.check(t, refresh(ctx))
		want{class: credential.Unreachable, says: "no time is left"}.check(t, refresh(ctx))
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := refresh(ctx)
		want{says: "interrupted", lost: true}.check(t, err)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want it to be %v", err, context.Canceled)
		}
		want{says: "interrupted"}.check(t, refresh(ctx))
	})
	if got := sent.Load(); got != 3 {
		t.Errorf("got %d requests, want 3: one for each call with time left", got)
	}
}

// A real connection that hangs, before and in the middle of the answer.
func TestHangsOnTheNetwork(t *testing.T) {
	for _, begun := range []bool{false, true} {
		arrived, done := make(chan struct{}), make(chan struct{})
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			if begun {
				io.WriteString(w, `{"access_token":"hunter2",`)
				w.(http.Flusher).Flush()
			}
			close(arrived)
			<-done
		})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		_, err := f.client.Refresh(ctx, f.Token, clientID, credential.NewSecret(sentRefresh))
		close(done)
		want{says: "interrupted", lost: true}.check(t, err)
		if got := f.requests.Load(); got != 1 {
			t.Errorf("got %d requests, want 1", got)
		}
	}
}
