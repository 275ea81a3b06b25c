package spec_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// examples walks a document and holds every example in it against its schema. It goes wherever a
// document can have one, so that a new parameter, header, response or operation needs no new test.
type examples struct {
	// faults are what is wrong, with the place.
	faults []string
	// checked counts the values that were held against a schema.
	checked int
	// shown are the schemas that an example has a value of.
	shown map[*openapi3.Schema]bool

	walked map[*openapi3.Schema]bool
}

func checkExamples(doc *openapi3.T) *examples {
	e := &examples{shown: map[*openapi3.Schema]bool{}, walked: map[*openapi3.Schema]bool{}}
	for path, item := range ordered(doc.Paths.Map()) {
		e.pathItem("paths "+path, item)
	}
	for name, item := range ordered(doc.Webhooks) {
		e.pathItem("webhooks "+name, item)
	}
	// Components again, for those that no operation refers to.
	components := doc.Components
	for name, ref := range ordered(components.Schemas) {
		e.schema("schemas "+name, ref)
	}
	for name, ref := range ordered(components.Parameters) {
		e.parameter("parameters "+name, ref.Value)
	}
	for name, ref := range ordered(components.Headers) {
		e.parameter("headers "+name, &ref.Value.Parameter)
	}
	for name, ref := range ordered(components.RequestBodies) {
		e.content("requestBodies "+name, ref.Value.Content)
	}
	for name, ref := range ordered(components.Responses) {
		e.response("responses "+name, ref.Value)
	}
	for name, ref := range ordered(components.Callbacks) {
		e.callback("callbacks "+name, ref.Value)
	}
	return e
}

// ordered ranges over a map by its keys.
func ordered[V any](m map[string]V) func(yield func(string, V) bool) {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

func (e *examples) fault(place, format string, args ...any) {
	e.faults = append(e.faults, place+": "+fmt.Sprintf(format, args...))
}

func (e *examples) pathItem(place string, item *openapi3.PathItem) {
	for _, ref := range item.Parameters {
		e.parameter(place+" parameter "+ref.Value.Name, ref.Value)
	}
	for method, operation := range ordered(item.Operations()) {
		e.operation(place+" "+method, operation)
	}
}

func (e *examples) operation(place string, operation *openapi3.Operation) {
	for _, ref := range operation.Parameters {
		e.parameter(place+" parameter "+ref.Value.Name, ref.Value)
	}
	if operation.RequestBody != nil {
		e.content(place+" body", operation.RequestBody.Value.Content)
	}
	for status, ref := range ordered(operation.Responses.Map()) {
		e.response(place+" "+status, ref.Value)
	}
	for name, ref := range ordered(operation.Callbacks) {
		e.callback(place+" callback "+name, ref.Value)
	}
}

func (e *examples) callback(place string, callback *openapi3.Callback) {
	for url, item := range ordered(callback.Map()) {
		e.pathItem(place+" "+url, item)
	}
}

// response checks a response. One without content has nothing that an example could show.
func (e *examples) response(place string, response *openapi3.Response) {
	for name, ref := range ordered(response.Headers) {
		e.parameter(place+" header "+name, &ref.Value.Parameter)
	}
	e.content(place, response.Content)
}

func (e *examples) content(place string, content openapi3.Content) {
	for mediaType, media := range ordered(content) {
		place := place + " " + mediaType
		for field, encoding := range ordered(media.Encoding) {
			for name, ref := range ordered(encoding.Headers) {
				e.parameter(place+" encoding "+field+" header "+name, &ref.Value.Parameter)
			}
		}
		e.values(place, media.Schema, media.Example, media.Examples)
	}
}

// parameter checks a parameter, or a header, which is one but for its name.
func (e *examples) parameter(place string, parameter *openapi3.Parameter) {
	if len(parameter.Content) > 0 {
		e.content(place, parameter.Content)
		return
	}
	e.values(place, parameter.Schema, parameter.Example, parameter.Examples)
}

// values checks what stands beside a schema: there must be one example at least.
func (e *examples) values(place string, schema *openapi3.SchemaRef, example any, named openapi3.Examples) {
	if schema == nil {
		e.fault(place, "no schema")
		return
	}
	e.schema(place+" schema", schema)
	if example == nil && len(named) == 0 {
		e.fault(place, "no example")
	}
	if example != nil {
		e.value(place+" example", schema, example)
	}
	for name, ref := range ordered(named) {
		if ref.Value == nil || ref.Value.Value == nil {
			e.fault(place+" example "+name, "no value")
			continue
		}
		e.value(place+" example "+name, schema, ref.Value.Value)
	}
}

// value holds one example against its schema, as a client would see it and more strictly: schemas are
// open to new fields, examples show described ones only.
func (e *examples) value(place string, schema *openapi3.SchemaRef, value any) {
	e.checked++
	if err := schema.Value.VisitJSON(value, openapi3.EnableFormatValidation(), openapi3.MultiErrors()); err != nil {
		e.fault(place, "%v", err)
		return
	}
	e.described(place, schema, value)
}

func (e *examples) described(place string, ref *openapi3.SchemaRef, value any) {
	schema := ref.Value
	e.shown[schema] = true
	switch value := value.(type) {
	case map[string]any:
		if len(schema.AllOf)+len(schema.AnyOf)+len(schema.OneOf) > 0 {
			return // which of them describes a field is VisitJSON's to say
		}
		for name, field := range ordered(value) {
			property, ok := schema.Properties[name]
			if extra := schema.AdditionalProperties.Schema; !ok && extra != nil {
				property, ok = extra, true
			}
			if !ok {
				e.fault(place, "the schema does not describe %q", name)
				continue
			}
			e.described(place+"."+name, property, field)
		}
	case []any:
		for i, item := range value {
			e.described(fmt.Sprintf("%s[%d]", place, i), schema.Items, item)
		}
	}
}

// schema checks the values within a schema and all schemas below it.
func (e *examples) schema(place string, ref *openapi3.SchemaRef) {
	if ref == nil || e.walked[ref.Value] {
		return
	}
	schema := ref.Value
	e.walked[schema] = true
	if schema.Example != nil {
		e.value(place+" example", ref, schema.Example)
	}
	if schema.Default != nil {
		e.value(place+" default", ref, schema.Default)
	}
	for name, property := range ordered(schema.Properties) {
		e.schema(place+"."+name, property)
	}
	e.schema(place+" items", schema.Items)
	e.schema(place+" not", schema.Not)
	e.schema(place+" additionalProperties", schema.AdditionalProperties.Schema)
	for _, part := range slices.Concat(schema.AllOf, schema.AnyOf, schema.OneOf) {
		e.schema(place+" part", part)
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := checkExamples(doc)
			require.Empty(t, e.faults)
			require.Greater(t, e.checked, 30, "the walk ended early")
			for name, ref := range ordered(doc.Components.Schemas) {
				require.True(t, e.shown[ref.Value], "no example has a value of schema %s", name)
			}
		})
	}
}

