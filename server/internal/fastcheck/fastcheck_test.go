package fastcheck_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server/internal/fastcheck"
)

// patterns are the specification's, and others of every kind that regexp has. Those that regexp and
// kin-openapi read differently have no check.
var patterns = map[string]bool{
	`^[A-Za-z0-9_-]{1,64}$`: true,
	`^[0-9a-f]{32}$`:        true,
	`^[!-~]+$`:              true,
	`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$`: true,
	``: true, `^$`: true, `a`: true, `^a`: true, `a$`: true, `^a*$`: true, `a|^b`: true, `(a|b)*c`: true, `^(ab?){2,3}$`: true,
	`^[^a]+$`: true, `.`: true, `^.{2}$`: true, `(?i)^aB$`: true, `(?s)^.$`: true, `x*`: true, `^[a-c]{2,}$`: true, `^[é-ü]{1,2}$`: true,
	`\Aa\z`: true, `^^a$$`: true, `a^`: true, `$a`: true, `a$b`: true, `^[a-z]?$`: true, `^(?:)$`: true, `^[^\x00-\x1F\x7F-\x9F]*$`: true, `^[^b]{2,3}$`: true, `^[é-ü]*$`: true, `ab`: true, `aab`: true,
	`(?m)^a$`: true, `\ba`: true, `a\B`: true, `[a`: false, `\\u0041`: false, `^[ab]{1000}c{300}d$`: true,
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", "a", "b", "ab", "aab", "aB", "AB", "abab", "abc", "ababc", "aaaa", "xa", "ax", "a\n", "\n", "\na", "a\nb", "é", "aé", "éü", "\xff",
		"4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG", strings.Repeat("k", 64), strings.Repeat("k", 65), "4bf92f3577b34da6a3ce929d0e0e4736",
		"2026-04-15T10:30:00", "2026-04-15T10:30:00Z", "2026-04-15T10:30:00.123456789+05:30", "2026-13-15T10:30:00", "2026-04-15T10:30:00.",
		"a b", "~!", "\x00", "\x7f",
	}
	for pattern, wantKnown := range patterns {
		_, known := fastcheck.MatchesPattern(pattern, "")
		require.Equal(t, wantKnown, known, pattern)
		for _, text := range texts {
			checkPattern(t, pattern, text)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for pattern := range patterns {
		f.Add(pattern, "2026-04-15T10:30:00")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 100 {
			t.Skip("takes long, and shows nothing else")
		}
		checkPattern(t, pattern, text)
	})
}

// checkPattern holds the reading of a pattern against package regexp's, which is kin-openapi's.
func checkPattern(t *testing.T, pattern, text string) {
	t.Helper()
	matches, known := fastcheck.MatchesPattern(pattern, text)
	if !known {
		return
	}
	expression, err := regexp.Compile(pattern)
	require.NoError(t, err)
	want := expression.MatchString(text)
	if !utf8.ValidString(text) {
		want = false // left to kin-openapi
	}
	require.Equal(t, want, matches, "%q on %q", pattern, text)
}

// Of the specification nothing is left to kin-openapi but what is wrong, or is written with escapes.
func TestNothingIsUnchecked(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	require.Equal(t, []string{"completeDocumentation request"}, fastcheck.Unchecked(doc), "to read its photos takes far longer than to check the rest")
	for name, schema := range doc.Components.Schemas {
		for _, example := range examplesOf(t, doc, schema) {
			accepts, known := fastcheck.AcceptsJSON(schema, example)
			require.True(t, known, name)
			escaped := bytes.ContainsRune(example, '\\')
			require.Equal(t, !escaped, accepts, "%s: %s", name, example)
		}
	}
}

// examplesOf are those of the responses that have the schema.
func examplesOf(t *testing.T, doc *openapi3.T, schema *openapi3.SchemaRef) (texts [][]byte) {
	t.Helper()
	for _, response := range doc.Components.Responses {
		content := response.Value.Content["application/json"]
		if content == nil || content.Schema.Value != schema.Value {
			continue
		}
		examples := []any{content.Example}
		for _, example := range content.Examples {
			examples = append(examples, example.Value.Value)
		}
		for _, example := range examples {
			if example == nil {
				continue
			}
			text, err := json.MarshalIndent(example, "", "\t")
			require.NoError(t, err)
			texts = append(texts, text)
		}
	}
	return texts
}

