package oidctest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Browse does what the browser of the signed-in user does with an authorization URL: it follows the redirects, and
// decides on the page that asks for consent (see SetInteractive) as Refuse and Accept chose. It returns an error if the
// last page, which is the client's, isn't 200. It approves or denies a device too, if it gets its
// verification_uri_complete.
func (i *Issuer) Browse(ctx context.Context, authorizeURL string) error {
	i.mu.Lock()
	client, decision := i.browser, "allow"
	if i.refuses {
		decision = "deny"
	}
	i.mu.Unlock()
	response, page, err := visit(ctx, client, http.MethodGet, authorizeURL, nil)
	if err != nil {
		return err
	}
	if field := decisionField.FindStringSubmatch(page); field != nil {
		form := url.Values{field[2]: {field[3]}, "decision": {decision}}
		action, err := response.Request.URL.Parse(field[1])
		if err != nil {
			return fmt.Errorf("browsing: %w", err)
		}
		if response, page, err = visit(ctx, client, http.MethodPost, action.String(), form); err != nil {
			return err
		}
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("browsing to %s: %s: %.500s", response.Request.URL.Redacted(), response.Status, page)
	}
	return nil
}

// decisionField finds the form of consentPage, and its one field.
var decisionField = regexp.MustCompile(
	`<form method="post" action="([^"]+)">\s*<input type="hidden" name="(request|user_code)" value="([^"]+)">`)

// visit opens a page and returns its text.
func visit(
	ctx context.Context, client *http.Client, method, address string, form url.Values,
) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", fmt.Errorf("browsing: %w", err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", fmt.Errorf("browsing: %w", err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, "", fmt.Errorf("browsing: %w", err)
	}
	return response, string(page), nil
}
