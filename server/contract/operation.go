package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// operation is one operation of the specification, with what the checks ask of it.
type operation struct {
	*openapi3.Operation
	method, path string
	item         *openapi3.PathItem
	segments     []string
	parameters   []*openapi3.Parameter
	keyHeader    string // empty where no key is needed
	keyLine      int
	level        int   // that a key needs
	maxBody      int64 // bytes; 0 where it is not described
}

// loaded is the specification, read once: nothing changes it.
var loaded = sync.OnceValues(load)

type description struct {
	doc        *openapi3.T
	operations []*operation
	usual      *operation // shows how the API refuses what leads to no operation
	callback   *operation // how the provider is notified
}

// load reads the embedded specification.
func load() (description, error) {
	closed, err := spec.GetSpec()
	if err != nil {
		return description{}, fmt.Errorf("load the specification: %w", err)
	}
	read, err := describe(spec.YAML(), closed)
	if err == nil && (read.callback == nil || read.callback.RequestBody == nil) {
		err = errors.New("there is no callback that sends something")
	}
	return read, err
}

// describe reads a specification as it is written, so that everything in it knows its line.
func describe(written string, closed *openapi3.T) (description, error) {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true
	doc, err := loader.LoadFromData([]byte(written))
	if err != nil {
		return description{}, fmt.Errorf("load the specification: %w", err)
	}
	closeDescription(doc, closed)
	read := description{doc: doc}
	for path, item := range doc.Paths.Map() {
		for method, described := range item.Operations() {
			op := newOperation(method, path, item, described)
			if err := op.readSecurity(doc); err != nil {
				return description{}, fmt.Errorf("%s %s: %w", method, path, err)
			}
			read.operations = append(read.operations, op)
			for _, callback := range described.Callbacks {
				for address, item := range callback.Value.Map() {
					for method, described := range item.Operations() {
						read.callback = newOperation(method, address, item, described)
					}
				}
			}
		}
	}
	slices.SortFunc(read.operations, func(a, b *operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	shows := func(op *operation) bool { return op.Responses.Status(http.StatusNotFound) != nil }
	read.usual = read.operations[max(0, slices.IndexFunc(read.operations, shows))]
	return read, nil
}

// operation returns one by its operationId; nil if there is none.
func (d description) operation(id string) *operation {
	for _, op := range d.operations {
		if op.OperationID == id {
			return op
		}
	}
	return nil
}

// closeDescription leaves in doc what is known today, as the server's copy has it. The specification itself is
// open to new values and statuses, so that callers get along with them; a server that is held to it is not.
func closeDescription(doc, closed *openapi3.T) {
	for name, ref := range doc.Components.Schemas {
		ref.Value.Enum = closed.Components.Schemas[name].Value.Enum
	}
	for path, item := range doc.Paths.Map() {
		for method, described := range item.Operations() {
			known := closed.Paths.Value(path).GetOperation(method).Responses
			for status := range described.Responses.Map() {
				if known.Value(status) == nil {
					described.Responses.Delete(status)
				}
			}
		}
	}
}

func newOperation(method, path string, item *openapi3.PathItem, described *openapi3.Operation) *operation {
	op := &operation{Operation: described, method: method, path: path, item: item, segments: strings.Split(path, "/")}
	if level, ok := described.Extensions["x-access-level"].(float64); ok {
		op.level = int(level)
	}
	if most, ok := described.Extensions["x-max-body"].(float64); ok {
		op.maxBody = int64(most)
	}
	for _, ref := range slices.Concat(item.Parameters, described.Parameters) {
		op.parameters = append(op.parameters, ref.Value)
	}
	return op
}

func (o *operation) readSecurity(doc *openapi3.T) error {
	requirements := doc.Security
	if o.Security != nil {
		requirements = *o.Security
	}
	if len(requirements) == 0 {
		return nil
	}
	if len(requirements) != 1 || len(requirements[0]) != 1 {
		return errors.New("its security is not exactly one scheme")
	}
	for name := range requirements[0] {
		scheme := doc.Components.SecuritySchemes[name].Value
		if scheme.Type != "apiKey" || scheme.In != openapi3.ParameterInHeader {
			return fmt.Errorf("security scheme %s is not an API key in a header", name)
		}
		o.keyHeader, o.keyLine = scheme.Name, line(scheme.Origin)
	}
	return nil
}

// takes tells whether the operation has a header.
func (o *operation) takes(header string) bool {
	return slices.ContainsFunc(o.parameters, func(p *openapi3.Parameter) bool {
		return p.In == openapi3.ParameterInHeader && strings.EqualFold(p.Name, header)
	})
}

// match returns the values of the path's parameters, unescaped.
func (o *operation) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(o.segments) {
		return nil, false
	}
	values := map[string]string{}
	for i, segment := range o.segments {
		if !strings.HasPrefix(segment, "{") {
			if segment != segments[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, false
		}
		values[strings.Trim(segment, "{}")] = value
	}
	return values, true
}

// route is where a request leads.
type route struct {
	op     *operation        // nil where nothing takes the request
	path   *operation        // any operation of the path, if the path is described
	allow  []string          // the path's methods
	values map[string]string // of the path's parameters
}

func (c *Contract) route(r *http.Request) route {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), c.basePath)
	if !ok {
		return route{}
	}
	segments := strings.Split(path, "/")
	var found route
	for _, op := range c.operations {
		values, ok := op.match(segments)
		if !ok {
			continue
		}
		found.path, found.values = op, values
		found.allow = append(found.allow, op.method)
		if op.method == r.Method || r.Method == "" && op.method == http.MethodGet {
			found.op = op
		}
	}
	return found
}

