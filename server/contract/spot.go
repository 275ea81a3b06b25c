package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// spot is where a value stands in a body.
type spot struct {
	path     []string // names of fields, from the outside
	schema   *openapi3.Schema
	required bool
}

func (p spot) String() string { return strings.Join(append([]string{"body"}, p.path...), "/") }

// name is the field's.
func (p spot) name() string { return p.path[len(p.path)-1] }

// spots are all of a body, the body itself first. Of an object with any names it is one of the example's.
func spots(op *operation) []spot {
	if bodySchema(op) == "" {
		return nil
	}
	var all []spot
	var walk func(spot)
	walk = func(p spot) {
		all = append(all, p)
		for _, name := range slices.Sorted(maps.Keys(p.schema.Properties)) {
			walk(spot{append(slices.Clone(p.path), name), p.schema.Properties[name].Value, slices.Contains(p.schema.Required, name)})
		}
		if example, ok := p.schema.Example.(map[string]any); ok && p.schema.AdditionalProperties.Schema != nil {
			walk(spot{append(slices.Clone(p.path), slices.Sorted(maps.Keys(example))[0]), p.schema.AdditionalProperties.Schema.Value, false})
		}
	}
	walk(spot{schema: op.RequestBody.Value.Content["application/json"].Schema.Value})
	return all
}

// complete is a body with the optional fields that it lacks, from the examples of the specification.
func complete(body any, schema *openapi3.Schema) any {
	object, ok := body.(map[string]any)
	if !ok {
		return body
	}
	for name, property := range schema.Properties {
		if _, there := object[name]; !there && property.Value.Example != nil {
			object[name] = property.Value.Example
		}
		if _, there := object[name]; there {
			object[name] = complete(object[name], property.Value)
		}
	}
	return object
}

// change changes the value at a place of a complete body.
func (p spot) change(op *operation, edit func(old any) any) func(*http.Request) {
	return func(r *http.Request) {
		var body any
		if json.NewDecoder(r.Body).Decode(&body) != nil {
			return // it was written by json.Marshal
		}
		body = p.within(complete(body, op.RequestBody.Value.Content["application/json"].Schema.Value), edit)
		changed, _ := json.Marshal(body) // it came from JSON
		setBody(r, changed)
	}
}

func (p spot) within(body any, edit func(old any) any) any {
	if len(p.path) == 0 {
		return edit(body)
	}
	object := body.(map[string]any) // complete has every place
	object[p.path[0]] = spot{path: p.path[1:]}.within(object[p.path[0]], edit)
	return object
}

// twice writes an object with one of its fields standing twice, with the same value, once with another spelling of its
// name if that is asked for.
func twice(object map[string]any, field string, escaped bool) any {
	right, _ := json.Marshal(object) // it came from JSON
	name, _ := json.Marshal(field)
	if escaped {
		name = fmt.Appendf(nil, `"\u%04x%s"`, field[0], field[1:])
	}
	value, _ := json.Marshal(object[field])
	return json.RawMessage("{" + string(name) + ":" + string(value) + "," + string(right[1:]))
}

func noBody(r *http.Request) {
	r.Body, r.ContentLength, r.GetBody = http.NoBody, 0, nil
	r.Header.Del("Content-Type")
}
