package digitalocean_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	year1    = "Mon, 01 Jan 0001 00:00:00 GMT"
	year9999 = "Fri, 31 Dec 9999 23:59:59 GMT"
)

// Extreme dates in the API's answer: a credential stays fresh no longer than it is valid, and
// every year in a response has four digits.
func TestExtremeDates(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 500, time.UTC)
	const hour, day, century = time.Hour, 24 * time.Hour, 100 * 365 * 24 * time.Hour
	fourYears := now.AddDate(4, 0, 0).Sub(now)
	inAWeek := now.Add(7 * day).Format(time.RFC3339)
	tests := map[string]struct {
		expiresAt, date string
		lives           time.Duration // 0: unusable; -1: unknown
	}{
		"plain":                        {inAWeek, now.Format(http.TimeFormat), 7 * day},
		"9999":                         {"9999-12-31T23:59:59Z", "", century},
		"the year 10000":               {"9999-12-31T23:59:59.999999999-12:00", "", century},
		"the year 10000, by a day":     {"9999-12-31T23:59:59-23:59", "", century},
		"in 293 years":                 {"2319-01-02T12:00:00Z", "", century},
		"in 101 years":                 {"2127-01-02T12:00:00Z", "", century},
		"in 68 years":                  {"2094-01-02T12:00:00Z", "", now.AddDate(68, 0, 0).Sub(now)},
		"the year 0":                   {"0000-01-01T00:00:00Z", "", 0},
		"before the year 0":            {"0000-01-01T00:00:00+23:59", "", 0},
		"Go's zero":                    {"0001-01-01T00:00:00Z", "", -1},
		"a second after":               {"0001-01-01T00:00:01Z", "", 0},
		"before 1678":                  {"1600-01-01T00:00:00Z", "", 0},
		"1970":                         {"1970-01-01T00:00:00Z", "", 0},
		"Date 9999":                    {inAWeek, year9999, 7 * day},
		"Date 9999 and 9999":           {"9999-12-31T23:59:59Z", year9999, century},
		"Date in 292 years":            {inAWeek, "Fri, 14 Mar 2318 02:36:47 GMT", 7 * day},
		"Date in 293 years":            {inAWeek, "Sat, 14 Mar 2319 02:36:47 GMT", 7 * day},
		"Date in two years":            {inAWeek, "Sun, 02 Jan 2028 12:00:00 GMT", 7 * day},
		"Date in two years, 4 to live": {"2030-01-02T12:00:00Z", "Sun, 02 Jan 2028 12:00:00 GMT", fourYears},
		"Date in a day":                {inAWeek, now.Add(day).Format(http.TimeFormat), 6 * day},
		"Date in eleven months":        {"2027-01-02T12:00:00Z", "Wed, 02 Dec 2026 12:00:00 GMT", 31 * day},
		"Date in two minutes": {
			expiresAt: inAWeek,
			date:      now.Add(2 * time.Minute).Format(http.TimeFormat),
			lives:     7*day - 2*time.Minute,
		},
		"Date of the year 1": {inAWeek, year1, 7 * day},
		"Date of the year 0": {inAWeek, "Sat, 01 Jan 0000 00:00:00 GMT", 7 * day},
		"Date 1970":          {inAWeek, "Thu, 01 Jan 1970 00:00:00 GMT", 7 * day},
		"no date":            {inAWeek, "tomorrow", 7 * day},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			clock := func() time.Time { return now }
			api, _, client := newAPI(t, func(o *digitalocean.Options) { o.Now = clock })
			api.Now = clock
			api.SetFault(func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
				if test.date != "" {
					w.Header().Set("Date", test.date)
				}
				digitaloceantest.Change(map[string]any{"expires_at": test.expiresAt})(w, r, mint)
			})
			got, err := fetch(t, client, 0)
			if test.lives == 0 {
				checkUnusable(t, err, "it expired at ")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkEnd(t, got, now, test.lives)
		})
	}
	// Certificates that never expire have the year 9999.
	certificates := map[string]struct{ lifetime, lives time.Duration }{
		"short": {hour, hour},
		"none":  {290 * 365 * day, century},
	}
	for name, test := range certificates {
		t.Run("a certificate's end: "+name, func(t *testing.T) {
			now := time.Now()
			clock := func() time.Time { return now }
			api, cluster, client := newAPI(t, func(o *digitalocean.Options) { o.Now = clock })
			cluster.Certificates, cluster.CertificateExpiry = true, test.lifetime
			api.SetFault(digitaloceantest.Named()["key-first"])
			got, err := fetch(t, client, 0)
			if err != nil {
				t.Fatal(err)
			}
			checkEnd(t, got, now, test.lives)
		})
	}
}

