package digitaloceantest

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Fault answers a call for credentials instead of the API. mint mints a credential and returns the API's
// normal answer. For other calls, mint does what they ask for, and also returns the normal answer.
//
// A Fault whose answer may not be as documented calls the method Broken of the ResponseWriter, if it has one, so that
// a handler around the API can check all others.
type Fault func(w http.ResponseWriter, r *http.Request, mint func() map[string]any)

// broken marks an answer as one that may not be as documented.
func broken(w http.ResponseWriter) {
	if w, ok := w.(interface{ Broken() }); ok {
		w.Broken()
	}
}

// Status returns a Fault that answers with the API's error for a status. headers are alternating names and
// values.
func Status(status int, headers ...string) Fault {
	ids := map[int]string{
		401: "unauthorized",
		403: "forbidden",
		404: "not_found",
		409: "conflict",
		412: "precondition_failed",
		422: "unprocessable_entity",
		429: "too_many_requests",
	}
	messages := map[int]string{
		401: "Unable to authenticate you",
		403: "You are not authorized to perform this operation",
		404: "The resource you requested could not be found.",
		409: "The cluster is being upgraded",
		412: "The cluster is not in the required state",
		422: "expiry_seconds is not valid",
		429: "API rate limit exceeded",
	}
	return func(w http.ResponseWriter, _ *http.Request, _ func() map[string]any) {
		if len(headers) > 0 {
			broken(w)
		}
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		id, message := ids[status], messages[status]
		if id == "" {
			id, message = "server_error", "Unexpected server-side error"
		}
		writeError(w, status, id, message)
	}
}

// Answer returns a Fault that answers with the given status, content type and body.
func Answer(status int, contentType, body string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func() map[string]any) {
		broken(w)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Hang is a Fault that doesn't answer until the caller gives up.
func Hang(_ http.ResponseWriter, r *http.Request, _ func() map[string]any) { <-r.Context().Done() }

// Reset is a Fault that closes the connection without an answer.
func Reset(http.ResponseWriter, *http.Request, func() map[string]any) { panic(http.ErrAbortHandler) }

// Cut is a Fault that closes the connection in the middle of an answer.
func Cut(w http.ResponseWriter, _ *http.Request, _ func() map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, `{"server":`)
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Lost returns a Fault that mints a credential and then applies fault.
func Lost(fault Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
		mint()
		fault(w, r, mint)
	}
}

// Redirect returns a Fault that redirects to a URL.
func Redirect(url string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ func() map[string]any) {
		broken(w)
		http.Redirect(w, r, url, http.StatusFound)
	}
}

// Huge returns a Fault that answers with size bytes of white space as JSON.
func Huge(size int64) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func() map[string]any) {
		broken(w)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		block := strings.Repeat(" ", 64<<10)
		for left := size; left > 0; {
			n, err := io.WriteString(w, block[:min(left, int64(len(block)))])
			if err != nil {
				return
			}
			left -= int64(n)
		}
	}
}

// Change returns a Fault that mints and changes fields of the answer; a nil value removes a field.
func Change(fields map[string]any) Fault {
	return func(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
		answer := mint()
		if len(fields) > 0 {
			broken(w)
		}
		for name, value := range fields {
			if value == nil {
				delete(answer, name)
			} else {
				answer[name] = value
			}
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

// Expired returns a Fault that mints a credential which expired some time ago by the local clock. The API's clock is
// behind by skew, so that by it the credential may still be valid.
func Expired(ago, skew time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
		answer := mint()
		answer["expires_at"] = time.Now().Add(-ago).UTC().Format(time.RFC3339Nano)
		w.Header().Set("Date", time.Now().Add(-skew).UTC().Format(http.TimeFormat))
		writeJSON(w, http.StatusOK, answer)
	}
}

// Dated returns a Fault that mints a credential and answers with the given Date header.
func Dated(date string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
		w.Header().Set("Date", date)
		writeJSON(w, http.StatusOK, mint())
	}
}

// Times returns a Fault that applies fault to the first n calls only.
func Times(n int, fault Fault) Fault {
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	return func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
		select {
		case <-left:
			fault(w, r, mint)
		default:
			writeJSON(w, http.StatusOK, mint())
		}
	}
}

