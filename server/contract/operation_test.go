package contract_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/contract"
)

// another is a specification with operations of other shapes: a list at the root, a body, a success without one.
const another = `
openapi: 3.0.3
info: {title: Boxes, version: 1.0.0}
paths:
  /boxes:
    get:
      operationId: listBoxes
      responses:
        '200': {description: all, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Box'}}}}}
    post:
      operationId: createBox
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/BoxInput'}}}
      responses:
        '201': {description: one, content: {application/json: {schema: {$ref: '#/components/schemas/Box'}}}}
        '404': {description: none}
  /boxes/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    delete:
      operationId: deleteBox
      responses: {'204': {description: gone}}
    patch:
      operationId: turnBox
      requestBody: {content: {application/json: {schema: {type: object, additionalProperties: true, properties: {up: {type: boolean}}}}}}
      responses: {'202': {description: soon}}
components:
  schemas:
    Box: {type: object, required: [id], properties: {id: {type: string}, label: {type: string}, size: {type: integer, minimum: 1}}}
    BoxInput:
      type: object
      additionalProperties: false
      required: [label]
      properties: {label: {type: string, maxLength: 5}, size: {type: integer, minimum: 1}, day: {type: string, format: date}}
`

// TestDescription shows that the engine takes any operation, whatever its request and its success look like.
func TestDescription(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call, sent string
		status     int
		received   string
		want       []string
	}{
		"list":                  {"GET /boxes", "", 200, `[{"id":"a"},{"id":"b","size":1}]`, nil},
		"empty list":            {"GET /boxes", "", 200, `[]`, nil},
		"item of a list":        {"GET /boxes", "", 200, `[{"id":"a"},{"size":0,"x":1}]`, []string{"schema.required /1/id", "schema.value /1/size", "schema.undeclared_field /1/x"}},
		"integer with a point":  {"GET /boxes", "", 200, `[{"id":"a","size":1.0},{"id":"b","size":1e0},{"id":"c","size":1}]`, []string{"schema.type /0/size", "schema.type /1/size"}},
		"integer by a caller":   {"POST /boxes", `{"label":"a","size":1.0}`, 404, ``, []string{"schema.type request /size"}},
		"object for a list":     {"GET /boxes", "", 200, `{}`, []string{"schema.type "}},
		"body of a list":        {"GET /boxes", `{}`, 404, ``, []string{"request.body request", "response.status status"}},
		"created":               {"POST /boxes", `{"label":"a"}`, 201, `{"id":"1","label":"a"}`, nil},
		"no body":               {"POST /boxes", ``, 404, ``, []string{"request.body request"}},
		"created of nothing":    {"POST /boxes", ``, 201, `{"id":"1"}`, []string{"request.body request", "response.accepted status"}},
		"unknown field":         {"POST /boxes", `{"label":"a","lable":"b"}`, 404, ``, []string{"schema.undeclared_field request /lable"}},
		"missing field":         {"POST /boxes", `{"size":1}`, 404, ``, []string{"schema.required request /label"}},
		"too long":              {"POST /boxes", `{"label":"abcdef"}`, 404, ``, []string{"schema.value request /label"}},
		"too small":             {"POST /boxes", `{"label":"a","size":0}`, 404, ``, []string{"schema.value request /size"}},
		"of another type":       {"POST /boxes", `{"label":1}`, 404, ``, []string{"schema.type request /label"}},
		"no such day":           {"POST /boxes", `{"label":"a","day":"2025-02-30"}`, 404, ``, []string{"schema.value request /day"}},
		"field twice":           {"POST /boxes", `{"label":"a","label":"b"}`, 404, ``, []string{"json.duplicate_key request /label"}},
		"trailing":              {"POST /boxes", `{"label":"a"} x`, 404, ``, []string{"json.trailing request"}},
		"no JSON":               {"POST /boxes", `label=a`, 404, ``, []string{"json.syntax request"}},
		"wrong on both sides":   {"POST /boxes", `{"label":1}`, 201, `{"id":"1","label":1}`, []string{"schema.type request /label", "schema.type /label", "response.accepted status"}},
		"not what was sent":     {"POST /boxes", `{"label":"a"}`, 201, `{"id":"1","label":"b"}`, []string{"response.echo /label"}},
		"more than was sent":    {"POST /boxes", `{"label":"a"}`, 201, `{"id":"1","label":"a","size":1}`, []string{"response.echo /size"}},
		"another success":       {"POST /boxes", `{"label":"a"}`, 200, `{"id":"1","label":"a"}`, []string{"response.status status"}},
		"deleted":               {"DELETE /boxes/1", "", 204, ``, nil},
		"deleted, with a body":  {"DELETE /boxes/1", "", 204, `{}`, []string{"response.empty "}},
		"body that may be":      {"PATCH /boxes/1", `{"up":true,"more":1}`, 202, ``, nil},
		"body that need not be": {"PATCH /boxes/1", ``, 202, ``, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(test.call, " ")
			r := httptest.NewRequest(method, "https://api.test"+path, strings.NewReader(test.sent))
			if test.sent != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			answer := response(test.status, test.received)
			delete(answer.Header, "X-Trace-Id") // which this one does not have
			var found []string
			for _, f := range newContract(t, contract.Describing(another)).Check(r, answer) {
				found = append(found, f.Rule+" "+f.Pointer)
			}
			require.ElementsMatch(t, test.want, found)
		})
	}
}

// TestDescription_mediaType: what is sent as another type is not looked at.
func TestDescription_mediaType(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "https://api.test/boxes", strings.NewReader(`{"label":"a"}`))
	r.Header.Set("Content-Type", "text/plain")
	require.Equal(t, []string{"request.media_type"}, rulesOf(newContract(t, contract.Describing(another)).CheckRequest(r)))
}
