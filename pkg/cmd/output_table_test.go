package cmd

import (
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// A table fits the terminal if its cells can be shortened enough. The mark of the current one stays.
func TestTableFits(t *testing.T) {
	const long = "do-fra1-k8s-1-37-1-do-0-fra1-1795898765432"
	for _, columns := range []int{0, 60, 80, 120, 1000} {
		rows := [][]string{
			{long + currentMark, "fra1", "running", long + "," + long, "yes"},
			{"production", "fra1", "provisioning", "日本-production", "no"},
			{strings.Repeat("x", 255), "", "", "", "no"},
		}
		o := &output{format: formatTable, columns: func() int { return columns }}
		out, err := o.render(nil, func(w io.Writer) {
			o.write(w, table{
				header: []string{"NAME", "REGION", "STATUS", "CONTEXT", "CACHED"}, rows: rows, shortens: []int{3, 0, 2},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		most := 80
		if columns > 0 {
			most = columns
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		for _, line := range lines {
			if width := utf8.RuneCountInString(line); width > most {
				t.Errorf("%d columns: got %d in %q; want at most %d", columns, width, line, most)
			}
		}
		if len(lines) != 4 || !strings.Contains(lines[1], " * ") {
			t.Errorf("%d columns: got %q; want four lines, and the mark", columns, lines)
		}
	}
}

// Findings are wrapped between words, but not in commands.
func TestHung(t *testing.T) {
	const text = "it doesn't work: 'doks-auth kubeconfig save production --alias x' adds it, or 'a b', it's said"
	want := "it doesn't work:\n" +
		"     'doks-auth kubeconfig save production --alias x'\n" +
		"     adds it, or 'a b', it's said"
	if got := hung(text, 5, 54); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, columns := range []int{0, 20, 44} {
		if got := hung(text, 5, columns); got != text {
			t.Errorf("%d columns: got %q; want it as it is", columns, got)
		}
	}
	if got, want := unbroken("'open a"), []string{"'open", "a"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}
