// Package shellword writes values into commands that people paste into a shell.
package shellword

import (
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsPlain reports whether every shell reads s as one word without a special meaning: it consists of ASCII letters,
// digits and . _ : @ / + - and doesn't look like an option.
func IsPlain(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII ||
			!unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._:@/+-", r)
	})
}

// Quote returns a value as one word for a shell, in single quotes unless it is plain. It returns the placeholder for
// values that some shell would still misread: those with unprintable characters, a backslash (fish) or an exclamation
// mark (csh), and those that look like an option. On Windows, whose shells have no quotes in common, it does so for
// all that aren't plain apart from backslashes.
func Quote(value, placeholder string) string {
	onWindows := runtime.GOOS == "windows"
	switch {
	case IsPlain(value), onWindows && IsPlain(strings.ReplaceAll(value, `\`, "/")):
		return value
	case onWindows, value == "", value[0] == '-', !utf8.ValidString(value),
		strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' || r == '!' }):
		return placeholder
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// Command returns a command line for use in a sentence: in single quotes, unless it contains some.
func Command(line string) string {
	if strings.Contains(line, "'") {
		return line
	}
	return "'" + line + "'"
}
