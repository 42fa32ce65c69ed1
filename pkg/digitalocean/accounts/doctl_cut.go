package accounts

import (
	"bytes"
	"slices"
)

// doctlKeys are the keys of doctlConfig; the sessions are under sessionsKey.
var doctlKeys = []string{"access-token", "api-url", "auth-contexts", "context"}

// sessionsKey is the key of doctl's sessions.
const sessionsKey = "oauth-tokens"

// cutDoctlConfig returns only the blocks of doctl's configuration that begin with one of the keys, or all of it if it
// isn't clear where a block begins. doctl writes up to 900 lines, and parsing them takes longer than the rest of a
// cache hit.
func cutDoctlConfig(text []byte, keys []string) []byte {
	var kept []byte
	begun, keep := false, false
	for line := range bytes.Lines(text) {
		if !isPlainYAML(line) {
			return text
		}
		if line[0] != ' ' {
			key, value, ok := bytes.Cut(line, []byte(":"))
			if !ok || !isDoctlKey(key) || len(value) > 0 && value[0] != ' ' && value[0] != '\n' {
				return text
			}
			begun, keep = true, slices.Contains(keys, string(key))
		}
		if !begun {
			return text
		}
		if keep {
			kept = append(kept, line...)
		}
	}
	return kept
}

// isPlainYAML reports whether a line neither continues on the next one nor affects other lines.
func isPlainYAML(line []byte) bool {
	quotes, brackets := 0, 0
	blank := true
	for _, b := range line {
		switch b {
		case '\n', ' ':
			continue
		case '"':
			quotes++
		case '[', '{':
			brackets++
		case ']', '}':
			brackets--
		case '\'', '#', '&', '*', '|', '>', '\\':
			return false
		}
		if b < ' ' || b > '~' || brackets < 0 {
			return false
		}
		blank = false
	}
	return !blank && quotes%2 == 0 && brackets == 0
}

func isDoctlKey(key []byte) bool {
	return len(key) > 0 && !bytes.ContainsFunc(key, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}) && key[0] != '-'
}
