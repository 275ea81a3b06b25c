package server_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

// patterns are the description's, and others of every kind that regexp has. Those without a table
// are left to regexp.
var patterns = map[string]bool{
	`^[A-Za-z0-9_-]{1,64}$`: true,
	`^[0-9a-f]{32}$`:        true,
	`^[!-~]+$`:              true,
	`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$`: true,
	``: true, `^$`: true, `a`: true, `^a`: true, `a$`: true, `^a*$`: true, `a|^b`: true, `(a|b)*c`: true, `^(ab?){2,3}$`: true,
	`^[^a]+$`: true, `.`: true, `^.{2}$`: true, `(?i)^aB$`: true, `(?s)^.$`: true, `x*`: true, `^[a-c]{2,}$`: true, `^[é-ü]{1,2}$`: true,
	`\Aa\z`: true, `^^a$$`: true, `a^`: true, `$a`: true, `a$b`: true, `^[a-z]?$`: true, `^(?:)$`: true, `ab`: true, `aab`: true,
	`(?m)^a$`: false, `\ba`: false, `a\B`: false, `[a`: false, `\\u0041`: false, `^[ab]{1000}c{300}d$`: false,
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
		_, known := server.MatchesPattern(pattern, "")
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

// checkPattern holds the chain's own reading of a pattern against package regexp's, which is
// kin-openapi's.
func checkPattern(t *testing.T, pattern, text string) {
	t.Helper()
	matches, known := server.MatchesPattern(pattern, text)
	if !known {
		return
	}
	expression, err := regexp.Compile(pattern)
	require.NoError(t, err)
	want := expression.MatchString(text)
	if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) {
		want = false // left to kin-openapi
	}
	require.Equal(t, want, matches, "%q on %q", pattern, text)
}

// Of the description nothing is left to kin-openapi but what is wrong, or is written with escapes.
func TestNothingIsUnchecked(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	unchecked, err := server.Unchecked(doc)
	require.NoError(t, err)
	require.Empty(t, unchecked)
	for name, schema := range doc.Components.Schemas {
		for _, example := range examplesOf(t, doc, schema) {
			accepts, known := server.AcceptsJSON(schema, example)
			require.True(t, known, name)
			escaped := bytes.ContainsRune(example, '\\')
			require.Equal(t, !escaped, accepts, "%s: %s", name, example)
		}
	}
}

// examplesOf are those of the replies that have the schema.
func examplesOf(t *testing.T, doc *openapi3.T, schema *openapi3.SchemaRef) (texts [][]byte) {
	t.Helper()
	for _, response := range doc.Components.Responses {
		content := response.Value.Content["application/json"]
		if content.Schema.Value != schema.Value {
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
		"no type":                   openapi3.NewSchema(),
		"number":                    openapi3.NewFloat64Schema(),
		"integer":                   openapi3.NewIntegerSchema(),
		"format":                    text().WithFormat("date-time"),
		"nullable":                  text().WithNullable(),
		"mixed enum":                text().WithEnum("a", 1),
		"bad pattern":               text().WithPattern("["),
		"length of a list":          list.WithMinItems(1),
		"list of anything":          openapi3.NewArraySchema(),
		"nullable boolean":          openapi3.NewBoolSchema().WithNullable(),
		"no properties":             openapi3.NewObjectSchema(),
		"closed":                    object().WithoutAdditionalProperties(),
		"number of properties":      object().WithMaxProperties(3),
		"all of":                    {AllOf: openapi3.SchemaRefs{text().NewRef()}},
		"part of itself":            within,
		"required, not described":   required,
		"write-only":                {Type: &openapi3.Types{"string"}, WriteOnly: true},
		"property with a format":    openapi3.NewObjectSchema().WithProperty("a", text().WithFormat("date")),
		"list of what has a format": openapi3.NewArraySchema().WithItems(text().WithFormat("date")),
	} {
		_, known := server.AcceptsJSON(schema.NewRef(), nil)
		require.False(t, known, name)
	}
}

// FuzzReplyCheck: what the check accepts kin-openapi accepts.
func FuzzReplyCheck(f *testing.F) {
	doc, err := spec.GetSpec()
	require.NoError(f, err)
	names := []string{"Submission", "Error"}
	for _, name := range names {
		for _, response := range doc.Components.Responses {
			content := response.Value.Content["application/json"]
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
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		schema := doc.Components.Schemas[name]
		if schema == nil {
			t.Skip("there is no such schema")
		}
		accepts, known := server.AcceptsJSON(schema, text)
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
