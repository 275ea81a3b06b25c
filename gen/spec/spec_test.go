package spec_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
)

const (
	file       = "../../openapi.yaml"
	submitPath = "/management/clients/individuals/{clientId}/products/{productRequestId}/submit"
)

// documents returns the specification as it is embedded and as it is written.
func documents(tb testing.TB) map[string]*openapi3.T {
	tb.Helper()
	embedded, err := spec.GetSpec()
	require.NoError(tb, err)
	written, err := openapi3.NewLoader().LoadFromFile(file)
	require.NoError(tb, err)
	return map[string]*openapi3.T{"embedded": embedded, "openapi.yaml": written}
}

// submit returns the operation that the others lead to.
func submit(doc *openapi3.T) *openapi3.Operation { return doc.Paths.Value(submitPath).Post }

func TestSpec_isValid(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		require.NoError(t, doc.Validate(t.Context(),
			openapi3.EnableExamplesValidation(), openapi3.EnableSchemaDefaultsValidation(),
			openapi3.EnableSchemaFormatValidation(), openapi3.EnableSchemaPatternValidation()), name)
	}
}

// forGo is what gen/api/overlay.yaml adds or takes away.
var forGo = []string{"x-order", "x-enum-varnames", "x-go-type-skip-optional-pointer", "enum", "additionalProperties", "format", "2XX", "default"}

func TestSpec_isEmbedded(t *testing.T) {
	t.Parallel()
	written, err := documents(t)["openapi.yaml"].MarshalJSON() // as the generator embeds it
	require.NoError(t, err)
	embedded, err := spec.GetSpecJSON()
	require.NoError(t, err)
	want, got := lines(t, written), lines(t, embedded)
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "run go generate ./gen/...")
	}
	require.Len(t, got, len(want))
}

// lines writes JSON with a value a line, so that a difference can be read.
func lines(tb testing.TB, text []byte) []string {
	tb.Helper()
	var value any
	require.NoError(tb, json.Unmarshal(text, &value))
	withoutKeys(value, forGo)
	indented, err := json.MarshalIndent(value, "", " ")
	require.NoError(tb, err)
	return strings.Split(string(indented), "\n")
}

func withoutKeys(value any, keys []string) {
	switch value := value.(type) {
	case map[string]any:
		for name, below := range value {
			if slices.Contains(keys, name) {
				delete(value, name)
			} else {
				withoutKeys(below, keys)
			}
		}
	case []any:
		for _, below := range value {
			withoutKeys(below, keys)
		}
	}
}

// TestSpec_plain: what only Go's generator reads is not in openapi.yaml.
func TestSpec_plain(t *testing.T) {
	t.Parallel()
	require.NotRegexp(t, "x-order|x-go-|x-enum-varnames|x-oapi-codegen|x-omitempty", spec.YAML())
}

// TestSpec_open: openapi.yaml is open to new values, fields and statuses in responses, which many generators
// otherwise make an exception of; the server's copy has what is known today and nothing else.
func TestSpec_open(t *testing.T) {
	t.Parallel()
	docs := documents(t)
	written, embedded := docs["openapi.yaml"], docs["embedded"]
	objects, vocabularies := 0, 0
	for name, ref := range ordered(written.Components.Schemas) {
		schema, closed := ref.Value, embedded.Components.Schemas[name].Value
		require.Empty(t, schema.Enum, name)
		require.Equal(t, schema.Extensions["x-extensible-enum"] != nil, strings.Contains(schema.Description, "New values may appear."), name)
		if values := schema.Extensions["x-extensible-enum"]; values != nil {
			vocabularies++
			require.Equal(t, values, any(closed.Enum), name)
			require.Len(t, closed.Extensions["x-enum-varnames"], len(closed.Enum), name)
		}
		if !schema.Type.Is(openapi3.TypeObject) || schema.AdditionalProperties.Schema != nil { // or a map
			continue
		}
		objects++
		require.NotNil(t, schema.AdditionalProperties.Has, name)
		if strings.HasSuffix(name, "Input") { // of calls, in which what is misspelt must not get lost
			require.False(t, *schema.AdditionalProperties.Has, name)
			require.False(t, *closed.AdditionalProperties.Has, name)
		} else {
			require.True(t, *schema.AdditionalProperties.Has, name)
			require.Nil(t, closed.AdditionalProperties.Has, name)
		}
	}
	require.Equal(t, []int{8, 19}, []int{vocabularies, objects})
	known := operations(embedded)
	for id, operation := range operations(written) {
		for _, status := range []string{"2XX", "default"} {
			require.NotNil(t, operation.Responses.Value(status), id)
			require.Nil(t, known[id].Responses.Value(status), id)
		}
	}
}

