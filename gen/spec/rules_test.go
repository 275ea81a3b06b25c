package spec_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/spec"
)

const product = `{"id":"rq_1","client_id":"cl_1","product":"cards_individuals","status":"in_kyc",` +
	`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"}`

const client = `{"id":"cl_1","phone_country_code":54,"phone_number":91123456789,"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-15T10:30:00"}`

// breaches are those of a response with a body of this schema.
func breaches(t testing.TB, schema *openapi3.SchemaRef, body string) []spec.Breach {
	t.Helper()
	operation := openapi3.NewOperation()
	operation.AddResponse(http.StatusOK, openapi3.NewResponse().WithJSONSchemaRef(schema))
	return spec.Breaches(spec.Exchange{
		Operation: operation, Status: http.StatusOK, Body: body,
		Path: func(name string) string { return map[string]string{"clientId": "cl_1"}[name] },
	})
}

// A product is held to the rules wherever it stands: by itself, in a list, and with its rejected items.
func TestBreaches_product(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	of := func(name string) *openapi3.SchemaRef {
		return openapi3.NewSchemaRef("#/components/schemas/"+name, doc.Components.Schemas[name].Value)
	}
	list := openapi3.NewArraySchema()
	list.Items = of("Product")
	other := ` { "client_id" : "cl_2" , "status":"enabled", "more": {"a":["]}\"",{}], "b":-1.5e3, "c":null}, "updated_at":"2026-02-30T00:00:00" } `
	for name, test := range map[string]struct {
		schema *openapi3.SchemaRef
		body   string
		want   []string
	}{
		"right":                 {of("Product"), product, nil},
		"by itself":             {of("Product"), other, []string{"product.ids /client_id", "time.impossible /updated_at"}},
		"in a list":             {list.NewRef(), "[" + product + "," + other + ",{}]", []string{"product.ids /1/client_id", "time.impossible /1/updated_at"}},
		"evaluated":             {of("EvaluatedProduct"), `{"product":` + other + `,"rejected_items":[{}]}`, []string{"product.ids /product/client_id", "time.impossible /product/updated_at", "product.settled_rejected /rejected_items"}},
		"in a list of products": {of("Products"), "[" + product + "," + strings.Replace(product, "10:30:00", "10:30:01", 1) + "]", []string{"list.order /1/created_at", "product.active /1/status"}},
		"after a rejection":     {of("Products"), "[" + product + "," + strings.Replace(product, "in_kyc", "rejected", 1) + "]", nil},
		"other product":         {of("Products"), "[" + product + "," + strings.Replace(product, "cards_individuals", "ramps_pix", 1) + "]", nil},
		"client":                {of("Client"), client, nil},
		"client of another id":  {of("Client"), `{"id":"cl_2","phone_number":1,"created_at":"2026-04-15T10:30:01","updated_at":"2026-04-15T10:30:00"}`, []string{"client.id /id", "client.phone /phone_number", "time.order /updated_at"}},
		"clients":               {of("Clients"), `[` + client + `,{"created_at":"2026-04-15T10:30:01"},{},{"created_at":"2026-04-15T10:30:01"}]`, []string{"list.order /1/created_at"}},
		"another thing":         {of("RejectedItem"), other, nil},
		"no object":             {of("Product"), `"text"`, nil},
		"nothing":               {of("Product"), ``, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, b := range breaches(t, test.schema, test.body) {
				require.True(t, slices.ContainsFunc(spec.Rules(), func(r spec.Rule) bool { return r.ID == b.Rule }))
				found = append(found, b.Rule+" "+b.Pointer)
			}
			require.Equal(t, test.want, found)
		})
	}
}

