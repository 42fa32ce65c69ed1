package yamledit

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
)

// says reports whether the value at the top of a text is the one that is wanted. A key that the text doesn't have may
// be null, an empty list or an empty text, all of which are the same.
func says(text, want map[string]any) bool {
	for key, value := range text {
		wanted, ok := want[key]
		if !ok || !equal(value, wanted) && !(isNothing(value) && isNothing(wanted)) {
			return false
		}
	}
	for key, wanted := range want {
		if _, ok := text[key]; !ok && !isNothing(wanted) {
			return false
		}
	}
	return true
}

// equal reports whether two values are the same. Null equals an empty list.
func equal(a, b any) bool {
	if isEmpty(a) && isEmpty(b) {
		return true
	}
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	}
	return reflect.DeepEqual(a, b)
}

// isEmpty reports whether a value is null or an empty list.
func isEmpty(value any) bool {
	list, ok := value.([]any)
	return value == nil || ok && len(list) == 0
}

func isCollection(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// changed returns the keys whose values are new or differ, in the order in which new ones are written: those of
// mappings and lists first. At the top, a new key without a value isn't one.
func changed(old, new map[string]any, isTop bool) []string {
	var keys []string
	for key, value := range new {
		before, ok := old[key]
		if isTop && isNothing(before) && isNothing(value) {
			continue
		}
		if !ok || !equal(before, value) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if isCollection(new[a]) != isCollection(new[b]) {
			if isCollection(new[a]) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
	return keys
}

// keepsKey reports whether some key stays.
func keepsKey(old, new map[string]any) bool {
	for key := range old {
		if _, ok := new[key]; ok {
			return true
		}
	}
	return false
}

// match compares two lists. It reports which old items are gone, how many of the first new ones match those that
// stay, and whether one of these is a mapping. Mappings with the same name match, and so do equal items.
func match(old, new []any) (gone []bool, kept int, keepsMapping bool) {
	gone = make([]bool, len(old))
	for i, item := range old {
		gone[i] = kept == len(new) || !isSameItem(item, new[kept])
		if gone[i] {
			continue
		}
		kept++
		if _, ok := item.(map[string]any); ok {
			keepsMapping = true
		}
	}
	return gone, kept, keepsMapping
}

// areMappings reports whether those of the items that are chosen are mappings.
func areMappings(items []any, chosen []bool) bool {
	for i, item := range items {
		if _, ok := item.(map[string]any); chosen[i] && !ok {
			return false
		}
	}
	return true
}

func isSameItem(a, b any) bool {
	name := NameOf(a)
	return name != "" && name == NameOf(b) || equal(a, b)
}

// NameOf returns the name of a mapping in a list, by which Apply recognizes it, or "".
func NameOf(item any) string {
	mapping, _ := item.(map[string]any)
	name, _ := mapping["name"].(string)
	return name
}
