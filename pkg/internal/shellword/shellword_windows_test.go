package shellword

import "testing"

// A path is a word for all shells; what one of them would have to quote isn't shown.
func TestQuoteOnWindows(t *testing.T) {
	for value, want := range map[string]string{
		"production":                 "production",
		`C:\Users\zoe\.kube\config`:  `C:\Users\zoe\.kube\config`,
		`C:\Program Files\doks-auth`: "FILE",
		"%PATH%":                     "FILE",
		"a&b":                        "FILE",
		"it's":                       "FILE",
		"-x":                         "FILE",
		"":                           "FILE",
	} {
		if got := Quote(value, "FILE"); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}
