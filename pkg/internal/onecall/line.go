package onecall

import (
	"strings"
	"unicode"
)

const maxLine = 300 // in characters

// Line makes a text fit for one line of a terminal: it limits the length, and removes control characters and each
// word for which hides returns true. A nil hides keeps all words.
func Line(text string, hides func(word string) bool) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, text)
	words := strings.Fields(text)
	for i, word := range words {
		if hides != nil && hides(word) {
			words[i] = "[redacted]"
		}
	}
	text = strings.Join(words, " ")
	if runes := []rune(text); len(runes) > maxLine {
		text = string(runes[:maxLine]) + "…"
	}
	return text
}
