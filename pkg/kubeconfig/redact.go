package kubeconfig

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shown are the keys of a user whose values are no secrets.
var shown = []string{"name", "apiVersion", "command", "installHint", "interactiveMode", "provideClusterInfo"}

// Redact returns a kubeconfig's text with "[redacted]" for what may be secret: all that a user's entry
// holds but the way in which a plugin is run. Of arguments, those of this plugin and of doctl are shown.
func Redact(text []byte) []byte {
	d, err := parse(text)
	if err != nil || len(text) == 0 {
		return nil
	}
	if users := child(d.root, usersList); users != nil {
		for _, user := range users.Content {
			d.redact(user, false)
		}
	}
	if d.err != nil {
		return nil
	}
	slices.SortFunc(d.splices, func(a, b splice) int { return b.start - a.start })
	out := slices.Clone(text)
	for _, s := range d.splices {
		out = slices.Replace(out, s.start, s.end, []byte(s.text)...)
	}
	return out
}

// redact hides what a node holds, unless it is to be shown.
func (d *document) redact(n *yaml.Node, show bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if !show && !isNull(n) {
			d.splice(d.content(n), d.scalarEnd(n), "'[redacted]'")
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			isToken := strings.HasPrefix(item.Value, "-t") || strings.HasPrefix(item.Value, "--access-token=") ||
				i > 0 && n.Content[i-1].Value == "--access-token"
			d.redact(item, show && !isToken && (i == 0 || n.Content[i-1].Value != "-t"))
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			key := n.Content[i].Value
			isArgs := key == "args" && isOurCommand(child(n, "command"))
			d.redact(n.Content[i+1], slices.Contains(shown, key) || isArgs)
		}
	}
}

func isOurCommand(command *yaml.Node) bool {
	return command != nil && (&Exec{Command: command.Value}).IsOurs()
}
