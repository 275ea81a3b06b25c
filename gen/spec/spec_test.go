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

// submit returns the one operation.
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
		require.Nil(t, closed.AdditionalProperties.Has, name)
		if schema.Type.Is(openapi3.TypeObject) {
			objects++
			require.NotNil(t, schema.AdditionalProperties.Has, name)
			require.True(t, *schema.AdditionalProperties.Has, name)
		}
	}
	require.Equal(t, []int{6, 12}, []int{vocabularies, objects})
	for _, status := range []string{"2XX", "default"} {
		require.NotNil(t, submit(written).Responses.Value(status))
		require.Nil(t, submit(embedded).Responses.Value(status))
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
			"Product": {"id", "client_id"}, "NotificationData": {"id", "client_id", "company_id"},
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

func TestSpec_operation(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, "3.0.3", doc.OpenAPI)
			require.Equal(t, []string{submitPath}, doc.Paths.Keys())
			require.Len(t, doc.Paths.Value(submitPath).Operations(), 1)
			var servers []string
			for _, server := range doc.Servers {
				servers = append(servers, server.URL)
			}
			require.Equal(t, []string{"https://api.cryptomate.me", "https://api.sandbox.cryptomate.me"}, servers)

			operation := submit(doc)
			require.NotNil(t, operation)
			require.Equal(t, "submitProduct", operation.OperationID)
			require.EqualValues(t, 3, operation.Extensions["x-access-level"])
			require.NotEmpty(t, operation.Summary)
			require.NotEmpty(t, operation.Description)
			require.NotEmpty(t, operation.Tags)
			require.Nil(t, operation.RequestBody)
			require.Nil(t, operation.Servers, "the operation has servers of its own")

			key := doc.Components.SecuritySchemes["ApiKey"].Value
			require.Equal(t, []string{"apiKey", "header", "x-api-key"}, []string{key.Type, key.In, key.Name})
			require.Nil(t, operation.Security, "the operation overrides the document's security")
			require.Equal(t, openapi3.SecurityRequirements{{"ApiKey": []string{}}}, doc.Security)

			require.Equal(t, []parameter{
				{"clientId", "path", true, "^[A-Za-z0-9_-]{1,64}$"},
				{"productRequestId", "path", true, "^[A-Za-z0-9_-]{1,64}$"},
				{"Idempotency-Key", "header", false, "^[!-~]+$"},
			}, parameters(operation))
			idempotency := operation.Parameters[2].Value.Schema.Value
			require.EqualValues(t, 1, idempotency.MinLength)
			require.EqualValues(t, 255, *idempotency.MaxLength)
		})
	}
}

// parameter is what matters of a parameter.
type parameter struct {
	name, in string
	required bool
	pattern  string
}

func parameters(operation *openapi3.Operation) []parameter {
	var all []parameter
	for _, ref := range operation.Parameters {
		all = append(all, parameter{ref.Value.Name, ref.Value.In, ref.Value.Required, ref.Value.Schema.Value.Pattern})
	}
	return all
}

func TestSpec_replies(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			responses := submit(doc).Responses
			statuses := []string{"200", "400", "401", "404", "409", "413", "422", "429", "500", "503"}
			if name == "openapi.yaml" {
				statuses = append(statuses, "2XX", "default")
				slices.Sort(statuses)
			}
			require.Equal(t, statuses, slices.Sorted(slices.Values(responses.Keys())))
			for status, ref := range ordered(responses.Map()) {
				response := ref.Value
				require.Len(t, response.Content, 1, status)
				media := response.Content["application/json"]
				require.NotNil(t, media, status)
				schema := "Error"
				if status[0] == '2' {
					schema = "EvaluatedProduct"
				}
				require.Equal(t, "#/components/schemas/"+schema, media.Schema.Ref, status)

				require.Contains(t, response.Headers, "X-Trace-Id", status)
				require.True(t, response.Headers["X-Trace-Id"].Value.Required, status)
				retryAfter := response.Headers["Retry-After"]
				switch status {
				case "429", "503":
					require.NotNil(t, retryAfter, status)
					require.True(t, retryAfter.Value.Required, status)
				case "409", "default":
					require.NotNil(t, retryAfter, status)
					require.False(t, retryAfter.Value.Required, status)
				default:
					require.Nil(t, retryAfter, status)
				}
				if status[0] != '2' {
					require.Contains(t, media.Schema.Value.Required, "trace_id", status)
					require.Contains(t, media.Schema.Value.Required, "code", status)
				}
			}
		})
	}
}

// TestSpec_errorExamples holds the codes and texts to the design: which code comes with which status.
func TestSpec_errorExamples(t *testing.T) {
	t.Parallel()
	want := map[string][]api.ErrorCode{
		"400": {api.CodeBadRequest}, "401": {api.CodeAPIError, api.CodeAuth}, "404": {api.CodeNotFound},
		"409": {api.CodeIdempotencyInProgress, api.CodeVal}, "413": {api.CodePayloadTooLarge}, "422": {api.CodeIdempotencyMismatch},
		"429": {api.CodeTooManyRequests}, "500": {api.CodeServerError}, "503": {api.CodeServiceUnavailable},
	}
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string][]api.ErrorCode{}
			messages := map[api.ErrorCode]string{}
			for status, ref := range ordered(submit(doc).Responses.Map()) {
				if status[0] == '2' || status == "default" {
					continue
				}
				for _, example := range mediaExamples(ref.Value.Content["application/json"]) {
					var body api.Error
					decode(t, example, &body)
					require.Equal(t, status == "429", body.ErrorCode == body.Code, status)
					if !slices.Contains(got[status], body.Code) {
						got[status] = append(got[status], body.Code)
					}
					messages[body.Code] = body.Message
				}
				slices.Sort(got[status])
			}
			require.Equal(t, want, got)
			require.Equal(t, "The enablement request is not pending documentation", messages[api.CodeVal])
			require.Equal(t, "Invalid API key", messages[api.CodeAuth])
			require.Equal(t, "Access denied. The API Key is not authorized to do this operation.", messages[api.CodeAPIError])
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

// A 5xx may come after a commit whose answer was lost (server/cmd/enablementd, TestPostgres_commitUnknown), so
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