// line is where something stands in openapi.yaml; 0 if that isn't known.
func line(origin *openapi3.Origin) int {
	switch {
	case origin == nil:
		return 0
	case origin.Key != nil && origin.Key.Line > 0:
		return origin.Key.Line
	case len(origin.Fields) > 0:
		return origin.Fields[0].Line
	default:
		return 0
	}
}

// fieldLine is where a field of something stands, or else the thing itself.
func fieldLine(origin *openapi3.Origin, field string) int {
	if field == "enum" {
		field = "x-extensible-enum" // see closeDescription
	}
	if origin != nil {
		if at, ok := origin.Fields.Lookup(field); ok {
			return at.Line
		}
	}
	return line(origin)
}

// component is the name of the schema that a reference leads to; empty where it is written in place.
func component(ref *openapi3.SchemaRef) string {
	return strings.TrimPrefix(ref.Ref, "#/components/schemas/")
}

// fromText reads the value of a parameter or a header as its schema has it.
func fromText(schema *openapi3.Schema, text string) any {
	var value any
	switch {
	case schema.Type.Is(openapi3.TypeInteger):
		if number, err := strconv.ParseInt(text, 10, 64); err == nil && text[0] != '+' {
			value = float64(number)
		}
	case schema.Type.Is(openapi3.TypeNumber), schema.Type.Is(openapi3.TypeBoolean):
		_ = json.Unmarshal([]byte(text), &value)
	}
	if value == nil {
		return text
	}
	return value
}

// inWords says what a schema wants of a value.
func inWords(schema *openapi3.Schema, field string) string {
	switch field {
	case "required":
		return "this field"
	case "nullable":
		return "a value, not null"
	case "enum":
		values := make([]string, len(schema.Enum))
		for i, value := range schema.Enum {
			values[i] = fmt.Sprint(value)
		}
		return "one of " + strings.Join(values, ", ")
	case "pattern":
		return "a match of " + schema.Pattern
	case "format":
		return "a value of the format " + schema.Format
	case "minItems":
		return fmt.Sprintf("at least %d items", schema.MinItems)
	case "maxItems":
		return fmt.Sprintf("at most %d items", *schema.MaxItems)
	case "type":
		return "a value of type " + strings.Join(schema.Type.Slice(), " or ")
	case "minLength":
		return fmt.Sprintf("at least %d characters", schema.MinLength)
	case "maxLength":
		return fmt.Sprintf("at most %d characters", *schema.MaxLength)
	case "minimum":
		return fmt.Sprintf("at least %v", *schema.Min)
	case "maximum":
		return fmt.Sprintf("at most %v", *schema.Max)
	default:
		return "what the rule " + field + " asks for"
	}
}

// ruleOf is the rule that stands for a keyword of a schema.
func ruleOf(field string) string {
	switch field {
	case "required":
		return ruleRequired
	case "type":
		return ruleType
	case "nullable":
		return ruleNull
	case "enum":
		return ruleEnum
	default:
		return ruleValue
	}
}