// TestSpec_described: every property says what it is.
func TestSpec_described(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		for name, ref := range ordered(doc.Components.Schemas) {
			require.NotEmpty(t, ref.Value.Description, name)
			for property, ref := range ordered(ref.Value.Properties) {
				require.NotEmpty(t, ref.Value.Description, "%s.%s", name, property)
			}
		}
	}
}

// TestSpec_ids: an id of a response is one that can be sent, so that a mock's ids can be, too; and what a
// response leads to says which ids to send.
func TestSpec_ids(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		for schema, properties := range map[string][]string{
			"Client": {"id"}, "Product": {"id", "client_id"}, "NotificationData": {"id", "client_id", "company_id"},
		} {
			for _, property := range properties {
				require.Equal(t, "#/components/schemas/Id", doc.Components.Schemas[schema].Value.Properties[property].Ref)
			}
		}
		links := submit(doc).Responses.Status(200).Value.Links
		require.Len(t, links, 1)
		link := links["submitAgain"].Value
		require.Equal(t, submit(doc).OperationID, link.OperationID)
		require.Equal(t, map[string]any{
			"clientId": "$response.body#/product/client_id", "productRequestId": "$response.body#/product/id",
		}, link.Parameters)
	}
}

// described is what openapi.yaml says of an operation.
type described struct {
	method, path string
	level        int
	body         string // schema of the call's
	success      string // status
	response     string // schema
	errors       string // statuses
}

const (
	clientsPath  = "/management/clients/individuals"
	clientPath   = clientsPath + "/{clientId}"
	productsPath = clientPath + "/products"

	always = "400 401 413 429 500 503"
	about  = "400 401 404 413 429 500 503"
	keyed  = "400 401 404 409 413 422 429 500 503"
)

var want = map[string]described{
	"createClient":   {"POST", clientsPath, 1, "ClientInput", "201", "Client", "400 401 409 412 413 422 429 500 503"},
	"listClients":    {"GET", clientsPath, 1, "", "200", "Clients", always},
	"getClient":      {"GET", clientPath, 1, "", "200", "Client", about},
	"updateClient":   {"PUT", clientPath, 3, "ClientInput", "200", "Client", "400 401 404 412 413 429 500 503"},
	"deleteClient":   {"DELETE", clientPath, 3, "", "204", "", about},
	"requestProduct": {"POST", productsPath, 3, "ProductInput", "201", "Product", "400 401 404 409 412 413 422 429 500 503"},
	"listProducts":   {"GET", productsPath, 1, "", "200", "Products", about},
	"completeDocumentation": {"POST", productsPath + "/{productRequestId}/documentation", 3, "DocumentationInput", "200", "EvaluatedProduct",
		"400 401 404 409 412 413 422 429 500 503"},
	"submitProduct": {"POST", submitPath, 3, "", "200", "EvaluatedProduct", keyed},
}

// TestSpec_bodyLimits: a body has room for two photos in base64 with line breaks, and for what stands beside them.
func TestSpec_bodyLimits(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		for id, operation := range operations(doc) {
			require.Equal(t, id == "completeDocumentation", operation.Extensions["x-max-body"] != nil, id)
		}
		photo, body := doc.Components.Schemas["Image"].Value.Extensions["x-max-bytes"].(float64), operations(doc)["completeDocumentation"].Extensions["x-max-body"].(float64)
		require.EqualValues(t, 10<<20, photo)
		require.Greater(t, body, 2*photo*4/3*78/76+64<<10)
	}
}