// A schema with a word that the check doesn't know has none.
func TestSchemasWithoutCheck(t *testing.T) {
	t.Parallel()
	text := openapi3.NewStringSchema
	list := openapi3.NewArraySchema().WithItems(text())
	object := func() *openapi3.Schema { return openapi3.NewObjectSchema().WithProperty("a", text()) }
	within := object()
	within.Properties["b"] = within.NewRef()
	required := object()
	required.Required = []string{"b"}
	for name, schema := range map[string]*openapi3.Schema{
		"no type":                 openapi3.NewSchema(),
		"number of a multiple":    {Type: &openapi3.Types{"number"}, MultipleOf: openapi3.Ptr(0.5)},
		"integer of a multiple":   {Type: &openapi3.Types{"integer"}, MultipleOf: openapi3.Ptr(2.0)},
		"integer of a format":     openapi3.NewIntegerSchema().WithFormat("int8"),
		"integer of a list":       openapi3.NewIntegerSchema().WithEnum(1, 2),
		"mixed enum":              text().WithEnum("a", 1),
		"bad pattern":             text().WithPattern("["),
		"length of a list":        list.WithMinItems(1),
		"list of anything":        openapi3.NewArraySchema(),
		"no properties":           openapi3.NewObjectSchema(),
		"open to a kind":          object().WithAdditionalProperties(text()),
		"number of properties":    object().WithMaxProperties(3),
		"all of":                  {AllOf: openapi3.SchemaRefs{text().NewRef()}},
		"part of itself":          within,
		"required, not described": required,
		"write-only":              {Type: &openapi3.Types{"string"}, WriteOnly: true},
	} {
		_, known := fastcheck.AcceptsJSON(schema.NewRef(), nil)
		require.False(t, known, name)
	}
}

// What is null, has a format or is no whole number is left to kin-openapi. What may be so and is absent is not.
func TestLeftToOthers(t *testing.T) {
	t.Parallel()
	schema := openapi3.NewObjectSchema().WithProperties(map[string]*openapi3.Schema{
		"day":    openapi3.NewStringSchema().WithFormat("date"),
		"note":   openapi3.NewStringSchema().WithNullable(),
		"flag":   openapi3.NewBoolSchema().WithNullable(),
		"score":  openapi3.NewFloat64Schema(),
		"old":    {Type: &openapi3.Types{"string"}, Deprecated: true},
		"nested": openapi3.NewObjectSchema().WithProperty("a", openapi3.NewStringSchema()).WithNullable(),
	}).NewRef()
	for text, want := range map[string]bool{
		`{}`:                   true,
		`{"note":"a"}`:         true,
		`{"flag":true}`:        true,
		`{"nested":{}}`:        true,
		`{"day":"2026-04-15"}`: false,
		`{"day":""}`:           false,
		`{"old":"a"}`:          true,
		`{"score":1.5}`:        false,
		`{"note":null}`:        false,
		`{"flag":null}`:        false,
		`{"nested":null}`:      false,
		`null`:                 false,
	} {
		accepts, known := fastcheck.AcceptsJSON(schema, []byte(text))
		require.True(t, known)
		require.Equal(t, want, accepts, text)
	}
}

// schemas are the specification's, and others of every kind that there is a check for.
func schemas(t testing.TB) map[string]*openapi3.SchemaRef {
	t.Helper()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	all := maps.Clone(doc.Components.Schemas)
	closed := openapi3.NewObjectSchema().WithoutAdditionalProperties().WithProperties(map[string]*openapi3.Schema{
		"name": openapi3.NewStringSchema().WithMinLength(1).WithMaxLength(3),
		"code": openapi3.NewIntegerSchema().WithMin(1).WithMax(999),
		"big":  openapi3.NewInt32Schema(),
		"any":  openapi3.NewInt64Schema(),
		"kind": openapi3.NewStringSchema().WithPattern("^[a-zé]+$"),
	})
	closed.Required = []string{"name"}
	all["Closed"] = closed.NewRef()
	all["List"] = openapi3.NewArraySchema().WithItems(closed).NewRef()
	return all
}