// TestExamples_checkerCatches breaks the document in one place at a time.
func TestExamples_checkerCatches(t *testing.T) {
	t.Parallel()
	const (
		response = "responses Submitted application/json"
		callback = "callback requestInKyc https://provider.example/notifications POST"
	)
	submitted := func(doc *openapi3.T) *openapi3.MediaType {
		return doc.Components.Responses["Submitted"].Value.Content["application/json"]
	}
	product := func(doc *openapi3.T, example string) map[string]any {
		return submitted(doc).Examples[example].Value.Value.(map[string]any)["product"].(map[string]any)
	}
	notify := func(doc *openapi3.T) *openapi3.Operation {
		return submit(doc).Callbacks["requestInKyc"].Value.Value("https://provider.example/notifications").Post
	}
	errorExample := func(doc *openapi3.T, response string) map[string]any {
		return doc.Components.Responses[response].Value.Content["application/json"].Example.(map[string]any)
	}
	aString := openapi3.NewStringSchema().NewRef()

	for name, tt := range map[string]struct {
		mutate func(doc *openapi3.T)
		want   string
	}{
		"success without examples": {func(doc *openapi3.T) { submitted(doc).Examples = nil }, response + ": no example"},
		"error without an example": {
			func(doc *openapi3.T) {
				doc.Components.Responses["NotFound"].Value.Content["application/json"].Examples = openapi3.Examples{}
			}, "responses NotFound application/json: no example",
		},
		"named example without a value": {func(doc *openapi3.T) { submitted(doc).Examples["in_kyc"].Value.Value = nil }, response + " example in_kyc: no value"},
		"media type without a schema":   {func(doc *openapi3.T) { submitted(doc).Schema = nil }, response + ": no schema"},
		"new media type": {
			func(doc *openapi3.T) {
				doc.Components.Responses["Submitted"].Value.Content["text/plain"] = &openapi3.MediaType{Schema: aString}
			}, "responses Submitted text/plain: no example",
		},
		"missing field": {func(doc *openapi3.T) { delete(product(doc, "in_kyc"), "client_id") }, "client_id"},
		"wrong type":    {func(doc *openapi3.T) { product(doc, "in_kyc")["id"] = 1.0 }, "value must be a string"},
		"unknown value": {func(doc *openapi3.T) { product(doc, "in_kyc")["status"] = "done" }, "not one of the allowed values"},
		"bad timestamp": {func(doc *openapi3.T) { product(doc, "in_kyc")["created_at"] = "2026-04-15" }, "match the regular expression"},
		"null":          {func(doc *openapi3.T) { product(doc, "in_kyc")["missing_requirements"] = nil }, "not nullable"},
		"field nobody describes": {
			func(doc *openapi3.T) { product(doc, "pending_documentation")["subproduct"] = "x" },
			response + ` example pending_documentation.product: the schema does not describe "subproduct"`,
		},
		"field nobody describes, far below": {
			func(doc *openapi3.T) {
				documents := product(doc, "pending_documentation")["missing_requirements"].(map[string]any)["documents"].([]any)
				documents[0].(map[string]any)["valid_documents"].([]any)[0].(map[string]any)["label"] = "x"
			}, `.documents[0].valid_documents[0]: the schema does not describe "label"`,
		},
		"error without its trace id": {func(doc *openapi3.T) { delete(errorExample(doc, "ServerError"), "trace_id") }, "trace_id"},
		"trace id of another form":   {func(doc *openapi3.T) { errorExample(doc, "BadRequest")["trace_id"] = "4BF9" }, "match the regular expression"},
		"schema grew": {
			func(doc *openapi3.T) {
				schema := doc.Components.Schemas["RejectedItem"].Value
				schema.Properties["id"] = aString
				schema.Required = append(schema.Required, "id")
			}, "id",
		},
		"header without an example": {func(doc *openapi3.T) { doc.Components.Headers["TraceId"].Value.Example = nil }, "header X-Trace-Id: no example"},
		"header out of range":       {func(doc *openapi3.T) { doc.Components.Headers["RetryAfter"].Value.Example = 0.0 }, "header Retry-After example: "},
		"new header": {
			func(doc *openapi3.T) {
				doc.Components.Responses["Submitted"].Value.Headers["X-New"] = &openapi3.HeaderRef{
					Value: &openapi3.Header{Parameter: openapi3.Parameter{Schema: aString}},
				}
			}, "header X-New: no example",
		},
		"parameter without an example": {
			func(doc *openapi3.T) { doc.Components.Parameters["ClientId"].Value.Example = nil },
			"parameter clientId: no example",
		},
		"parameter of another form": {
			func(doc *openapi3.T) { doc.Components.Parameters["ProductRequestId"].Value.Example = "../x" },
			"parameter productRequestId example: ",
		},
		"wrong value among named examples": {
			func(doc *openapi3.T) {
				doc.Components.Parameters["IdempotencyKey"].Value.Examples = openapi3.Examples{
					"bad": {Value: &openapi3.Example{Value: "a b"}},
				}
			}, "parameter Idempotency-Key example bad: ",
		},
		"new parameter of the path": {
			func(doc *openapi3.T) {
				path := doc.Paths.Map()[submitPath]
				path.Parameters = append(path.Parameters, &openapi3.ParameterRef{Value: openapi3.NewQueryParameter("page").WithSchema(aString.Value)})
			}, "parameter page: no example",
		},
		"new operation": {
			func(doc *openapi3.T) {
				operation := &openapi3.Operation{Responses: openapi3.NewResponses()}
				operation.Responses.Set("200", &openapi3.ResponseRef{Value: &openapi3.Response{
					Content: openapi3.Content{"application/json": {Schema: aString}},
				}})
				doc.Paths.Set("/new", &openapi3.PathItem{Get: operation})
			}, "paths /new GET 200 application/json: no example",
		},
		"response that nothing refers to": {
			func(doc *openapi3.T) {
				doc.Components.Responses["Spare"] = &openapi3.ResponseRef{Value: &openapi3.Response{
					Content: openapi3.Content{"application/json": {Schema: aString, Example: 1.0}},
				}}
			}, "responses Spare application/json example: ",
		},
		"schema's own example": {
			func(doc *openapi3.T) { doc.Components.Schemas["Timestamp"].Value.Example = "yesterday" },
			"match the regular expression",
		},
		"example within a property": {
			func(doc *openapi3.T) {
				doc.Components.Schemas["DataField"].Value.Properties["required"].Value.Example = "yes"
			},
			"value must be a boolean",
		},
		"callback's body without examples": {
			func(doc *openapi3.T) { notify(doc).RequestBody.Value.Content["application/json"].Examples = nil },
			callback + " body application/json: no example",
		},
		"callback's body": {
			func(doc *openapi3.T) {
				example := notify(doc).RequestBody.Value.Content["application/json"].Examples["in_kyc"].Value
				delete(example.Value.(map[string]any), "type")
			}, callback + " body application/json example in_kyc: ",
		},
		"callback's parameter": {
			func(doc *openapi3.T) { doc.Components.Parameters["WebhookTimestamp"].Value.Example = "now" },
			callback + " parameter webhook-timestamp example: ",
		},
		"callback's response": {
			func(doc *openapi3.T) {
				notify(doc).Responses.Value("204").Value.Content = openapi3.Content{"text/plain": {Schema: aString}}
			}, callback + " 204 text/plain: no example",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := spec.GetSpec() // a document of its own
			require.NoError(t, err)
			tt.mutate(doc)
			faults := checkExamples(doc).faults
			require.NotEmpty(t, faults)
			require.True(t, slices.ContainsFunc(faults, func(fault string) bool {
				return strings.Contains(fault, tt.want)
			}), "no fault has %q: %q", tt.want, faults)
		})
	}
}