func TestSpec_operations(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, "3.0.3", doc.OpenAPI)
			var servers []string
			for _, server := range doc.Servers {
				servers = append(servers, server.URL)
			}
			require.Equal(t, []string{"https://api.cryptomate.me", "https://api.sandbox.cryptomate.me"}, servers)
			key := doc.Components.SecuritySchemes["ApiKey"].Value
			require.Equal(t, []string{"apiKey", "header", "x-api-key"}, []string{key.Type, key.In, key.Name})
			require.Equal(t, openapi3.SecurityRequirements{{"ApiKey": []string{}}}, doc.Security)

			require.Len(t, operations(doc), len(want))
			for id, expected := range want {
				operation := doc.Paths.Value(expected.path).GetOperation(expected.method)
				require.NotNil(t, operation, id)
				require.Equal(t, id, operation.OperationID)
				require.EqualValues(t, expected.level, operation.Extensions["x-access-level"], id)
				require.NotEmpty(t, operation.Summary, id)
				require.NotEmpty(t, operation.Description, id)
				require.NotEmpty(t, operation.Tags, id)
				require.Nil(t, operation.Servers, "%s has servers of its own", id)
				require.Nil(t, operation.Security, "%s overrides the document's security", id)
				require.Equal(t, expected.body, bodyOf(operation), id)
				// One that is new and optional turns nobody away.
				require.Equal(t, expected.parameters(), slices.DeleteFunc(parameters(operation), func(p parameter) bool {
					return !p.required && !slices.Contains(expected.parameters(), p)
				}), id)
				require.Equal(t, expected.statuses(name), slices.Sorted(slices.Values(operation.Responses.Keys())), id)
			}
		})
	}
}

// operations returns all by their ids.
func operations(doc *openapi3.T) map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			all[operation.OperationID] = operation
		}
	}
	return all
}

// bodyOf is the schema of what a call has to send.
func bodyOf(operation *openapi3.Operation) string {
	if operation.RequestBody == nil || !operation.RequestBody.Value.Required {
		return ""
	}
	return strings.TrimPrefix(operation.RequestBody.Value.Content["application/json"].Schema.Ref, "#/components/schemas/")
}

// parameters follow from the path, and a POST takes a key.
func (d described) parameters() []parameter {
	all := []parameter{}
	for _, name := range []string{"clientId", "productRequestId"} {
		if strings.Contains(d.path, name) {
			all = append(all, parameter{name, "path", true, "^[A-Za-z0-9_-]{1,64}$"})
		}
	}
	if d.method == http.MethodPost {
		all = append(all, parameter{"Idempotency-Key", "header", false, "^[!-~]+$"})
	}
	return all
}

func (d described) statuses(doc string) []string {
	all := append(strings.Fields(d.errors), d.success)
	if doc == "openapi.yaml" {
		all = append(all, "2XX", "default")
	}
	return slices.Sorted(slices.Values(all))
}

// parameter is what matters of a parameter.
type parameter struct {
	name, in string
	required bool
	pattern  string
}

func parameters(operation *openapi3.Operation) []parameter {
	all := []parameter{}
	for _, ref := range operation.Parameters {
		all = append(all, parameter{ref.Value.Name, ref.Value.In, ref.Value.Required, ref.Value.Schema.Value.Pattern})
	}
	return all
}

func TestSpec_responses(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		for id, operation := range operations(doc) {
			for status, ref := range ordered(operation.Responses.Map()) {
				t.Run(name+" "+id+" "+status, func(t *testing.T) {
					t.Parallel()
					response := ref.Value
					require.True(t, response.Headers["X-Trace-Id"].Value.Required)
					schema := "Error"
					if status[0] == '2' {
						schema = want[id].response
					}
					if schema == "" {
						require.Empty(t, response.Content)
						return
					}
					require.Len(t, response.Content, 1)
					media := response.Content["application/json"]
					require.Equal(t, "#/components/schemas/"+schema, media.Schema.Ref)
					retryAfter := response.Headers["Retry-After"]
					switch status {
					case "429", "503":
						require.True(t, retryAfter.Value.Required)
					case "409", "default":
						require.False(t, retryAfter.Value.Required)
					default:
						require.Nil(t, retryAfter)
					}
					if schema == "Error" {
						require.Contains(t, media.Schema.Value.Required, "trace_id")
						require.Contains(t, media.Schema.Value.Required, "code")
					}
				})
			}
		}
	}
}

