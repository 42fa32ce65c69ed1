// Package uuid recognizes UUIDs, which clusters have for ids.
package uuid

import "strings"

// Is reports whether s has the form of RFC 9562, section 4: hexadecimal digits in five groups.
func Is(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, b := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if b != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(b)) {
				return false
			}
		}
	}
	return true
}