// Named returns the faults for calls for credentials, by the names that tests use.
func Named() map[string]Fault {
	json := "application/json"
	return map[string]Fault{
		"401":                  Status(401),
		"403":                  Status(403),
		"404":                  Status(404),
		"409":                  Status(409),
		"412":                  Status(412),
		"422":                  Status(422),
		"429":                  Status(429),
		"429-retry-after-1":    Status(429, "Retry-After", "1"),
		"429-retry-after-huge": Status(429, "Retry-After", "99999999"),
		"429-hourly":           Status(429, "Ratelimit-Remaining", "0"),
		"500":                  Status(500),
		"502":                  Status(502),
		"503":                  Status(503),
		"500-once":             Times(1, Status(500)),
		"hang":                 Hang,
		"reset":                Reset,
		"cut":                  Cut,
		"redirect-nowhere":     Status(302, "Location", "https://%zz"),
		"html":                 Answer(200, "text/html", "<html><body>Please log in</body></html>"),
		"truncated":            Answer(200, json, `{"server":"https://cluster.example","token":"k8s_v1_trunc`),
		"null":                 Answer(200, json, "null"),
		"empty":                Answer(200, json, "{}"),
		"bad-base64":           Change(map[string]any{"certificate_authority_data": "!!!"}),
		"huge":                 Huge(256 << 20),
		"expired":              Expired(time.Hour, 0),
		"expired-skewed":       Expired(time.Hour, 2*time.Hour),
		"redirect":             Redirect("https://login.example/"),
		"newline":              Change(map[string]any{"token": "k8s_v1_line\nbreak"}),
		"no-expiry":            Change(map[string]any{"expires_at": nil}),
		"no-server":            Change(map[string]any{"server": ""}),
		"mismatched-pair":      mismatchedPair,
		"key-first":            keyFirst,
		"not-utf8":             notUTF8,

		"500-minted":   Lost(Status(500)),
		"502-minted":   Lost(Status(502)),
		"504":          Status(504),
		"504-minted":   Lost(Status(504)),
		"524-minted":   Lost(Status(524)),
		"reset-minted": Lost(Reset),
		"cut-minted":   Lost(Cut),
		"hang-minted":  Lost(Hang),

		"server-http":     Change(map[string]any{"server": "http://cluster.example"}),
		"server-file":     Change(map[string]any{"server": "file:///etc/passwd"}),
		"server-blank":    Change(map[string]any{"server": " "}),
		"server-bare":     Change(map[string]any{"server": "cluster.example"}),
		"server-port":     Change(map[string]any{"server": "https://cluster.example:99999"}),
		"server-userinfo": Change(map[string]any{"server": "https://user:hunter2@cluster.example"}),
		"server-unicode":  Change(map[string]any{"server": "https://cluster.ondİgitalocean.com"}),
		"server-long":     Change(map[string]any{"server": "https://" + strings.Repeat("hunter2.", 1000)}),
		"server-number":   Change(map[string]any{"server": 5}),
		"no-server-field": Change(map[string]any{"server": nil}),

		"ca-empty":    Change(map[string]any{"certificate_authority_data": ""}),
		"no-ca-field": Change(map[string]any{"certificate_authority_data": nil}),
		"ca-text":     changeAuthority(func([]byte) []byte { return []byte("hunter2") }),
		"ca-broken":   changeAuthority(func([]byte) []byte { return []byte("-----BEGIN CERTIFICATE-----\nhunter2\n") }),
		"ca-number":   Change(map[string]any{"certificate_authority_data": 5}),
		"ca-key":      changeAuthority(func(ca []byte) []byte { return append(ca, pemBlock("PRIVATE KEY", nil)...) }),

		"expires-number":     Change(map[string]any{"expires_at": 1767225600}),
		"expires-empty":      Change(map[string]any{"expires_at": ""}),
		"expires-garbage":    Change(map[string]any{"expires_at": "hunter2"}),
		"expires-object":     Change(map[string]any{"expires_at": map[string]any{"hunter2": true}}),
		"expires-far-past":   Change(map[string]any{"expires_at": "0000-01-01T00:00:00+14:00"}),
		"expires-9999":       Change(map[string]any{"expires_at": "9999-12-31T23:59:59Z"}),
		"expires-year-10000": Change(map[string]any{"expires_at": "9999-12-31T23:59:59-12:00"}),
		"date-9999":          Dated("Fri, 31 Dec 9999 23:59:59 GMT"),
		"date-0001":          Dated("Mon, 01 Jan 0001 00:00:00 GMT"),
		"token-number":       Change(map[string]any{"token": 5}),
		"array":              Answer(200, json, "[]"),
		"two":                Answer(200, json, "{}{}"),
		"deep":               Answer(200, json, strings.Repeat(`{"a":`, 100_000)),
	}
}
