package cmd

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const maxMeant = 3

// meant returns those names that a user may have meant by a mistyped one, the most similar first. It returns only plain
// words.
func meant(typed string, names []string) []string {
	type similar struct {
		name     string
		distance int
	}
	var found []similar
	typed = strings.ToLower(typed)
	for _, name := range names {
		if !isShown(name) || slices.ContainsFunc(found, func(s similar) bool { return s.name == name }) {
			continue
		}
		distance := editDistance(typed, strings.ToLower(name))
		isPart := len(typed) >= 3 && strings.Contains(strings.ToLower(name), typed)
		if isPart || distance <= max(min(len(typed), len(name))/4, 1) && distance < len(typed) {
			found = append(found, similar{name, distance})
		}
	}
	slices.SortStableFunc(found, func(a, b similar) int { return cmp.Compare(a.distance, b.distance) })
	if exact := slices.IndexFunc(found, func(s similar) bool { return s.distance > 0 }); exact > 0 {
		found = found[:exact] // only the case differs
	}
	var best []string
	for _, s := range found[:min(len(found), maxMeant)] {
		best = append(best, s.name)
	}
	return best
}

// didYouMean asks whether the user meant one of the names; without names it returns "".
func didYouMean(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return didYouMeanOneOf(quoted)
}

// didYouMeanOneOf is didYouMean for what is quoted already.
func didYouMeanOneOf(quoted []string) string {
	switch last := len(quoted) - 1; last {
	case -1:
		return ""
	case 0:
		return "did you mean " + quoted[0] + "?"
	default:
		return "did you mean " + strings.Join(quoted[:last], ", ") + " or " + quoted[last] + "?"
	}
}

// editDistance returns how many bytes must be inserted, removed, replaced or swapped with the next to turn one text
// into the other (optimal string alignment). Texts that are too long to be names are as different as can be.
func editDistance(a, b string) int {
	const longest = 100
	if len(a) > longest || len(b) > longest {
		return longest
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// someOf returns names for a sentence, but not all if they are many.
func someOf(names []string) string {
	const most = 5
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " more"
}
