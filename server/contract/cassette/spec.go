package cassette

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// operation is one of the specification, with what a cassette asks of it.
type operation struct {
	*openapi3.Operation
	method, path string
	segments     []string
	maxBody      int64
}

// description is what a cassette asks of the specification.
type description struct {
	doc        *openapi3.T
	operations []*operation
	prefix     []string // the segments that all paths begin with
	keyHeader  string
	refusal    *openapi3.Response // of what leads to no operation
	quoted     map[string]bool    // texts that are known to quote nobody
	common     map[string]bool    // words of its own
}

// loaded is the specification, read once: nothing changes it.
var loaded = sync.OnceValues(func() (*description, error) {
	doc, err := spec.GetSpec()
	if err != nil {
		return nil, fmt.Errorf("load the specification: %w", err)
	}
	d := &description{doc: doc}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		segments := strings.Split(path, "/")
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			op := &operation{Operation: item.GetOperation(method), method: method, path: path, segments: segments, maxBody: largest}
			if most, ok := op.Extensions["x-max-body"].(float64); ok {
				op.maxBody = max(largest, int64(most))
			}
			if refusal := op.Responses.Status(http.StatusNotFound); refusal != nil {
				d.refusal = refusal.Value
			}
			d.operations = append(d.operations, op)
		}
		if d.prefix == nil {
			d.prefix = segments
		}
		same := 0
		for same < min(len(d.prefix), len(segments)) && d.prefix[same] == segments[same] && !strings.HasPrefix(segments[same], "{") {
			same++
		}
		d.prefix = d.prefix[:same]
	}
	for _, scheme := range doc.Components.SecuritySchemes {
		d.keyHeader = http.CanonicalHeaderKey(scheme.Value.Name)
	}
	d.readExamples()
	d.readWords()
	return d, nil
})

// find returns the operation of a call; nil where there is none.
func (d *description) find(method, path string) *operation {
	segments := strings.Split(path, "/")
	for _, op := range d.operations {
		if op.method == method && len(op.segments) == len(segments) && op.match(segments) {
			return op
		}
	}
	return nil
}

func (o *operation) match(segments []string) bool {
	for i, segment := range o.segments {
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" && segment != "" || !strings.HasPrefix(segment, "{") && value != segment {
			return false
		}
	}
	return true
}

// readWords collects the words that schemas are made and described with.
func (d *description) readWords() {
	d.common = map[string]bool{}
	add := func(text string) {
		for _, word := range strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !wordly(c) && c != '_' }) {
			d.common[word] = true
		}
	}
	for _, ref := range d.doc.Components.Schemas {
		add(ref.Value.Description)
		for _, value := range ref.Value.Enum {
			add(fmt.Sprint(value))
		}
		for name, property := range ref.Value.Properties {
			add(name)
			add(property.Value.Description)
		}
	}
}

// literal tells whether a segment stands in a path of the specification as it is.
func (d *description) literal(segment string) bool {
	return slices.ContainsFunc(d.operations, func(op *operation) bool {
		return !strings.HasPrefix(segment, "{") && slices.Contains(op.segments, segment)
	})
}

// parameter returns one of the operation's; nil where there is none.
func (o *operation) parameter(in, name string) *openapi3.Parameter {
	if o == nil {
		return nil
	}
	for _, ref := range o.Parameters {
		if ref.Value.In == in && strings.EqualFold(ref.Value.Name, name) {
			return ref.Value
		}
	}
	return nil
}

// sent is the schema of a request's body; nil where none is described.
func (o *operation) sent() *openapi3.SchemaRef {
	if o == nil || o.RequestBody == nil {
		return nil
	}
	return schemaOf(o.RequestBody.Value.Content)
}

// response is how a response is described; nil where it is not.
func (d *description) response(op *operation, status int) *openapi3.Response {
	if op == nil {
		return d.refusal
	}
	ref := op.Responses.Status(status)
	if ref == nil {
		ref = op.Responses.Default()
	}
	if ref == nil {
		return nil
	}
	return ref.Value
}

// body is the schema of a response's body; nil where none is described.
func (d *description) body(op *operation, status int) *openapi3.SchemaRef {
	response := d.response(op, status)
	if response == nil {
		return nil
	}
	return schemaOf(response.Content)
}

// most is how much of a request's body is looked at.
func most(op *operation) int64 {
	if op == nil {
		return largest
	}
	return op.maxBody
}

func schemaOf(content openapi3.Content) *openapi3.SchemaRef {
	if media := content["application/json"]; media != nil {
		return media.Schema
	}
	return nil
}

// personal tells whether the specification marks a schema as personal data, or text that may quote some.
func personal(ref *openapi3.SchemaRef) bool { return ref.Value.Extensions["x-personal"] != nil }

// quoting tells whether a schema is of text that may quote personal data.
func quoting(ref *openapi3.SchemaRef) bool {
	return ref != nil && ref.Value.Extensions["x-personal"] == "text"
}

// readExamples collects the texts of that kind that the specification has as examples: they quote nobody.
func (d *description) readExamples() {
	d.quoted = map[string]bool{}
	for _, ref := range d.doc.Components.Responses {
		media := ref.Value.Content["application/json"]
		if media == nil {
			continue
		}
		examples := []any{media.Example}
		for _, example := range media.Examples {
			examples = append(examples, example.Value.Value)
		}
		for _, example := range examples {
			text, _ := json.Marshal(example) // it came from JSON
			walk(text, "", media.Schema, func(_ string, schema *openapi3.SchemaRef, _ bool, value jsontext.Value) jsontext.Value {
				var text string
				if quoting(schema) && json.Unmarshal(value, &text) == nil {
					d.quoted[text] = true
				}
				return value
			}, asIs)
		}
	}
}

// photo tells whether a schema is of a photo.
func photo(ref *openapi3.SchemaRef) bool {
	return ref != nil && ref.Value.Extensions["x-max-bytes"] != nil
}

// holds tells whether a value fits a schema.
func holds(ref *openapi3.SchemaRef, value any) bool { return ref.Value.VisitJSON(value) == nil }
