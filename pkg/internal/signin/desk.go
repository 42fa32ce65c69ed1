package signin

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// exchangeTime is how long a browser waits for the page that shows how the exchange ended.
	exchangeTime = 30 * time.Second

	// pageTime is how long the end of a sign-in waits for that page to be sent.
	pageTime = 2 * time.Second
)

// desk receives the browser's requests. The first answer to the sign-in takes it; later ones are told so.
type desk struct {
	request Request
	uri     *url.URL // the redirect URI
	answers chan answer
	taken   atomic.Bool

	done    chan struct{} // closed once outcome is set
	outcome error
	shown   chan struct{} // closed by whoever took the desk, after sending the outcome's page
}

func newDesk(r Request, redirectURI string) *desk {
	uri, err := url.Parse(redirectURI)
	if err != nil {
		uri = &url.URL{}
	}
	return &desk{
		request: r, uri: uri, answers: make(chan answer, 1), done: make(chan struct{}), shown: make(chan struct{}),
	}
}

// take reports whether the caller is the first to take the desk.
func (d *desk) take() bool { return d.taken.CompareAndSwap(false, true) }

// finish shows the outcome to the browser that brought the answer, if one did. Later answers come too late.
func (d *desk) finish(err error) {
	d.outcome = err
	close(d.done)
	if d.take() {
		return
	}
	select {
	case <-d.shown:
	case <-time.After(pageTime):
	}
}

// ServeHTTP implements http.Handler.
func (d *desk) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch {
	// A page of another site can make the browser send requests here under a name of its own (DNS rebinding).
	case req.Host != d.uri.Host:
		page{http.StatusMisdirectedRequest, "Wrong host", "doks-auth doesn't answer for this host."}.write(w)
	case req.URL.EscapedPath() != d.uri.EscapedPath():
		page{http.StatusNotFound, "Not found", "doks-auth waits for a sign-in, but not at this address."}.write(w)
	case req.Method == http.MethodHead:
		page{http.StatusOK, "Waiting", "doks-auth waits for a sign-in."}.write(w)
	case req.Method != http.MethodGet:
		page{http.StatusMethodNotAllowed, "Wrong method", "doks-auth answers to GET only."}.write(w)
	default:
		d.receive(w, req)
	}
}

// receive takes what may be the answer.
func (d *desk) receive(w http.ResponseWriter, req *http.Request) {
	got, err := d.request.parse(req.URL.RawQuery)
	if err != nil {
		pageIgnored(err).write(w)
		return
	}
	if !d.take() {
		const text = "This sign-in was answered before. You can close this page."
		page{http.StatusConflict, "Already answered", text}.write(w)
		return
	}
	defer close(d.shown)
	d.answers <- got
	select {
	case <-d.done:
		d.outcomePage().write(w)
	case <-time.After(exchangeTime):
		page{
			http.StatusOK, "Almost signed in",
			"doks-auth hasn't finished yet. Its terminal shows whether the sign-in succeeds. You can close this page.",
		}.write(w)
	case <-req.Context().Done(): // somebody closed the page
	}
}

// outcomePage returns the page that shows the outcome. Call it after done is closed.
func (d *desk) outcomePage() page {
	if d.outcome != nil {
		return pageFailed(d.outcome)
	}
	return page{http.StatusOK, "Signed in", "doks-auth is signed in. You can close this page."}
}

// serve serves the browser until stop is called, which closes the listeners and all connections.
func (d *desk) serve(listeners []net.Listener) (stop func()) {
	server := &http.Server{
		Handler: d,
		// Browsers open connections in advance and send nothing.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      exchangeTime + 10*time.Second,
		// Browsers send all of localhost's cookies, whatever the port.
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	server.SetKeepAlivesEnabled(false)
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() { server.Serve(l) })
	}
	return func() {
		server.Close()
		serving.Wait()
		for _, l := range listeners {
			l.Close() // one that Serve didn't get to
		}
	}
}
