package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a specification, with the lines of all that is in it.
type document struct {
	root *yaml.Node
}

func load(file string) (*document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(file, text)
}

func parse(file string, text []byte) (*document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s is not YAML: %w", file, err)
	}
	if root.Kind != yaml.DocumentNode || root.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is no specification: it is not a mapping", file)
	}
	if alias := findAlias(&root); alias != nil {
		return nil, fmt.Errorf("breaking: %s:%d has a YAML alias or merge, of which it can't be told what differs: write it out, or use $ref", file, alias.Line)
	}
	return &document{root: root.Content[0]}, nil
}

// findAlias returns the first node that stands for another one.
func findAlias(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode || node.Tag == "!!merge" {
		return node
	}
	for _, child := range node.Content {
		if found := findAlias(child); found != nil {
			return found
		}
	}
	return nil
}

// entry is a key of a mapping, with its value.
type entry struct {
	key  *yaml.Node
	node *yaml.Node
}

func (e entry) exists() bool { return e.node != nil }

// value is the text of a scalar, and nothing of another.
func (e entry) value() string {
	if e.node == nil || e.node.Kind != yaml.ScalarNode {
		return ""
	}
	return e.node.Value
}

func (e entry) line() int {
	if e.key == nil {
		return 0
	}
	return e.key.Line
}

func (e entry) get(key string) entry { return get(e.node, key) }

// get finds what is at a key of a mapping.
func get(node *yaml.Node, key string) entry {
	if node != nil && node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return entry{key: node.Content[i], node: node.Content[i+1]}
			}
		}
	}
	return entry{}
}

// entries are those of a mapping, and none of anything else.
func entries(node *yaml.Node) []entry {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	var all []entry
	for i := 0; i < len(node.Content); i += 2 {
		all = append(all, entry{key: node.Content[i], node: node.Content[i+1]})
	}
	return all
}

// list returns the items of a sequence.
func list(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

// keys returns the keys of two mappings, each once.
func keys(before, after *yaml.Node) []string {
	var all []string
	for _, e := range slices.Concat(entries(after), entries(before)) {
		if !slices.Contains(all, e.key.Value) {
			all = append(all, e.key.Value)
		}
	}
	return all
}

// resolve follows references, and returns the last that it followed. An allOf of one schema is only a way to write words
// beside a reference.
func (d *document) resolve(e entry) (found entry, ref string) {
	for range 100 { // references in a circle are lint's to find
		if all := list(get(e.node, "allOf").node); len(all) == 1 && !slices.ContainsFunc(entries(e.node), func(other entry) bool {
			return other.key.Value != "allOf" && !words(other.key.Value)
		}) {
			e = entry{key: all[0], node: all[0]}
		}
		next := get(e.node, "$ref").value()
		if !strings.HasPrefix(next, "#/") {
			break
		}
		ref, e = next, entry{node: d.root}
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			e = get(e.node, strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
		}
	}
	return e, ref
}

// plain is what a node says, apart from its form.
func plain(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return node.Value
	}
	return fmt.Sprintf("%#v", value)
}
