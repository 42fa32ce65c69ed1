package oidctest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	strangerURL  = "https://stranger.example"
	strangerName = "stranger"

	// hugeSize is larger than any answer that a client should read.
	hugeSize = 256 << 20
)

// Fault makes an endpoint answer with a fault from now on, until Fault(endpoint, "") restores its normal answers. It
// panics if there is no such endpoint or fault.
//
// All endpoints:
//
//	500   status 500
//	hang  no answer, until the client goes
//	html  status 200 with an HTML page
//	huge  256 MiB of white space
//
// discovery:
//
//	empty           an object without members
//	not-json        JSON that is cut off
//	other-issuer    the metadata of another issuer
//	redirect        a redirect to the right metadata
//	http-endpoints  a token endpoint with plain http on another host
//	http-authorize, http-keys, http-device, http-revoke, http-logout
//	                the same for another endpoint
//
// keys:
//
//	empty    a set without keys
//	rotated  a set without the signing key
//
// authorize:
//
//	error        a redirect with error=server_error
//	wrong-state  a redirect with another state
//	wrong-iss    a redirect with another issuer in the parameter iss (RFC 9207)
//	no-iss       a redirect without the parameter iss, which the metadata announces
//
// token, where nothing is processed, so that a code or a refresh token can be used afterwards (as with all of the
// above):
//
//	error-200      status 200 with an error in OAuth's form
//	invalid-grant  the error invalid_grant
//
// token, after the request has been processed:
//
//	drop                   the connection is closed without an answer
//	hang-granted           no answer, until the client goes
//	no-id-token            no ID token
//	no-rotation            a refresh's answer has no new refresh token; the old one remains good
//	control-chars          the ID token ends with a newline
//	control-chars-refresh  the refresh token has a space in it
//	alg-none               an ID token without a signature
//	hs256                  an ID token signed with HMAC, the key being the public key in PEM
//	bad-signature          an ID token with a signature that isn't its own
//	unknown-kid            an ID token whose header names a key that isn't in the key set
//	wrong-iss              an ID token of another issuer
//	wrong-aud              an ID token for another client
//	many-audiences         an ID token for the client and another one
//	other-azp              an ID token for the client that was issued to another one
//	wrong-nonce            an ID token with another nonce
//	no-nonce               an ID token without a nonce
//	no-exp                 an ID token that doesn't say when it expires
//	expired                an ID token that expired an hour ago
//	future                 an ID token that isn't valid before five minutes from now, as if clocks differed
//	far-future             an ID token that isn't valid before an hour from now
//	other-subject          a refresh's ID token has another subject
//
// device (where devices start; they poll token):
//
//	unauthorized-client  the error unauthorized_client
func (i *Issuer) Fault(endpoint, name string) {
	if names := faultsOf(endpoint); name != "" && !slices.Contains(names, name) {
		panic(fmt.Sprintf("oidctest: the endpoint %s has no fault %q", endpoint, name))
	}
	i.set(func() { i.faults[endpoint] = name })
}

// faultsOf returns the faults that an endpoint can have. It panics if there is no such endpoint.
func faultsOf(endpoint string) []string {
	names := []string{"500", "hang", "html", "huge"}
	switch endpoint {
	case discovery:
		return append(names, "empty", "not-json", "other-issuer", "redirect", "http-endpoints", "http-authorize",
			"http-keys", "http-device", "http-revoke", "http-logout")
	case keys:
		return append(names, "empty", "rotated")
	case authorize:
		return append(names, "error", "wrong-state", "wrong-iss", "no-iss")
	case token:
		return append(names, "error-200", "invalid-grant", "drop", "hang-granted", "no-id-token", "no-rotation",
			"control-chars", "control-chars-refresh", "alg-none", "hs256", "bad-signature", "unknown-kid", "wrong-iss",
			"wrong-aud", "many-audiences", "other-azp", "wrong-nonce", "no-nonce", "no-exp", "expired", "future",
			"far-future", "other-subject")
	case deviceAuthorization:
		return append(names, "unauthorized-client")
	case revoke, logout:
		return names
	default:
		panic(fmt.Sprintf("oidctest: there is no endpoint %q", endpoint))
	}
}

// answerFault answers with a fault for which a request isn't processed, and reports whether it is one.
func answerFault(w http.ResponseWriter, r *http.Request, fault string) bool {
	switch fault {
	case "500":
		writeJSON(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
	case "hang":
		hang(r)
	case "html":
		page(w, http.StatusOK, messagePage, map[string]any{"Title": "Welcome", "Message": "Please log in."})
	case "huge":
		writeHuge(w)
	case "not-json":
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"issuer":"`)
	case "error-200":
		writeJSON(w, http.StatusOK, refused("invalid_grant", "the sign-in is refused").answer())
	case "invalid-grant":
		answer(w, nil, refused("invalid_grant", "the sign-in is refused"))
	case "unauthorized-client":
		answer(w, nil, refused("unauthorized_client", "the client may not use this grant"))
	default:
		return false
	}
	return true
}

// hang waits until the client has gone.
func hang(r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

func writeHuge(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(hugeSize))
	block := strings.Repeat(" ", 64<<10)
	for range hugeSize / len(block) {
		if _, err := io.WriteString(w, block); err != nil {
			return
		}
	}
}

// spoilMetadata applies the fault of the discovery endpoint to the metadata. i.mu must be held.
func (i *Issuer) spoilMetadata(metadata map[string]any) {
	plain := "http://" + strings.TrimPrefix(strangerURL, "https://")
	switch i.faults[discovery] {
	case "empty":
		clear(metadata)
	case "other-issuer":
		metadata["issuer"] = strangerURL
	case "http-endpoints":
		metadata["token_endpoint"] = plain + "/token"
	case "http-authorize":
		metadata["authorization_endpoint"] = plain + "/authorize"
	case "http-keys":
		metadata["jwks_uri"] = plain + "/keys"
	case "http-device":
		metadata["device_authorization_endpoint"] = plain + "/device"
	case "http-revoke":
		metadata["revocation_endpoint"] = plain + "/revoke"
	case "http-logout":
		metadata["end_session_endpoint"] = plain + "/logout"
	}
}