// TestSpec_errorExamples holds the codes and texts to the design: which code comes with which status.
func TestSpec_errorExamples(t *testing.T) {
	t.Parallel()
	usual := map[string][]api.ErrorCode{
		"400": {api.CodeBadRequest}, "401": {api.CodeAPIError, api.CodeAuth}, "404": {api.CodeNotFound},
		"409": {api.CodeIdempotencyInProgress}, "412": {api.CodeVal}, "413": {api.CodePayloadTooLarge}, "422": {api.CodeIdempotencyMismatch},
		"429": {api.CodeTooManyRequests}, "500": {api.CodeServerError}, "503": {api.CodeServiceUnavailable},
	}
	own := map[string][]api.ErrorCode{
		"createClient 400": {api.CodeBadRequest, api.CodeVal}, "updateClient 400": {api.CodeBadRequest, api.CodeVal},
		"requestProduct 409": {api.CodeIdempotencyInProgress, api.CodeVal}, "submitProduct 409": {api.CodeIdempotencyInProgress, api.CodeVal},
		"completeDocumentation 409": {api.CodeIdempotencyInProgress, api.CodeVal},
	}
	texts := map[string]string{ // documented, to the letter
		"submitProduct 409 VAL":     "The enablement request is not pending documentation",
		"createClient 400 VAL":      "Company client already exists for this company",
		"requestProduct 409 VAL":    "An enablement request is already active for this product",
		"requestProduct 412 VAL":    "Invalid product",
		"getClient 404 NOT_FOUND":   "Company client not found with id: 4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG",
		"listClients 401 AUTH":      "Invalid API key",
		"listClients 401 API_ERROR": "Access denied. The API Key is not authorized to do this operation.",
	}
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := map[string]bool{}
			for id, operation := range operations(doc) {
				for status, ref := range ordered(operation.Responses.Map()) {
					if status[0] == '2' || status == "default" {
						continue
					}
					var codes []api.ErrorCode
					for _, example := range mediaExamples(ref.Value.Content["application/json"]) {
						var body api.Error
						decode(t, example, &body)
						require.Equal(t, status == "429", body.ErrorCode == body.Code, status)
						codes = append(codes, body.Code)
						about := strings.Join([]string{id, status, string(body.Code)}, " ")
						found[about+" "+body.Message] = true
					}
					slices.Sort(codes)
					expected, special := own[id+" "+status]
					if !special {
						expected = usual[status]
					}
					require.Equal(t, expected, slices.Compact(codes), "%s %s", id, status)
				}
			}
			for about, text := range texts {
				require.True(t, found[about+" "+text], about)
			}
		})
	}
}

// mediaExamples returns the values of a media type's examples.
func mediaExamples(media *openapi3.MediaType) []any {
	var all []any
	if media.Example != nil {
		all = append(all, media.Example)
	}
	for _, ref := range ordered(media.Examples) {
		all = append(all, ref.Value.Value)
	}
	return all
}

// decode reads a document's value into a generated type, which must know every field of it.
func decode(tb testing.TB, value, into any) {
	tb.Helper()
	text, err := json.Marshal(value)
	require.NoError(tb, err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	require.NoError(tb, decoder.Decode(into))
}

func TestSpec_notification(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callbacks := submit(doc).Callbacks
			require.Len(t, callbacks, 1)
			callback := callbacks["requestInKyc"].Value
			require.Equal(t, 1, callback.Len())
			item := callback.Value(callback.Keys()[0])
			require.Len(t, item.Operations(), 1)
			notify := item.GetOperation(http.MethodPost)
			require.Equal(t, "notifyProvider", notify.OperationID)
			require.NotNil(t, notify.Security, "the document's security, the API key, would apply")
			require.Empty(t, *notify.Security)
			require.Equal(t, []parameter{
				{"webhook-id", "header", true, "^[A-Za-z0-9_-]{1,64}$"},
				{"webhook-timestamp", "header", true, "^[0-9]{1,12}$"},
				{"webhook-signature", "header", true, ""},
			}, parameters(notify))
			require.True(t, notify.RequestBody.Value.Required)
			media := notify.RequestBody.Value.Content["application/json"]
			require.Equal(t, "#/components/schemas/Notification", media.Schema.Ref)
			require.Equal(t, []string{"204", "410", "429", "default"}, slices.Sorted(slices.Values(notify.Responses.Keys())))

			// Its example is what the generated type writes, to the last field.
			for _, example := range mediaExamples(media) {
				var notification api.Notification
				decode(t, example, &notification)
				require.True(t, notification.Type.Valid())
				again, err := json.Marshal(notification)
				require.NoError(t, err)
				want, err := json.Marshal(example)
				require.NoError(t, err)
				require.JSONEq(t, string(want), string(again))
			}
		})
	}
}