// checkEnd fails the test unless a credential fetched now expires after lives, or up to three seconds earlier.
func checkEnd(t *testing.T, got credential.Credential, now time.Time, lives time.Duration) {
	t.Helper()
	if lives < 0 {
		if !got.ExpiresAt.IsZero() || got.Fresh(now) || !got.UseUntil(now).IsZero() {
			t.Errorf("got expiry %s, want none", got.ExpiresAt)
		}
		return
	}
	if off := lives - got.ExpiresAt.Sub(now); off < 0 || off > 3*time.Second {
		t.Errorf("got expiry in %s, want %s", got.ExpiresAt.Sub(now), lives)
	}
	ends := got.ExpiresAt
	leeway := min(lives/5, 5*time.Minute)
	for at, want := range map[time.Time]bool{
		now: lives > time.Second, ends.Add(-leeway - 2*time.Second): lives > time.Minute,
		ends.Add(-leeway + 2*time.Second): false, ends: false, now.AddDate(150, 0, 0): false,
	} {
		if fresh := got.Fresh(at); fresh != want {
			t.Errorf("at %s: got fresh %v, want %v", at, fresh, want)
		}
		if valid := got.Valid(at); valid != at.Before(ends) {
			t.Errorf("at %s: got valid %v, want %v", at, valid, at.Before(ends))
		}
	}
	for _, date := range []time.Time{got.RenewAt(), got.UseUntil(now), ends} {
		if _, err := json.Marshal(date.UTC()); err != nil || date.UTC().Year() > 9999 || date.After(ends) {
			t.Errorf("got date %s, %v; want one until %s with a year of four digits", date, err, ends)
		}
	}
}

// The waits that the API asks for are limited, too.
func TestExtremeWaits(t *testing.T) {
	const after, remaining, reset, later = "Retry-After", "Ratelimit-Remaining", "Ratelimit-Reset", "20"
	anHourAgo, nines := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), strings.Repeat("9", 300)
	tests := map[string]struct {
		headers []string
		calls   int
		retryAt string // prefix
	}{
		"Retry-After 9999":            {[]string{after, year9999}, 1, later},
		"Retry-After of 0":            {[]string{after, year1}, 3, later},
		"Retry-After, beyond measure": {[]string{after, nines}, 1, later},
		"Retry-After, negative":       {[]string{after, "-9223372036854775808"}, 3, "0001"},
		"reset, beyond measure":       {[]string{remaining, "0", reset, nines}, 1, later},
		"reset, the greatest number":  {[]string{remaining, "0", reset, "9223372036854775807"}, 1, later},
		"reset, the least number":     {[]string{remaining, "0", reset, "-9223372036854775808"}, 3, later},
		"reset, in milliseconds":      {[]string{remaining, "0", reset, fmt.Sprint(time.Now().UnixMilli())}, 1, later},
		"Date 9999":                   {[]string{after, year9999, "Date", year9999}, 1, later},
		"Date 0001":                   {[]string{after, anHourAgo, "Date", year1}, 3, later},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _, client := newAPI(t, nil)
			api.SetFault(digitaloceantest.Status(429, test.headers...))
			_, err := fetch(t, client, 0)
			e, ok := errors.AsType[*digitalocean.APIError](err)
			ok = ok && strings.HasPrefix(e.RetryAt.Format(time.RFC3339), test.retryAt)
			if !ok || credential.ClassOf(err) != credential.Unreachable {
				t.Errorf("got %v, %+v; want class %q and time %q", err, e, credential.Unreachable, test.retryAt)
			}
			if got := api.Calls(); got != test.calls {
				t.Errorf("got %d calls, want %d", got, test.calls)
			}
		})
	}
}

// The API's clock may be anything; nothing overflows.
func TestProbeOfAnOddClock(t *testing.T) {
	for date, ahead := range map[string]bool{year9999: false, year1: true} {
		api, _, client := newAPI(t, nil)
		api.SetClustersFault(digitaloceantest.Dated(date))
		probe, err := client.Probe(t.Context())
		if err != nil || probe.ClockSkew > 0 != ahead || probe.ClockSkew.Abs() < 1000*24*time.Hour {
			t.Errorf("%s: got skew %s, %v; want years, ahead: %v", date, probe.ClockSkew, err, ahead)
		}
	}
}
