package accounts

import (
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// doctlConfig holds the used fields of doctl's configuration file. A field or item of an unexpected form is as if it
// were absent, so that it doesn't disable the others.
type doctlConfig struct {
	AccessToken  word     `yaml:"access-token"`
	AuthContexts words    `yaml:"auth-contexts"`
	Context      word     `yaml:"context"`
	APIURL       word     `yaml:"api-url"`
	Sessions     sessions `yaml:"oauth-tokens"`
}

// word is a scalar.
type word string

// UnmarshalYAML implements yaml.Unmarshaler.
func (w *word) UnmarshalYAML(n *yaml.Node) error {
	*w = word(scalar(n))
	return nil
}

// scalar returns a node's text, or "" if it is null or not a scalar.
func scalar(n *yaml.Node) string {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

// words are texts by name. doctl writes a name with a dot, such as my.company, as nested mappings.
type words map[string]string

// UnmarshalYAML implements yaml.Unmarshaler.
func (w *words) UnmarshalYAML(n *yaml.Node) error {
	*w = words{}
	flatten(n, "", func(name string, value *yaml.Node) bool {
		if value.Kind == yaml.MappingNode {
			return false
		}
		(*w)[name] = scalar(value)
		return true
	})
	return nil
}

// maxNesting bounds how deep mappings are nested: names don't have that many dots.
const maxNesting = 10

// flatten calls take with each pair of a mapping. If take returns false, the value is a mapping, whose pairs have
// that name, a dot and their own name.
func flatten(n *yaml.Node, prefix string, take func(name string, value *yaml.Node) bool) {
	if n.Kind != yaml.MappingNode || strings.Count(prefix, ".") > maxNesting {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1] // aliases aren't followed: they could multiply without end
		if name := prefix + key.Value; key.Kind == yaml.ScalarNode && !take(name, value) {
			flatten(value, name+".", take)
		}
	}
}

// keyOf returns the key of a name: the name itself, or else the first key that differs only in case.
func keyOf[T any](values map[string]T, name string) string {
	if _, ok := values[name]; ok {
		return name
	}
	for _, known := range slices.Sorted(maps.Keys(values)) {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return name
}

// lookup returns the value of a name.
func lookup[T any](values map[string]T, name string) T { return values[keyOf(values, name)] }

// sessions are doctl's sessions by context.
type sessions map[string]session

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *sessions) UnmarshalYAML(n *yaml.Node) error {
	*s = sessions{}
	flatten(n, "", func(name string, value *yaml.Node) bool {
		fields := make(map[string]string)
		for i := 0; value.Kind == yaml.MappingNode && i+1 < len(value.Content); i += 2 {
			fields[value.Content[i].Value] = scalar(value.Content[i+1])
		}
		if fields["refresh-token"] == "" {
			return false // a part of a name, or nothing
		}
		expiresAt, _ := time.Parse(time.RFC3339, fields["expires-at"])
		(*s)[name] = session{
			Refresh:       credential.NewSecret(fields["refresh-token"]),
			ExpiresAt:     expiresAt,
			Issuer:        fields["issuer"],
			ClientID:      fields["client-id"],
			TokenEndpoint: fields["token-endpoint"],
			Scope:         fields["scope"],
		}
		return true
	})
	return nil
}
