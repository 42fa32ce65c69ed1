package picker

import "bytes"

// key is a key that was pressed: a printable ASCII character, or one of the following.
type key rune

const (
	keyNone key = -iota
	keyUp
	keyDown
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
	keyEnter
	keyEscape
	keyCancel
	keyBackspace
	keyClear
	keyAll
	keyTab
)

// The keys are in functions so that a program that picks nothing doesn't build them when it starts.

// controls returns the keys that terminals send as one byte.
func controls() map[byte]key {
	return map[byte]key{
		'\r': keyEnter, '\n': keyEnter, '\t': keyTab, 0x7f: keyBackspace, '\b': keyBackspace,
		ctrl('A'): keyAll, ctrl('C'): keyCancel, ctrl('D'): keyCancel, ctrl('N'): keyDown, ctrl('P'): keyUp,
		ctrl('U'): keyClear,
	}
}

func ctrl(letter byte) byte { return letter & 0x1f }

// sequences returns the keys that terminals send as an escape sequence (ECMA-48, xterm's and the Linux console's).
func sequences() map[string]key {
	return map[string]key{
		"[A": keyUp, "OA": keyUp, "[B": keyDown, "OB": keyDown,
		"[5~": keyPageUp, "[6~": keyPageDown,
		"[H": keyHome, "OH": keyHome, "[1~": keyHome, "[7~": keyHome,
		"[F": keyEnd, "OF": keyEnd, "[4~": keyEnd, "[8~": keyEnd,
	}
}

// parseKeys returns the keys in what a terminal sent, and the beginning of a sequence at its end. An escape at the end
// is the key: terminals send sequences whole.
func parseKeys(text []byte) (keys []key, rest []byte) {
	for len(text) > 0 {
		first := text[0]
		if first != 0x1b {
			text = text[1:]
			if k, ok := controls()[first]; ok {
				keys = append(keys, k)
			} else if first >= ' ' && first < 0x7f {
				keys = append(keys, key(first))
			}
			continue
		}
		if len(text) == 1 {
			return append(keys, keyEscape), nil
		}
		size := sequenceSize(text[1:])
		if size == 0 {
			return keys, bytes.Clone(text)
		}
		if k, ok := sequences()[string(text[1:1+size])]; ok {
			keys = append(keys, k)
		}
		text = text[1+size:]
	}
	return keys, nil
}

// sequenceSize returns the size of the sequence that text, which follows an escape, begins with; 0 if it isn't
// complete.
func sequenceSize(text []byte) int {
	switch text[0] {
	case 'O':
		if len(text) < 2 {
			return 0
		}
		return 2
	case '[':
		for i, b := range text[1:] {
			if b >= '@' && b <= '~' {
				return i + 2
			}
		}
		return 0
	}
	return 1 // with Alt
}
