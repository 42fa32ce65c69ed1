package oauth

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
)

const (
	callTimeout  = 15 * time.Second
	maxBody      = 1 << 20
	maxErrorBody = 64 << 10 // of an answer with a status other than 2xx
)

// request is a request to an authorization server.
type request struct {
	doing       string // for errors: "refreshing the session"
	method      string
	endpoint    string
	query       string // of a GET
	contentType string
	body        string
	bearer      credential.Secret
	secrets     []credential.Secret // what is sent and must not be shown
	timeout     time.Duration       // 0: callTimeout
}

func formRequest(doing, endpoint string, form url.Values) request {
	return request{
		doing:       doing,
		method:      http.MethodPost,
		endpoint:    endpoint,
		contentType: "application/x-www-form-urlencoded",
		body:        form.Encode(),
	}
}

// answer is a complete answer to a request.
type answer struct {
	start     time.Time // when the request was sent, by the client's clock
	date      time.Time // when it was answered, by the server's clock; zero if it doesn't say
	status    int
	mediaType string
	body      []byte
	tooLarge  bool // body is empty then
}

func (a answer) isSuccess() bool { return a.status >= 200 && a.status <= 299 }

func (a answer) isHTML() bool { return a.mediaType == "text/html" || isHTML(a.body) }

// call sends a request that is answered with a JSON object.
func (c *Client) call(ctx context.Context, r request) (answer, fields, error) {
	a, err := c.send(ctx, r)
	if err != nil {
		return answer{}, nil, err
	}
	if !a.isSuccess() {
		return answer{}, nil, r.refusal(a)
	}
	if a.tooLarge {
		return answer{}, nil, r.unusable(a, errTooLarge)
	}
	f, err := decode(a.body)
	if err != nil {
		return answer{}, nil, r.unusable(a, err)
	}
	if f.text("error") != "" {
		return answer{}, nil, r.refusal(a)
	}
	return a, f, nil
}

// send sends a request and reads the answer, whatever its status. A POST is sent at most once.
func (c *Client) send(ctx context.Context, r request) (answer, error) {
	address, unfit := parseAddress(r.endpoint)
	if unfit != nil {
		return answer{}, r.unsent(unfit.Class, unfit.Err)
	}
	address.RawQuery = r.query
	if ctx.Err() != nil {
		return answer{}, r.unanswered(ctx, nil, 0, &Error{Err: errors.New("no time is left")})
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, cmp.Or(r.timeout, callTimeout))
	defer cancel()
	var way onecall.Delivery
	req, err := http.NewRequestWithContext(way.Track(limited), r.method, address.String(), strings.NewReader(r.body))
	if err != nil {
		return answer{}, r.unsent(credential.Usage, errors.New("the address can't be used"))
	}
	// net/http itself repeats a request on a reused connection that turns out to be broken, unless the body can't be
	// read again.
	req.GetBody = nil
	req.Header.Set("Accept", "application/json")
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	if !r.bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+r.bearer.Reveal())
	}

	start := c.now()
	// Without an http.Client: it would follow redirects.
	resp, err := c.transport().RoundTrip(req)
	if err != nil {
		failed := &Error{Lost: !way.IsUnsent(), Err: errors.New(c.describe(req, err))}
		return answer{}, r.unanswered(ctx, err, time.Since(began), failed)
	}
	defer resp.Body.Close()
	a := answer{start: start, status: resp.StatusCode}
	a.mediaType, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	a.date, _ = http.ParseTime(resp.Header.Get("Date"))
	limit := maxBody
	if !a.isSuccess() {
		limit = maxErrorBody
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if err != nil {
		failed := &Error{Lost: true, Err: errors.New(c.describe(req, err))}
		return answer{}, r.unanswered(ctx, err, time.Since(began), failed)
	}
	if len(a.body) > limit {
		a.body, a.tooLarge = nil, true
	}
	return a, nil
}