// What a call with a document says of a request is not what a submission says.
func TestBreaches_documentation(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	pending := strings.Replace(product, "in_kyc", "pending_documentation", 1)
	const kept = `[{"type":"document","key":"passport","reason":"A good one is stored."}]`
	for name, test := range map[string]struct {
		operation, body string
		want            []string
	}{
		"nothing is left":                {"documentation", `{"product":` + pending + `,"rejected_items":[]}`, nil},
		"a good document is kept":        {"documentation", `{"product":` + pending + `,"rejected_items":` + kept + `}`, nil},
		"data is rejected":               {"documentation", `{"product":` + pending + `,"rejected_items":` + strings.Replace(kept, "document", "data", 1) + `}`, []string{"product.rejected_foreign"}},
		"it moves the request":           {"documentation", `{"product":` + product + `,"rejected_items":[]}`, []string{"product.status"}},
		"nothing is left, and submitted": {"submit", `{"product":` + pending + `,"rejected_items":[]}`, []string{"product.pending_nothing"}},
		"it rejects what nobody misses":  {"submit", `{"product":` + pending + `,"rejected_items":` + kept + `}`, []string{"product.rejected_unlisted"}},
	} {
		path := "/management/clients/individuals/{clientId}/products/{productRequestId}/" + test.operation
		var found []string
		for _, b := range spec.Breaches(spec.Exchange{
			Operation: doc.Paths.Value(path).Post, Status: http.StatusOK, Body: test.body, Path: func(string) string { return "" },
		}) {
			found = append(found, b.Rule)
		}
		require.Equal(t, test.want, found, name)
	}
}

// TestBreaches_examples: what openapi.yaml shows of an operation keeps to the rules.
func TestBreaches_examples(t *testing.T) {
	t.Parallel()
	doc, err := spec.GetSpec()
	require.NoError(t, err)
	held := 0
	for id, operation := range operations(doc) {
		for written, response := range operation.Responses.Map() {
			status, _ := strconv.Atoi(written)
			media := response.Value.Content["application/json"]
			if media == nil {
				continue
			}
			examples := map[string]any{"": media.Example}
			for name, example := range media.Examples {
				examples[name] = example.Value.Value
			}
			for name, example := range examples {
				body, err := json.Marshal(example)
				require.NoError(t, err)
				require.Empty(t, spec.Breaches(spec.Exchange{
					Operation: operation, Asked: http.Header{"Idempotency-Key": {"one"}}, Status: status, Body: string(body), Path: func(string) string { return "" },
				}), "%s %s %s", id, written, name)
				held++
			}
		}
	}
	require.Greater(t, held, 100, "the walk ended early")
}

// FuzzBreaches: a value is read as encoding/json reads it, whatever stands beside it.
func FuzzBreaches(f *testing.F) {
	doc, err := spec.GetSpec()
	require.NoError(f, err)
	f.Add(`{"more":[{}, "]", "\"}"],"id":"a","client_id":"cl\u005f1"}`)
	f.Add(` { "id" : null , "client_id":"é" } `)
	f.Add(`{"client_id":"a"`)
	f.Add(`[}{]`)
	f.Fuzz(func(t *testing.T, body string) {
		found := breaches(t, openapi3.NewSchemaRef("#/components/schemas/Product", doc.Components.Schemas["Product"].Value), body)
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &members) != nil {
			return // anything, but an end
		}
		var id string
		wrong := json.Unmarshal(members["client_id"], &id) == nil && string(members["client_id"]) != "null" && id != "cl_1"
		last := slices.ContainsFunc(found, func(b spec.Breach) bool { return b.Pointer == "/client_id" && b.Got == id })
		require.True(t, !wrong || last, "%q", body)
	})
}

// FuzzOwnForm: the form is the specification's pattern without a fraction and a zone.
func FuzzOwnForm(f *testing.F) {
	doc, err := spec.GetSpec()
	require.NoError(f, err)
	described := regexp.MustCompile(doc.Components.Schemas["Timestamp"].Value.Pattern)
	for _, text := range []string{
		"2026-04-15T10:30:00", "2026-12-31T23:59:59", "0000-01-01T00:00:00", "2026-02-31T10:30:00", "2026-00-15T10:30:00", "2026-13-15T10:30:00",
		"2026-04-00T10:30:00", "2026-04-32T10:30:00", "2026-04-15T24:30:00", "2026-04-15T10:60:00", "2026-04-15T10:30:60", "2026-04-15 10:30:00",
		"2026-04-15T1:30:00Z", "2026-04-15T10:30:0:", "/026-04-15T10:30:00", "2026-04-15T10:30:00Z", "2026-04-15T10:30:00.5", "2026-04-15T10:30", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		require.Equal(t, described.MatchString(text) && len(text) == len("2026-04-15T10:30:00"), spec.OwnForm(text), "%q", text)
	})
}
