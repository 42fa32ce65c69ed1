package yamledit

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
)

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
// mappings and lists first.
func changed(old, new map[string]any) []string {
	var keys []string
	for key, value := range new {
		if before, ok := old[key]; !ok || !equal(before, value) {
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