// What the check knows it accepts: nothing of this is left to kin-openapi.
func TestAccepted(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	for schema, texts := range map[string][]string{
		"Closed": {
			`{"name":"é"}`, `{"name":"日本語"}`, `{"name":"😀😀😀"}`, `{"name":"a","code":1}`, `{"name":"a","code":999}`, `{"name":"a","kind":"aé"}`,
			`{"name":"a","big":-2147483648}`, `{"name":"a","big":2147483647}`, `{"name":"a","any":-999999999999999}`, ` { "any" : 0 , "name" : "a" } `,
		},
		"List": {`[]`, ` [ ] `, `[{"name":"a"}]`, `[{"name":"a"},{"name":"b","code":7}]`},
	} {
		for _, text := range texts {
			accepts, known := fastcheck.AcceptsJSON(all[schema], []byte(text))
			require.True(t, known, schema)
			require.True(t, accepts, "%s: %s", schema, text)
		}
	}
	for _, text := range []string{
		`{}`, `{"name":""}`, `{"name":"abcd"}`, `{"name":"日本語語"}`, "{\"name\":\"\xff\"}", "{\"name\":\"a\tb\"}", `{"name":"\u0041"}`, `{"name":7}`,
		`{"name":"a","more":1}`, `{"name":"a","code":0}`, `{"name":"a","code":1000}`, `{"name":"a","code":1.0}`, `{"name":"a","code":1e2}`,
		`{"name":"a","code":01}`, `{"name":"a","code":-}`, `{"name":"a","code":+1}`, `{"name":"a","code":"1"}`, `{"name":"a","code":1-1}`, `{"name":"a","code":}`,
		`{"name":"a","big":2147483648}`, `{"name":"a","any":1000000000000000}`, `{"name":"a","any":-0}`, `{"name":"a","kind":"è"}`,
		`{"name":"a","name":"a"}`, `{"name":"a"}{}`, `{"name":"a"`, `{"name":"a",}`, `[{"name":"a"}]`, `null`, ``,
	} {
		accepts, _ := fastcheck.AcceptsJSON(all["Closed"], []byte(text))
		require.False(t, accepts, text)
	}
}

// FuzzJSON: what the check accepts, kin-openapi accepts.
func FuzzJSON(f *testing.F) {
	doc, err := spec.GetSpec()
	require.NoError(f, err)
	all := schemas(f)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, response := range doc.Components.Responses {
			content := response.Value.Content["application/json"]
			if content == nil {
				continue
			}
			for _, example := range content.Examples {
				text, err := json.Marshal(example.Value.Value)
				require.NoError(f, err)
				f.Add(name, text)
				f.Add(name, bytes.Replace(text, []byte(`"`), []byte(`" `), 3))
			}
		}
		f.Add(name, []byte(`{"code":"VAL","message":"a","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","code":"VAL"}`))
		f.Add(name, []byte(`{"code":"VAL","message":"\u0041","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"} `))
		f.Add(name, []byte(`{"code":"VAL","message":null,"trace_id":"x","more":[{}]}{}`))
		f.Add(name, []byte(`{"name":"日é","code":12,"big":-3,"any":0,"kind":"é"}`))
		f.Add(name, []byte(`[{"name":"a","code":1.0},{"name":"b","any":123456789012345}]`))
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		schema := all[name]
		if schema == nil {
			t.Skip("there is no such schema")
		}
		accepts, known := fastcheck.AcceptsJSON(schema, text)
		if !accepts || !known {
			return
		}
		require.True(t, json.Valid(text), "%q", text)
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var value any
		require.NoError(t, decoder.Decode(&value))
		require.NoError(t, schema.Value.VisitJSON(value, openapi3.VisitAsResponse()), "%q", text)
	})
}

