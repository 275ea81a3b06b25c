package api_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

// oddities returns what DecodeLenientJSON says of a text.
func oddities(t *testing.T, text string, v any) []string {
	t.Helper()
	odd, err := api.DecodeLenientJSON([]byte(text), v)
	require.NoError(t, err)
	said := make([]string, len(odd))
	for i, o := range odd {
		said[i] = o.Error()
		require.NotContains(t, said[i], "secret")
		require.NotContains(t, said[i], "4711")
	}
	return said
}

func TestDecodeLenientJSON(t *testing.T) {
	t.Parallel()
	passport := api.RejectedItem{Type: "document", Key: "passport", Reason: "x"}
	for name, tt := range map[string]struct {
		text string
		want api.EvaluatedProduct
		odd  []string
	}{
		"nothing odd":        {`{"product":{"id":"a","Id":5},"new":{"a":1}}`, api.EvaluatedProduct{Product: api.Product{ID: "a"}}, []string{}},
		"null":               {`{"product":{"id":"a","rejection_code":null,"created_at":null},"rejected_items":null}`, api.EvaluatedProduct{Product: api.Product{ID: "a"}}, []string{}},
		"a number for text":  {`{"product":{"rejection_code":4711,"id":"a"}}`, api.EvaluatedProduct{Product: api.Product{ID: "a"}}, []string{"/product/rejection_code: a JSON number does not fit here"}},
		"an object for text": {`{"product":{"product":{"secret":[]},"id":"a"}}`, api.EvaluatedProduct{Product: api.Product{ID: "a"}}, []string{"/product/product: a JSON object does not fit here"}},
		"an object for a list": {
			`{"rejected_items":{"secret":1},"product":{"missing_requirements":[],"id":"a"}}`, api.EvaluatedProduct{Product: api.Product{ID: "a"}},
			[]string{"/rejected_items: a JSON object does not fit here", "/product/missing_requirements: a JSON array does not fit here"},
		},
		"within a list": {
			`{"rejected_items":[{"type":"document","key":"passport","reason":"x"},{"key":[],"reason":"y"},"secret"]}`,
			api.EvaluatedProduct{RejectedItems: []api.RejectedItem{passport, {Reason: "y"}, {}}},
			[]string{"/rejected_items/1/key: a JSON array does not fit here", "/rejected_items/2: a JSON string does not fit here"},
		},
		"text for a boolean, optional and not": {
			`{"product":{"missing_requirements":{"documents":[{"required":"secret","valid_documents":[{"id":"a","required":1},{"required":true}]}]}}}`,
			api.EvaluatedProduct{Product: api.Product{MissingRequirements: api.MissingRequirements{Documents: []api.DocumentRequirement{
				{ValidDocuments: []api.ValidDocument{{ID: "a", Required: new(bool)}, {Required: ptr(true)}}},
			}}}},
			[]string{
				"/product/missing_requirements/documents/0/required: a JSON string does not fit here",
				"/product/missing_requirements/documents/0/valid_documents/0/required: a JSON number does not fit here",
			},
		},
		"not UTF-8": {
			"{\"product\":{\"rejection_code\":\"Jos\xe9\",\"id\":5}}", api.EvaluatedProduct{Product: api.Product{RejectionCode: "Jos\ufffd"}},
			[]string{"/product/id: a JSON number does not fit here", "line 1, column 34: /product/rejection_code: this is not UTF-8"},
		},
		"half a surrogate pair": {
			`{"product":{"rejection_code":"a\ud800"}}`, api.EvaluatedProduct{Product: api.Product{RejectionCode: "a\ufffd"}},
			[]string{"line 1, column 32: /product/rejection_code: this is no escape of JSON, or half of a surrogate pair"},
		},
		"another type altogether": {`["secret"]`, api.EvaluatedProduct{}, []string{"a JSON array does not fit here"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := api.EvaluatedProduct{Product: api.Product{ClientID: "of before"}}
			if len(tt.odd) == 0 {
				got = api.EvaluatedProduct{}
			}
			require.Equal(t, tt.odd, oddities(t, tt.text, &got))
			require.Equal(t, tt.want, got)
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestDecodeLenientJSON_timestamps(t *testing.T) {
	t.Parallel()
	const form = "/created_at: timestamp is not of the form 2006-01-02T15:04:05, with or without a fraction and a zone"
	moment := time.Date(2026, 4, 16, 9, 20, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		`"2026-04-16T11:20:00+0200"`:       moment,
		`"2026-04-16T11:20:00+02"`:         moment,
		`"2026-04-16T06:20:00 -03:00"`:     moment,
		`"2026-04-16 09:20:00"`:            moment,
		`"2026-04-16 11:20:00 +0200"`:      moment,
		`"2026-04-16 09:20:00Z"`:           moment,
		`"2026-04-16T09:20:00 UTC"`:        moment,
		`"2026-04-16T09:20:00GMT"`:         moment,
		`"2026-04-16T09:20"`:               moment,
		`"2026-04-16T09:20Z"`:              moment,
		`"2026-04-16t09:20:00z"`:           moment,
		`" 2026-04-16T09:20:00\n"`:         moment,
		`"2026-04-16T09:20:00,5"`:          moment.Add(time.Second / 2),
		`"2026-04-16T09:20:00,123456789z"`: moment.Add(123_456_789),
	} {
		var product api.Product
		require.Equal(t, []string{form + "; read as 2026-04-16T09:20:00"}, oddities(t, `{"created_at":`+text+`,"id":"a"}`, &product))
		require.Equal(t, want, product.CreatedAt.Time, text)
		require.Equal(t, "a", product.ID)
	}
	for _, text := range []string{
		`""`, `"secret"`, `"2026-04-16"`, `"2026-04"`, `"2026-02-30 10:00"`, `"2026-04-16 25:00"`, `"16.04.2026 09:20"`, `"1776331200"`,
		`"2026-04-16T09:20.5"`, `"2026-04-16T09:20:00 CET"`, `"Thu, 16 Apr 2026 09:20:00 GMT"`, `"9999-12-31 23:59:59-0001"`,
		`4711`, `1.5e400`, `true`, `{}`, `["2026-04-16 09:20"]`,
	} {
		var product api.Product
		said := oddities(t, `{"created_at":`+text+`,"id":"a"}`, &product)
		require.Len(t, said, 1, text)
		require.Contains(t, said[0], "/created_at: ", text)
		require.NotContains(t, said[0], "read as", text)
		require.True(t, product.CreatedAt.IsZero(), text)
		require.Equal(t, "a", product.ID)
	}
}

func TestDecodeLenientJSON_refuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text, want string
		cut        bool
	}{
		"empty":                      {"", "the text is empty", true},
		"cut":                        {`{"id":"a","created_at":5`, "the text ends", true},
		"cut in a string":            {`{"id":"a`, "the text ends", true},
		"HTML":                       {`<html>`, "this is not JSON", false},
		"twice":                      {`{"id":"a","id":"b"}`, "/id: this field stands twice", false},
		"twice behind an oddity":     {`{"id":5,"status":"a","status":"b"}`, "/status: this field stands twice", false},
		"twice in what does not fit": {`{"id":{"a":1,"a":2}}`, "/id/a: this field stands twice", false},
		"twice behind a bad byte":    {"{\"id\":\"\xff\",\"status\":\"a\",\"status\":\"b\"}", "/status: this field stands twice", false},
		"data after the value":       {`{} {}`, "this is not JSON", false},
		"UTF-16":                     {"\xff\xfe{\x00", "UTF-16", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := api.DecodeLenientJSON([]byte(tt.text), new(api.Product))
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, tt.cut, errors.Is(err, io.ErrUnexpectedEOF))
		})
	}
	// A list of many odd values is read once, not once for each.
	var s api.EvaluatedProduct
	odd, err := api.DecodeLenientJSON([]byte(`{"rejected_items":[`+strings.Repeat("5,", 100_000)+`5]}`), &s)
	require.NoError(t, err)
	require.Len(t, odd, 100_001)
}
