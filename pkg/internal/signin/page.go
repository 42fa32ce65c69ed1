package signin

import (
	"html"
	"io"
	"net/http"
	"strconv"
)

// page is what a browser shows. It needs no scripts and no resources.
type page struct {
	status int
	title  string
	text   string
}

// pageFailed returns the page of a sign-in that failed.
func pageFailed(err error) page {
	return page{
		http.StatusBadRequest, "Sign-in failed",
		"doks-auth is not signed in: " + limit(err.Error(), 4*maxQuoted) + ". You can close this page and try again.",
	}
}

// pageIgnored returns the page of an answer that didn't end the sign-in.
func pageIgnored(err error) page {
	return page{http.StatusBadRequest, "Not accepted", "doks-auth still waits for the sign-in: " + err.Error() + "."}
}

// write sends the page. Once it returns, the operating system has it, and the connection may be closed.
func (p page) write(w http.ResponseWriter) {
	title, text := html.EscapeString(p.title), html.EscapeString(p.text)
	body := "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width\">\n" +
		"<meta name=\"color-scheme\" content=\"light dark\">\n" +
		"<title>" + title + "</title>\n</head>\n<body>\n<h1>" + title + "</h1>\n<p>" + text + "</p>\n</body>\n</html>\n"
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // this page's address has the code in it
	h.Set("X-Content-Type-Options", "nosniff")
	if p.status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET, HEAD")
	}
	w.WriteHeader(p.status)
	io.WriteString(w, body)
	http.NewResponseController(w).Flush()
}