// FuzzOperation: a request and a response that are accepted, kin-openapi accepts. The operation has an id
// in its path, a text and a number in headers, and a body both ways.
func FuzzOperation(f *testing.F) {
	all := schemas(f)
	described := openapi3.NewOperation()
	described.AddParameter(openapi3.NewPathParameter("id").WithSchema(all["Id"].Value))
	described.AddParameter(openapi3.NewHeaderParameter("Key").WithSchema(openapi3.NewStringSchema().WithPattern("^[!-~]+$")))
	described.AddParameter(openapi3.NewHeaderParameter("Number").WithRequired(true).WithSchema(openapi3.NewInt32Schema().WithMin(1)))
	described.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithJSONSchema(all["Closed"].Value)}
	header := &openapi3.Header{}
	header.Required, header.Schema = true, openapi3.NewIntegerSchema().WithMin(1).WithMax(86400).NewRef()
	response := openapi3.NewResponse().WithDescription("").WithJSONSchema(all["List"].Value)
	response.Headers = openapi3.Headers{"Number": &openapi3.HeaderRef{Value: header}}
	described.AddResponse(http.StatusOK, response)
	described.AddResponse(http.StatusNoContent, openapi3.NewResponse().WithDescription(""))
	route := &routers.Route{
		Spec: &openapi3.T{OpenAPI: "3.0.3"}, Path: "/{id}", PathItem: &openapi3.PathItem{Post: described}, Method: http.MethodPost, Operation: described,
	}
	checks := fastcheck.New(route)
	f.Add("cl_1", "key", "1", "application/json", []byte(`{"name":"é","code":1}`), 200)
	f.Add("cl_1", "", "-1", "application/json; charset=utf-8", []byte(`[{"name":"é","code":1}]`), 200)
	f.Add("a.b", "é", "+1", "text/plain", []byte(`[]`), 200)
	f.Add("", "a b", "86401", "", []byte(``), 204)
	f.Fuzz(func(t *testing.T, id, key, number, media string, body []byte, status int) {
		set := http.Header{"Key": {key}, "Number": {number}, "Content-Type": {media}}
		if key == "" {
			set.Del("Key")
		}
		r := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: "/"}, Header: set, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		}
		r.SetPathValue("id", id)
		input := &openapi3filter.RequestValidationInput{Request: r, PathParams: map[string]string{"id": id}, Route: route}
		if checks.Request(r, string(body)) {
			require.NoError(t, openapi3filter.ValidateRequest(t.Context(), input))
		}
		if checks.Response(status, set, string(body)) {
			answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: status, Header: set}
			answer.Options = &openapi3filter.Options{IncludeResponseStatus: true}
			require.NoError(t, openapi3filter.ValidateResponse(t.Context(), answer.SetBodyBytes(body)))
		}
	})
}

// A call as it is meant to be needs no kin-openapi, with a body either way or none.
func TestOperation(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	described := openapi3.NewOperation()
	described.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithJSONSchema(all["Closed"].Value)}
	described.AddResponse(http.StatusCreated, openapi3.NewResponse().WithJSONSchema(all["Closed"].Value))
	described.AddResponse(http.StatusNoContent, openapi3.NewResponse())
	checks := fastcheck.New(&routers.Route{PathItem: &openapi3.PathItem{Post: described}, Operation: described})
	asJSON := http.Header{"Content-Type": {"application/json"}}
	require.True(t, checks.Request(&http.Request{Header: asJSON}, `{"name":"a"}`))
	require.False(t, checks.Request(&http.Request{Header: asJSON}, `{"nama":"a"}`))
	require.False(t, checks.Request(&http.Request{Header: asJSON}, ""))
	require.False(t, checks.Request(&http.Request{}, `{"name":"a"}`))
	require.True(t, checks.Response(http.StatusCreated, asJSON, `{"name":"a"}`))
	require.False(t, checks.Response(http.StatusCreated, asJSON, ""))
	require.True(t, checks.Response(http.StatusNoContent, http.Header{}, ""))
	require.False(t, checks.Response(http.StatusNoContent, http.Header{}, `{}`))
	require.False(t, checks.Response(http.StatusAccepted, asJSON, `{"name":"a"}`))
}
