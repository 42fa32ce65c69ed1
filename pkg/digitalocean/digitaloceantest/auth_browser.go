package digitaloceantest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Approve plays a user who opens an authorization request's URL and authorizes the client as the first
// account that the page offers. It returns where the browser is redirected to, and doesn't follow.
func Approve(client *http.Client, authorizeURL string) (redirect string, err error) {
	return decideAt(client, authorizeURL, "authorize")
}

// Deny is like Approve, but the user denies the request.
func Deny(client *http.Client, authorizeURL string) (redirect string, err error) {
	return decideAt(client, authorizeURL, "deny")
}

var hiddenRequest = regexp.MustCompile(`name="request" value="([0-9a-f]+)"`)

func decideAt(client *http.Client, authorizeURL, decision string) (string, error) {
	browser := *client
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := browser.Get(authorizeURL)
	if err != nil {
		return "", err
	}
	page, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return "", err
	}
	if response.StatusCode == http.StatusFound { // at once: it was approved automatically, or is refused
		return response.Header.Get("Location"), nil
	}
	request := hiddenRequest.FindSubmatch(page)
	if response.StatusCode != http.StatusOK || request == nil {
		return "", fmt.Errorf("opening the authorization page: %s: %s", response.Status, page)
	}
	form, err := response.Request.URL.Parse("/v1/oauth/authorize")
	if err != nil {
		return "", err
	}
	answer := url.Values{"request": {string(request[1])}, "account": {"0"}, "decision": {decision}}
	response, err = browser.Post(form.String(), "application/x-www-form-urlencoded", strings.NewReader(answer.Encode()))
	if err != nil {
		return "", err
	}
	page, err = io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusFound {
		return "", fmt.Errorf("submitting the decision: %s: %s", response.Status, page)
	}
	return response.Header.Get("Location"), nil
}
