package selftest

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// tree is a JSON value that knows how it was written: what nobody changes is written again to the byte.
type tree struct {
	kind  jsontext.Kind
	text  string   // of a scalar, as it is written
	names []string // of an object's fields, as they are written
	below []*tree  // an object's values, or a list's items
}

// parsed is the tree of a body; nil where that is no JSON.
func parsed(body string) *tree {
	t, err := grown(jsontext.NewDecoder(strings.NewReader(body)))
	if err != nil {
		return nil
	}
	return t
}

func grown(from *jsontext.Decoder) (*tree, error) {
	t := &tree{kind: from.PeekKind()}
	if t.kind != '{' && t.kind != '[' {
		text, err := from.ReadValue()
		t.text = string(text)
		return t, err
	}
	if _, err := from.ReadToken(); err != nil {
		return nil, err
	}
	for from.PeekKind() != '}' && from.PeekKind() != ']' {
		if t.kind == '{' {
			name, err := from.ReadValue()
			if err != nil {
				return nil, err
			}
			t.names = append(t.names, string(name))
		}
		child, err := grown(from)
		if err != nil {
			return nil, err
		}
		t.below = append(t.below, child)
	}
	_, err := from.ReadToken()
	return t, err
}

func (t *tree) String() string {
	if t.kind != '{' && t.kind != '[' {
		return t.text
	}
	parts := make([]string, len(t.below))
	for i, child := range t.below {
		if parts[i] = child.String(); t.kind == '{' {
			parts[i] = t.names[i] + ":" + parts[i]
		}
	}
	closing := map[jsontext.Kind]string{'{': "}", '[': "]"}[t.kind]
	return t.kind.String() + strings.Join(parts, ",") + closing
}

// each visits a value and all below it.
func (t *tree) each(visit func(*tree)) {
	visit(t)
	for _, child := range t.below {
		child.each(visit)
	}
}

// at is what a path of places leads to; nil if it leads nowhere.
func (t *tree) at(path []int) *tree {
	for _, i := range path {
		if i >= len(t.below) {
			return nil
		}
		t = t.below[i]
	}
	return t
}

// name of the i-th field, without its quotes; empty for an item.
func (t *tree) name(i int) string {
	if t.kind == '{' {
		return strings.Trim(t.names[i], `"`)
	}
	return ""
}

// without the i-th field or item.
func (t *tree) without(i int) {
	t.below = append(t.below[:i:i], t.below[i+1:]...)
	if t.kind == '{' {
		t.names = append(t.names[:i:i], t.names[i+1:]...)
	}
}

// add puts a field or an item last.
func (t *tree) add(name, text string) {
	t.below = append(t.below, &tree{kind: '"', text: text})
	if t.kind == '{' {
		t.names = append(t.names, `"`+name+`"`)
	}
}
