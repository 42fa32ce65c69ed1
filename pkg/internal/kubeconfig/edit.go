package kubeconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The lists of a kubeconfig.
const (
	clustersList = "clusters"
	contextsList = "contexts"
	usersList    = "users"
)

// set puts a value at the end of a path of keys. Mappings that are missing on the way are made. What has
// the value already is left as it is.
func (d *document) set(value any, path ...string) {
	d.setIn(d.root, d.meaning, plain(value), path)
}

// setItem does the same in an item of a list.
func (d *document) setItem(list, name string, value any, path ...string) {
	items, _ := d.meaning[list].([]any)
	item, _ := itemNamed(items, name).(map[string]any)
	d.setIn(itemNode(child(d.root, list), name), item, plain(value), path)
}

func (d *document) setIn(node *yaml.Node, mapping map[string]any, value any, path []string) {
	if node == nil || node.Kind != yaml.MappingNode || mapping == nil {
		d.fail()
		return
	}
	key := path[0]
	if below, ok := mapping[key].(map[string]any); ok && len(path) > 1 {
		d.setIn(child(node, key), below, value, path[1:])
		return
	}
	for i := len(path) - 1; i > 0; i-- {
		value = map[string]any{path[i]: value}
	}
	if old, ok := mapping[key]; ok && reflect.DeepEqual(old, value) {
		return
	}
	mapping[key] = value
	d.setPair(node, key, value)
}

// setPair writes a pair of a mapping, in place of one of that key or behind the last.
func (d *document) setPair(mapping *yaml.Node, key string, value any) {
	flow := mapping.Style&yaml.FlowStyle != 0
	i := keyIndex(mapping, key)
	switch {
	case len(mapping.Content) == 0 && !flow:
		d.fail()
	case len(mapping.Content) == 0:
		at := d.content(mapping)
		d.splice(at, d.flowEnd(mapping), "{"+flowPair(key, value)+"}")
	case i < 0 && flow:
		at := d.pairEnd(mapping, len(mapping.Content)-2)
		d.splice(at, at, ", "+flowPair(key, value))
	case i < 0:
		indent := mapping.Content[0].Column - 1
		at := d.rest(d.pairEnd(mapping, len(mapping.Content)-2), indent)
		depth := 2 + indent
		if mapping == d.root {
			depth = 0
		}
		d.insert(at, depth, "\n"+strings.Repeat(" ", indent)+block(map[string]any{key: value}, indent))
	default:
		d.replacePair(mapping, i, value, flow)
	}
}

// replacePair writes another value in place of the one whose key is the i-th child of a mapping.
func (d *document) replacePair(mapping *yaml.Node, i int, value any, flow bool) {
	key, old := mapping.Content[i], mapping.Content[i+1]
	start, end := d.colon(key)+1, d.pairEnd(mapping, i)
	_, isMapping := value.(map[string]any)
	_, isList := value.([]any)
	switch {
	case flow:
		d.splice(start, end, " "+flowValue(value))
	case isAbsent(old) && (isMapping || isList): // behind what else stands in the line
		indent := mapping.Content[0].Column - 1
		_, lines, _ := strings.Cut(block(map[string]any{key.Value: value}, indent), "\n")
		at := d.lineEnd(start)
		d.splice(at, at, "\n"+lines)
	case isMapping || isList:
		indent := mapping.Content[0].Column - 1
		text := block(map[string]any{key.Value: value}, indent)
		d.splice(d.offset(key), end, text)
	case !isAbsent(old) && old.Kind == yaml.ScalarNode:
		d.splice(d.offset(old), end, block(value, 0))
	default:
		d.splice(start, end, " "+block(value, 0))
	}
}

// add puts items behind the last one of a list.
func (d *document) add(list string, items ...any) {
	if len(items) == 0 {
		return
	}
	values := plain(items).([]any)
	old, _ := d.meaning[list].([]any)
	node := child(d.root, list)
	switch {
	case len(old) == 0:
		d.meaning[list] = values
		d.setPair(d.root, list, values)
		return
	case node == nil || node.Kind != yaml.SequenceNode || len(node.Content) == 0:
		d.fail()
		return
	}
	d.meaning[list] = append(old, values...)
	last := node.Content[len(node.Content)-1]
	if node.Style&yaml.FlowStyle != 0 {
		at := d.end(last)
		for _, value := range values {
			d.splice(at, at, ", "+flowValue(value))
		}
		return
	}
	indent := d.dash(last)
	at := d.rest(d.end(last), indent)
	d.insert(at, 1, "\n"+strings.Repeat(" ", indent)+block(values, indent))
}

// dash returns by how many columns the dash of an item is indented.
func (d *document) dash(item *yaml.Node) int {
	at := d.offset(item) - 1
	for at > 0 && strings.IndexByte(" \t\r\n", d.text[at]) >= 0 {
		at--
	}
	if d.at(at) != '-' {
		d.fail()
		return 0
	}
	return at - (bytes.LastIndexByte(d.text[:at], '\n') + 1)
}

func flowValue(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", value, err))
	}
	return string(out)
}

func flowPair(key string, value any) string { return flowValue(key) + ": " + flowValue(value) }

// child returns the value of a key of a mapping, an alias followed, or nil.
func child(mapping *yaml.Node, key string) *yaml.Node {
	if i := keyIndex(mapping, key); i >= 0 {
		return follow(mapping.Content[i+1])
	}
	return nil
}

func keyIndex(mapping *yaml.Node, key string) int {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return i
		}
	}
	return -1
}

// itemNode returns the item of a list that has a name, or nil.
func itemNode(list *yaml.Node, name string) *yaml.Node {
	if list == nil {
		return nil
	}
	for _, item := range list.Content {
		if n := child(follow(item), "name"); n != nil && n.Value == name {
			return follow(item)
		}
	}
	return nil
}

func itemNamed(list []any, name string) any {
	for _, item := range list {
		if nameOf(item) == name {
			return item
		}
	}
	return nil
}

func nameOf(item any) string {
	mapping, _ := item.(map[string]any)
	name, _ := mapping["name"].(string)
	return name
}

func follow(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
