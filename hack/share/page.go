package main

import (
	"bytes"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// page returns the man page of a command. It changes the command's flags, and remembers in described which ones:
// commands share some.
func page(c *cobra.Command, date time.Time, described map[*pflag.Flag]bool) ([]byte, error) {
	c.DisableAutoGenTag = true
	c.Long = plain(c.Long)
	c.InitDefaultHelpFlag()
	describe := func(flag *pflag.Flag) {
		if !described[flag] {
			described[flag] = true
			describeFlag(flag)
		}
	}
	c.NonInheritedFlags().VisitAll(describe)
	c.InheritedFlags().VisitAll(describe)
	var out bytes.Buffer
	err := doc.GenMan(c, &doc.GenManHeader{Source: "doks-auth", Manual: "doks-auth", Date: &date}, &out)
	return tidy(out.Bytes(), date), err
}

// describeFlag prepares a flag for cobra's generator, which prints the default after the flag's name, where help has
// what the value means.
func describeFlag(flag *pflag.Flag) {
	meaning, usage := pflag.UnquoteUsage(flag)
	switch flag.DefValue {
	case "", "0", "false":
	default:
		usage += " (default " + flag.DefValue + ")"
	}
	flag.DefValue, flag.Usage = meaning, plain(usage)
}

// plain escapes what Markdown, from which cobra makes the page, would take for markup. Indented lines are code.
func plain(text string) string {
	escape := strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`)
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "    ") {
			line = escape.Replace(line)
		}
		out.WriteString(line)
	}
	return out.String()
}

var (
	option = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB-.*?)(?:\[?=\]?)?\n\t`)
	quoted = regexp.MustCompile(`(?m)^(\\fB-.*=)"(.*)"$`)
)

// tidy makes options paragraphs with tags, as manuals have them, the date one that every formatter knows, and the page
// ASCII.
func tidy(page []byte, date time.Time) []byte {
	page = option.ReplaceAll(page, []byte(".TP\n$1\n"))
	page = quoted.ReplaceAll(page, []byte("$1$2"))
	day := ""
	if !date.IsZero() {
		day = date.Format(time.DateOnly)
	}
	return []byte(strings.NewReplacer(date.Format(`"Jan 2006"`), `"`+day+`"`, "…", "...").Replace(string(page)))
}
