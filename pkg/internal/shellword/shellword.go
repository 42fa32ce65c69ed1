// Package shellword writes values into commands that people paste into a shell.
package shellword

import (
	"runtime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsPlain tells whether every shell takes a text for one word that means itself: ASCII letters, digits and
// . _ : @ / + - alone, and no option.
func IsPlain(s string) bool {
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._:@/+-", r)
	})
}

// Quote returns a value as one word for a shell, in single quotes unless it is plain. For what some shell
// would still read otherwise it returns the placeholder: what isn't printable, a backslash (fish), an
// exclamation mark (csh), what looks like an option, and on Windows, whose shells have no quotes in common,
// all that isn't plain but for backslashes.
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

// Command returns a command line for a sentence: in single quotes, unless there are some in it.
func Command(line string) string {
	if strings.Contains(line, "'") {
		return line
	}
	return "'" + line + "'"
}
