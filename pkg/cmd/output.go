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

// The formats of -o. A command may not know them all.
const (
	formatTable    = "table"
	formatJSON     = "json"
	formatYAML     = "yaml"
	formatJSONPath = "jsonpath=" // and a template, as kubectl has it
)

// output is the value of -o: how a command prints its result.
type output struct {
	format   string
	template *jsonpath.JSONPath // of formatJSONPath
	allowed  []string
}

// addOutputFlag gives a command the flag -o, with the formats that it knows. The first one is the
// default.
func addOutputFlag(cmd *cobra.Command, allowed ...string) *output {
	o := &output{format: allowed[0], allowed: allowed}
	cmd.Flags().VarP(o, "output", "o", "print in this `format`: "+o.names())
	cmd.RegisterFlagCompletionFunc("output", o.complete)
	return o
}

// names returns the formats that are allowed, for people.
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
		return errors.New("it has no template, such as {.server}")
	}
	o.template = jsonpath.New("output")
	return o.template.Parse(template)
}

// render returns a result in the chosen format; table writes its rows with row.
func (o *output) render(result any, table func(rows io.Writer)) ([]byte, error) {
	var out bytes.Buffer
	if o.format == formatTable {
		aligned := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
		table(aligned)
		aligned.Flush() // a Buffer doesn't fail
		return out.Bytes(), nil
	}
	err := o.encode(&out, result)
	return out.Bytes(), err
}

// encode writes what isn't a table. Only a template's result is what the API gave, as it is.
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

// execute writes what the template makes of a JSON text. As kubectl has it, no line break is added;
// other than there, a field that doesn't exist is an error: an empty text in place of a token would
// be found out late.
func (o *output) execute(out *bytes.Buffer, text []byte) error {
	var fields any
	if err := json.Unmarshal(text, &fields); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	if err := o.template.Execute(out, fields); err != nil {
		// The cause may quote a value, which may be a secret.
		return advise(credential.Usage, errors.New("evaluating the template of -o: it asks for what the result doesn't have"),
			"'-o json' shows the fields; a template is such as {.server}")
	}
	return nil
}

// complete completes -o.
func (o *output) complete(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	directive := cobra.ShellCompDirectiveNoFileComp
	if slices.Contains(o.allowed, formatJSONPath) {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return o.allowed, directive
}

// row writes a table's row. A text that comes from elsewhere can't break it, or control the
// terminal; an empty one is shown as "-".
func row(w io.Writer, cells ...string) {
	for i, cell := range cells {
		if cells[i] = oneLine(cell); cells[i] == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}