// TestSpec_links: what is created says how to go on, by the ids that the response has.
func TestSpec_links(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		for _, status := range []struct{ id, status string }{{"createClient", "201"}, {"requestProduct", "201"}} {
			links := operations(doc)[status.id].Responses.Value(status.status).Value.Links
			require.NotEmpty(t, links)
			for name, link := range links {
				to := operations(doc)[link.Value.OperationID]
				require.NotNil(t, to, name)
				for parameter, value := range link.Value.Parameters {
					require.NotNil(t, to.Parameters.GetByInAndName("path", parameter), name)
					require.Regexp(t, `^\$response\.body#/(id|client_id)$`, value)
				}
			}
		}
	}
}

// TestSpec_seed holds the 200 to the response that the API documents.
func TestSpec_seed(t *testing.T) {
	t.Parallel()
	seed, err := os.ReadFile("testdata/seed.json")
	require.NoError(t, err)
	for name, doc := range documents(t) {
		example, err := json.Marshal(submit(doc).Responses.Status(200).Value.Content["application/json"].Examples["in_kyc"].Value.Value)
		require.NoError(t, err)
		require.JSONEq(t, string(seed), string(example), name)
	}

	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, seed))
	var submission api.EvaluatedProduct
	require.NoError(t, json.Unmarshal(seed, &submission))
	written, err := json.Marshal(submission)
	require.NoError(t, err)
	require.Equal(t, compact.String(), string(written))
}

// TestSpec_submissionExamples holds the generated types to the examples: no field gets lost.
func TestSpec_submissionExamples(t *testing.T) {
	t.Parallel()
	for _, doc := range documents(t) {
		examples := mediaExamples(submit(doc).Responses.Status(200).Value.Content["application/json"])
		require.Len(t, examples, 2)
		for _, example := range examples {
			var submission api.EvaluatedProduct
			decode(t, example, &submission)
			require.True(t, submission.Product.Status.Valid())
			require.True(t, submission.Product.Product.Valid())
			again, err := json.Marshal(submission)
			require.NoError(t, err)
			want, err := json.Marshal(example)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(again))
		}
	}
}

// TestSpec_copies: code that cannot read the specification has a pattern by hand, and must follow it.
func TestSpec_copies(t *testing.T) {
	t.Parallel()
	components := documents(t)["openapi.yaml"].Components
	for file, pattern := range map[string]string{
		"../../server/internal/dataset/check.go": components.Schemas["Id"].Value.Pattern,
		"../../client/notification/verify.go":    components.Parameters["WebhookId"].Value.Schema.Value.Pattern,
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, strings.Contains(string(text), "`"+pattern+"`"), "idForm of %s is not %s", file, pattern)
	}
}

// TestSpec_order makes sure that the generator keeps the order in which fields are described.
func TestSpec_order(t *testing.T) {
	t.Parallel()
	objects := 0
	for name, ref := range ordered(documents(t)["embedded"].Components.Schemas) {
		if len(ref.Value.Properties) == 0 {
			continue
		}
		objects++
		var orders []int
		for property, ref := range ordered(ref.Value.Properties) {
			// Beside a $ref, extensions belong to the reference.
			extensions := ref.Extensions
			if ref.Ref == "" {
				extensions = ref.Value.Extensions
			}
			order, ok := extensions["x-order"].(float64)
			require.True(t, ok, "%s.%s has no x-order", name, property)
			orders = append(orders, int(order))
		}
		slices.Sort(orders)
		for i, order := range orders {
			require.Equal(t, i+1, order, "%s has the x-order values %v", name, orders)
		}
	}
	require.Greater(t, objects, 10)
}

// A 5xx may come after a commit whose response was lost (server/cmd/enablementd, TestPostgres_commitUnknown), so
// none may say that nothing changed.
func TestSpec_serverErrorsLeaveTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		for status, response := range submit(doc).Responses.Map() {
			if !strings.HasPrefix(status, "5") {
				continue
			}
			text := *response.Value.Description
			require.Regexp(t, "not (known|certain)", strings.Join(strings.Fields(text), " "), "%s: %s", name, status)
			require.Contains(t, text, "Idempotency-Key", "%s: %s", name, status)
			require.NotContains(t, text, "Nothing changed", "%s: %s", name, status)
		}
	}
}
