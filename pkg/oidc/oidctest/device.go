package oidctest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	deviceGrant           = "urn:ietf:params:oauth:grant-type:device_code"
	deviceLifetime        = 10 * time.Minute
	defaultDeviceInterval = 5 * time.Second // RFC 8628, section 3.2
)

// device is a device that waits for the user's decision on another one.
type device struct {
	userCode  string
	scopes    []string
	expiresAt time.Time
	interval  time.Duration
	nextPoll  time.Time // the earliest time for it
	user      *User     // who approved; nil if nobody did
	denied    bool
	used      bool
}

// authorizeDevice starts a device's sign-in (RFC 8628, section 3.1).
func (i *Issuer) authorizeDevice(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lacks("device") {
		http.NotFound(w, r)
		return
	}
	form, err := i.formOf(r)
	scopes := strings.Fields(form.Get("scope"))
	if err == nil {
		err = i.checkScopes(scopes)
	}
	if err != nil {
		answer(w, nil, err)
		return
	}
	now, code, interval := i.clock(), randomHex(), i.deviceInterval
	started := &device{
		userCode: newUserCode(), scopes: scopes, expiresAt: now.Add(deviceLifetime), interval: interval, nextPoll: now,
	}
	i.devices[code] = started
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code":               code,
		"user_code":                 started.userCode,
		"verification_uri":          i.at("/activate"),
		"verification_uri_complete": i.at("/activate?user_code=" + started.userCode),
		"expires_in":                int(deviceLifetime / time.Second),
		"interval":                  int(interval / time.Second),
	})
}

// newUserCode returns a code that is easy to type (RFC 8628, section 6.1).
func newUserCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	var b [8]byte
	rand.Read(b[:]) // never fails
	for n := range b {
		b[n] = letters[int(b[n])%len(letters)]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// pollDevice starts a session if the user has approved the device (RFC 8628, section 3.4). i.mu must be held.
func (i *Issuer) pollDevice(form url.Values, fault string) (map[string]any, *oauthError) {
	if err := required(form, "device_code"); err != nil {
		return nil, err
	}
	polling, now := i.devices[form.Get("device_code")], i.clock()
	switch {
	case polling == nil:
		return nil, refused("invalid_grant", "the device code is unknown")
	case polling.used:
		return nil, refused("invalid_grant", "the device code has already been used")
	case !now.Before(polling.expiresAt):
		return nil, refused("expired_token", "the device code has expired")
	case now.Before(polling.nextPoll):
		polling.interval += 5 * time.Second
		polling.nextPoll = now.Add(polling.interval)
		return nil, refused("slow_down", "the device polls too often")
	}
	// The earliest time for the next poll doesn't depend on when this one arrived: a client that waits as long as it
	// should is never too early, however late one of its polls was.
	polling.nextPoll = polling.nextPoll.Add(polling.interval)
	switch {
	case polling.denied:
		return nil, refused("access_denied", "the user denied the request")
	case polling.user == nil:
		return nil, refused("authorization_pending", "the user hasn't decided yet")
	}
	polling.used = true
	i.signIns++
	return i.issue(&session{user: *polling.user, scopes: polling.scopes}, fault), nil
}

// ApproveDevice makes the user approve the device with a user code. It returns an error if no device waits with it.
func (i *Issuer) ApproveDevice(userCode string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.settleDevice(userCode, true)
}

// DenyDevice makes the user deny the device with a user code. It returns an error if no device waits with it.
func (i *Issuer) DenyDevice(userCode string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.settleDevice(userCode, false)
}

// settleDevice records the user's decision about a device. i.mu must be held.
func (i *Issuer) settleDevice(userCode string, approved bool) error {
	waiting := i.waitingDevice(userCode)
	if waiting == nil {
		return fmt.Errorf("deciding about a device: no device waits with the user code %q", userCode)
	}
	if approved {
		user := i.user
		waiting.user = &user
	} else {
		waiting.denied = true
	}
	return nil
}

// waitingDevice returns the device that waits for a decision with a user code, or nil. i.mu must be held.
func (i *Issuer) waitingDevice(userCode string) *device {
	for _, started := range i.devices {
		waits := started.user == nil && !started.denied && i.clock().Before(started.expiresAt)
		if waits && strings.EqualFold(started.userCode, userCode) {
			return started
		}
	}
	return nil
}
