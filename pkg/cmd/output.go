package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"k8s.io/client-go/util/jsonpath"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// The formats of -o. Not every command supports all of them.
const (
	formatText     = "text" // a line
	formatTable    = "table"
	formatWide     = "wide" // a table with more columns
	formatName     = "name" // only names, one a line
	formatJSON     = "json"
	formatYAML     = "yaml"
	formatJSONPath = "jsonpath=" // followed by a template in kubectl's syntax
)

// output is the value of the flag -o.
type output struct {
	format   string
	template *jsonpath.JSONPath // of formatJSONPath
	allowed  []string
	isList   bool // the result is a list

	noHeaders bool       // of the table
	columns   func() int // see Env.Columns
}

// addOutputFlag adds the flag -o to a command, with the formats that it supports. The first is the default.
func addOutputFlag(cmd *cobra.Command, allowed ...string) *output {
	o := &output{format: allowed[0], allowed: allowed}
	cmd.Flags().VarP(o, "output", "o", "output `format`: "+o.names())
	cmd.RegisterFlagCompletionFunc("output", o.complete)
	return o
}

// names returns the allowed formats, for people.
func (o *output) names() string {
	names := make([]string, len(o.allowed))
	for i, name := range o.allowed {
		if name == formatJSONPath {
			name += "TEMPLATE"
		}
		names[i] = name
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// String, Set and Type implement pflag.Value.
func (o *output) String() string { return o.format }

func (o *output) Type() string { return "format" }

func (o *output) Set(text string) error {
	template, isPath := strings.CutPrefix(text, formatJSONPath)
	format := text
	if isPath {
		format = formatJSONPath
	}
	if !slices.Contains(o.allowed, format) {
		return errors.New("it is not " + o.names())
	}
	o.format, o.template = format, nil
	if !isPath {
		return nil
	}
	if template == "" {
		return errors.New("it has no template, such as " + o.templateExample())
	}
	o.template = jsonpath.New("output")
	return o.template.Parse(template)
}

// addListFlags adds the flags of a command that prints a list.
func (o *options) addListFlags(cmd *cobra.Command, allowed ...string) *output {
	list := addOutputFlag(cmd, allowed...)
	list.isList, list.columns = true, o.Columns
	cmd.Flags().BoolVar(&list.noHeaders, "no-headers", false, "print no headers above a table")
	return list
}

// isTable reports whether the result is printed as a table.
func (o *output) isTable() bool { return o.format == formatTable || o.format == formatWide }

func (o *output) templateExample() string {
	if o.isList {
		return "{[*].name}"
	}
	return "{.server}"
}

// render returns a result in the chosen format; table writes it for people.
func (o *output) render(result any, table func(rows io.Writer)) ([]byte, error) {
	var out bytes.Buffer
	if o.isTable() || o.format == formatText || o.format == formatName {
		aligned := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
		table(aligned)
		aligned.Flush() // a Buffer doesn't fail
		return out.Bytes(), nil
	}
	err := o.encode(&out, result)
	return out.Bytes(), err
}

// encode writes a result in any format but a table. JSON and YAML are escaped; a template's result isn't.
func (o *output) encode(out *bytes.Buffer, result any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "    ")
	if err := encoder.Encode(result); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	switch o.format {
	case formatJSON:
		out.Write(escapeJSON(text.Bytes()))
	case formatYAML:
		converted, err := toYAML(text.Bytes())
		if err != nil {
			return fmt.Errorf("encoding the result: %w", err)
		}
		out.Write(converted)
	default:
		return o.execute(out, text.Bytes())
	}
	return nil
}

// execute applies the template to a JSON text. As in kubectl, no newline is added. Unlike in kubectl, a field
// that doesn't exist is an error: otherwise a script would go on with an empty token.
func (o *output) execute(out *bytes.Buffer, text []byte) error {
	var fields any
	if err := json.Unmarshal(text, &fields); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	if err := o.template.Execute(out, fields); err != nil {
		// The cause may quote a value, which may be a secret.
		return advise(credential.Usage,
			errors.New("evaluating the template of -o: it refers to something that the result doesn't have"),
			"'-o json' shows the fields; a template looks like "+o.templateExample())
	}
	return nil
}

// complete completes -o. A template follows its format without a space.
func (o *output) complete(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	directive := cobra.ShellCompDirectiveNoFileComp
	var formats []cobra.Completion
	for _, format := range o.allowed {
		if !strings.HasPrefix(format, typed) {
			continue
		}
		formats = append(formats, format)
		if format == formatJSONPath {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
	}
	return formats, directive
}

// row writes a row of a table. It makes sure that no cell can break the row or control the terminal, and shows
// an empty one as "-".
func row(w io.Writer, cells ...string) {
	for i, cell := range cells {
		if cells[i] = oneLine(cell); cells[i] == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}
