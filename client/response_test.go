package client_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// kinds are all that an error can be asked for.
var kinds = []error{
	client.ErrInvalidInput, client.ErrBadRequest, client.ErrUnauthorized, client.ErrNotFound, client.ErrNotPending,
	client.ErrActive, client.ErrExists, client.ErrPrecondition, client.ErrRateLimited, client.ErrServer, client.ErrRedirect, client.ErrInvalidResponse,
}

// requireKind makes sure that an error is of this kind only, or of none.
func requireKind(tb testing.TB, err, want error) {
	tb.Helper()
	for _, kind := range kinds {
		if want != nil && kind.Error() == want.Error() {
			require.ErrorIs(tb, err, kind)
		} else {
			require.NotErrorIs(tb, err, kind)
		}
	}
}

func TestClient_SubmitProduct_errorResponses(t *testing.T) {
	t.Parallel()
	const (
		date      = "Thu, 16 Apr 2026 09:20:00 GMT"
		elsewhere = "; this is not a response of the API: check the base URL"
	)
	for _, tt := range []struct {
		name   string
		status int
		body   string
		header []string
		kind   error
		want   client.Error
		text   string
	}{
		{
			name: "as documented", status: 409, kind: client.ErrNotPending,
			body: `{"code":"VAL","message":"The enablement request is not pending documentation","trace_id":"` + trace + `"}`,
			want: client.Error{Code: api.CodeVal, Message: "The enablement request is not pending documentation", TraceID: trace},
			text: "submit product: 409 VAL: The enablement request is not pending documentation (trace " + trace + ")",
		},
		{
			name: "conflict of idempotency keys", status: 409, header: []string{"Retry-After", "1"},
			body: `{"code":"IDEMPOTENCY_IN_PROGRESS","message":"still running"}`,
			want: client.Error{Code: api.CodeIdempotencyInProgress, Message: "still running", RetryAfter: time.Second},
			text: "submit product: 409 IDEMPOTENCY_IN_PROGRESS: still running",
		},
		{
			name: "conflict without a code", status: 409, body: `{"message":"no"}`, kind: client.ErrNotPending,
			want: client.Error{Message: "no"}, text: "submit product: 409: no",
		},
		{
			name: "conflict with a code of another status", status: 409, body: `{"code":"BAD_REQUEST","message":"no"}`, kind: client.ErrNotPending,
			want: client.Error{Code: api.CodeBadRequest, Message: "no"}, text: "submit product: 409 BAD_REQUEST: no",
		},
		{
			name: "conflict with a code that is not known", status: 409, body: `{"error_code":"PRODUCT_STATE","message":"no"}`, kind: client.ErrNotPending,
			want: client.Error{Code: "PRODUCT_STATE", Message: "no"}, text: "submit product: 409 PRODUCT_STATE: no",
		},
		{name: "conflict in HTML", status: 409, body: "<html>", kind: client.ErrNotPending, text: "submit product: 409: Conflict"},
		{name: "conflict without a body", status: 409, kind: client.ErrNotPending, text: "submit product: 409: Conflict"},
		{
			name: "another request under the key, as a conflict", status: 409, body: `{"code":"IDEMPOTENCY_MISMATCH"}`,
			want: client.Error{Code: api.CodeIdempotencyMismatch}, text: "submit product: 409 IDEMPOTENCY_MISMATCH: Conflict",
		},
		{
			name: "another code about the key", status: 409, body: `{"code":"IDEMPOTENCY_KEY_IN_USE"}`,
			want: client.Error{Code: "IDEMPOTENCY_KEY_IN_USE"}, text: "submit product: 409 IDEMPOTENCY_KEY_IN_USE: Conflict",
		},
		{
			name: "names in another case", status: 404, kind: client.ErrNotFound, body: `{"code":"NOT_FOUND","Code":"VAL","MESSAGE":"x","message":"m"}`,
			want: client.Error{Code: api.CodeNotFound, Message: "m"}, text: "submit product: 404 NOT_FOUND: m",
		},
		{name: "a name twice", status: 404, kind: client.ErrNotFound, body: `{"code":"A","message":"m","code":"B"}`, text: "submit product: 404: Not Found" + elsewhere},
		{name: "HTML of another server", status: 404, kind: client.ErrNotFound, body: "<html>", text: "submit product: 404: Not Found" + elsewhere},
		{name: "nothing of another server", status: 404, kind: client.ErrNotFound, text: "submit product: 404: Not Found" + elsewhere},
		{
			name: "JSON of a gateway", status: 404, kind: client.ErrNotFound, body: `{"message":"no Route matched with those values","request_id":"1"}`,
			want: client.Error{Message: "no Route matched with those values"}, text: "submit product: 404: no Route matched with those values" + elsewhere,
		},
		{
			name: "a code that is a number", status: 404, kind: client.ErrNotFound, body: `{"code":5,"message":"Not Found","details":[]}`,
			want: client.Error{Message: "Not Found"}, text: "submit product: 404: Not Found" + elsewhere,
		},
		{name: "JSON that is no object", status: 404, kind: client.ErrNotFound, body: `["code"]`, text: "submit product: 404: Not Found" + elsewhere},
		{name: "a static site", status: 405, body: "<html>", text: "submit product: 405: Method Not Allowed" + elsewhere},
		{name: "another host's certificate", status: 421, body: "<html>", text: "submit product: 421: Misdirected Request" + elsewhere},
		{
			name: "with a code that is not known", status: 404, kind: client.ErrNotFound, body: `{"code":"CLIENT_GONE","message":"m"}`,
			want: client.Error{Code: "CLIENT_GONE", Message: "m"}, text: "submit product: 404 CLIENT_GONE: m",
		},
		{
			name: "byte order mark", status: 404, kind: client.ErrNotFound, body: "\ufeff" + `{"code":"NOT_FOUND","message":"m"}`,
			want: client.Error{Code: api.CodeNotFound, Message: "m"}, text: "submit product: 404 NOT_FOUND: m",
		},
		{
			name: "not UTF-8", status: 400, kind: client.ErrBadRequest, body: "{\"code\":\"BAD_REQUEST\",\"message\":\"Jos\xe9\"}",
			want: client.Error{Code: api.CodeBadRequest, Message: "Jos\ufffd"}, text: "submit product: 400 BAD_REQUEST: Jos\ufffd",
		},
		{
			name: "a message of another type", status: 400, kind: client.ErrBadRequest, body: `{"message":["a"],"code":"BAD_REQUEST","error_code":{}}`,
			want: client.Error{Code: api.CodeBadRequest}, text: "submit product: 400 BAD_REQUEST: Bad Request",
		},
		{
			name: "VAL is not always a conflict", status: 412, kind: client.ErrPrecondition, body: `{"code":"VAL","message":"no"}`,
			want: client.Error{Code: api.CodeVal, Message: "no"}, text: "submit product: 412 VAL: no",
		},
		{
			name: "rate limit, as documented elsewhere", status: 429, kind: client.ErrRateLimited,
			body: `{"error_code":"TOO_MANY_REQUESTS","message":"Rate limit exceeded. Retry after 4 seconds"}`, header: []string{"Retry-After", "4"},
			want: client.Error{Code: api.CodeTooManyRequests, Message: "Rate limit exceeded. Retry after 4 seconds", RetryAfter: 4 * time.Second},
			text: "submit product: 429 TOO_MANY_REQUESTS: Rate limit exceeded. Retry after 4 seconds",
		},
		{
			name: "both names of the code", status: 429, kind: client.ErrRateLimited,
			body: `{"error_code":"A","code":"B","message":"m"}`,
			want: client.Error{Code: "B", Message: "m", RetryAfter: time.Second}, text: "submit product: 429 B: m",
		},
		{
			name: "trace id in the header", status: 404, kind: client.ErrNotFound,
			body: `{"code":"NOT_FOUND","message":"m"}`, header: []string{"X-Trace-Id", "abc"},
			want: client.Error{Code: api.CodeNotFound, Message: "m", TraceID: "abc"}, text: "submit product: 404 NOT_FOUND: m (trace abc)",
		},
		{
			name: "trace id in both", status: 404, kind: client.ErrNotFound,
			body: `{"code":"NOT_FOUND","message":"m","trace_id":"body"}`, header: []string{"X-Trace-Id", "header"},
			want: client.Error{Code: api.CodeNotFound, Message: "m", TraceID: "body"}, text: "submit product: 404 NOT_FOUND: m (trace body)",
		},
		{
			name: "fields of another type", status: 400, kind: client.ErrBadRequest,
			body: `{"code":17,"message":"m","trace_id":{}}`, header: []string{"X-Trace-Id", "abc"},
			want: client.Error{Message: "m", TraceID: "abc"}, text: "submit product: 400: m (trace abc)",
		},
		{
			name: "line breaks in the message", status: 400, kind: client.ErrBadRequest,
			body: `{"message":"a\r\nb\u001b[31m"}`,
			want: client.Error{Message: "a\r\nb\x1b[31m"}, text: "submit product: 400: a  b [31m",
		},
		{
			name: "HTML", status: 502, kind: client.ErrServer, body: "<html><h1>Bad Gateway</h1></html>",
			text: "submit product: 502: Bad Gateway",
		},
		{name: "empty", status: 401, kind: client.ErrUnauthorized, text: "submit product: 401: Unauthorized"},
		{name: "null", status: 401, kind: client.ErrUnauthorized, body: "null", text: "submit product: 401: Unauthorized"},
		{name: "list", status: 503, kind: client.ErrServer, body: `[{"code":"VAL"}]`, text: "submit product: 503: Service Unavailable"},
		{name: "cut off", status: 500, kind: client.ErrServer, body: `{"code":"SERVER_ERR`, text: "submit product: 500: Internal Server Error"},
		{name: "forbidden", status: 403, text: "submit product: 403: Forbidden"},
		{name: "last of 5xx", status: 599, kind: client.ErrServer, text: "submit product: 599"},
		{name: "unknown 4xx", status: 499, text: "submit product: 499"},
		{
			name: "too large", status: 500, kind: client.ErrServer, body: strings.Repeat(" ", 1<<20) + `{"message":"m"}`,
			want: client.Error{Body: []byte(strings.Repeat(" ", 16<<10))}, text: "submit product: 500: Internal Server Error",
		},
		{
			name: "retry at a date", status: 503, kind: client.ErrServer, header: []string{"Date", date, "Retry-After", "Thu, 16 Apr 2026 09:21:30 GMT"},
			want: client.Error{RetryAfter: 90 * time.Second}, text: "submit product: 503: Service Unavailable",
		},
		{
			name: "retry at a date that passed", status: 503, kind: client.ErrServer, header: []string{"Date", date, "Retry-After", "Thu, 16 Apr 2026 09:19:59 GMT"},
			text: "submit product: 503: Service Unavailable",
		},
		{
			name: "retry after nonsense", status: 503, kind: client.ErrServer, header: []string{"Retry-After", "soon"},
			text: "submit product: 503: Service Unavailable",
		},
		{
			name: "retry after less than nothing", status: 503, kind: client.ErrServer, header: []string{"Retry-After", "-4"},
			text: "submit product: 503: Service Unavailable",
		},
		{
			name: "retry after ages", status: 503, kind: client.ErrServer, header: []string{"Retry-After", "99999999999999999999"},
			want: client.Error{RetryAfter: 4294967295 * time.Second}, text: "submit product: 503: Service Unavailable",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, answer(tt.status, "application/json", tt.body, tt.header...))
			failed := callFails(t, c)
			requireKind(t, failed, tt.kind)
			require.EqualError(t, failed, tt.text)
			if tt.want.Body == nil {
				tt.want.Body = []byte(tt.body)
			}
			tt.want.Operation, tt.want.StatusCode = "submitProduct", tt.status
			require.Len(t, failed.Attempts, 1)
			require.NotEmpty(t, failed.IdempotencyKey)
			tt.want.Attempts, tt.want.IdempotencyKey, tt.want.Outcome = failed.Attempts, failed.IdempotencyKey, failed.Outcome
			client.Forget(failed)
			require.Equal(t, &tt.want, failed)
		})
	}
}

func TestClient_SubmitProduct_retryAtADateWithoutTheServersClock(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Date"] = nil
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	require.InDelta(t, time.Hour, callFails(t, c).RetryAfter, float64(time.Minute))
}

func TestClient_SubmitProduct_successResponses(t *testing.T) {
	t.Parallel()
	documented := seed(t)
	with := func(old, replacement string) string {
		require.Contains(t, documented, old)
		return strings.Replace(documented, old, replacement, 1)
	}
	for name, tt := range map[string]struct{ contentType, body string }{
		"as documented":             {"application/json", documented},
		"charset":                   {"application/json; charset=utf-8", documented},
		"byte order mark":           {"application/json", "\ufeff" + documented},
		"names in other cases":      {"application/json", with(`"status"`, `"Status": "rejected", "STATUS": 5, "status"`)},
		"other case":                {"Application/JSON", documented},
		"parameter without a value": {"application/json; charset", documented},
		"white space around it":     {"application/json", "\r\n\t " + documented + " \n"},
		"unknown fields":            {"application/json", with(`"rejected_items"`, `"next": {"a": [1, null]}, "rejected_items"`)},
		"unknown status":            {"application/json", with(`"in_kyc"`, `"on_hold"`)},
		"unknown product":           {"application/json", with(`"cards_individuals"`, `"loans"`)},
		"zone":                      {"application/json", with("2026-04-16T09:20:00", "2026-04-16T09:20:00Z")},
		"other zone and fraction":   {"application/json", with("2026-04-16T09:20:00", "2026-04-16T06:20:00.123456789-03:00")},
		"rejection code": {
			"application/json",
			with(`"created_at"`, `"rejection_code": "X", "rejection_description": null, "created_at"`),
		},
		"almost too large": {"application/json", documented + strings.Repeat(" ", 1<<20-len(documented))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, answer(200, tt.contentType, tt.body))
			var response client.Response
			submission, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
			require.NoError(t, err)
			require.Equal(t, requestID, submission.Product.ID)
			require.Equal(t, "2026-04-16T09:20:00", submission.Product.UpdatedAt.String())
			require.NotNil(t, submission.RejectedItems)
			require.Empty(t, response.Oddities)
		})
	}

	t.Run("unknown values are told", func(t *testing.T) {
		t.Parallel()
		c := serve(t, answer(200, "application/json", with(`"in_kyc"`, `"on_hold"`)))
		submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
		require.NoError(t, err)
		require.Equal(t, api.ProductStatus("on_hold"), submission.Product.Status)
		require.False(t, submission.Product.Status.Valid())
	})

	for name, tt := range map[string]struct{ contentType, body, want string }{
		"HTML":                       {"text/html; charset=utf-8", "<html>", `the media type is "text/html; charset=utf-8", not application/json: line 1, column 1: this is not JSON; check the base URL`},
		"HTML as JSON":               {"application/json", "<html>", "line 1, column 1: this is not JSON"},
		"HTML without a media type":  {"", "<!doctype html>", `the media type is "", not application/json: line 1, column 1: this is not JSON`},
		"empty":                      {"application/json", "", "the text is empty"},
		"white space":                {"application/json", " \n", "the text is empty"},
		"byte order mark only":       {"application/json", "\ufeff", "the text is empty"},
		"null":                       {"application/json", "null", "product.id is missing"},
		"list":                       {"application/json", "[]", "a JSON array does not fit here"},
		"string":                     {"application/json", `"in_kyc"`, "a JSON string does not fit here"},
		"number":                     {"application/json", "1", "a JSON number does not fit here"},
		"empty object":               {"application/json", "{}", "product.id is missing"},
		"cut off":                    {"application/json", documented[:len(documented)-10], "the text ends before the value does"},
		"twice":                      {"application/json", documented + documented, "this is not JSON"},
		"text after it":              {"application/json", documented + "<!-- proxy -->", "this is not JSON"},
		"product null":               {"application/json", `{"product":null,"rejected_items":[]}`, "product.id is missing"},
		"product without its object": {"application/json", `{"product":"cards_individuals"}`, "/product: a JSON string does not fit here"},
		"without the wrapper":        {"application/json", `{"id":"` + requestID + `","status":"in_kyc"}`, "product.id is missing"},
		"no id":                      {"application/json", with(`"`+requestID+`"`, `""`), "product.id is missing"},
		"id of another type":         {"application/json", with(`"`+requestID+`"`, `5`), "/product/id: a JSON number does not fit here"},
		"no status":                  {"application/json", with(`"in_kyc"`, `""`), "product.status is missing"},
		"null status":                {"application/json", with(`"in_kyc"`, `null`), "product.status is missing"},
		"status of another type":     {"application/json", with(`"in_kyc"`, `["in_kyc"]`), "/product/status: a JSON array does not fit here"},
		"status not UTF-8":           {"application/json", with(`"in_kyc"`, "\"in_kyc\xff\""), "/product/status: this is not UTF-8"},
		"status in another case":     {"application/json", with(`"status"`, `"Status"`), "product.status is missing"},
		"status twice":               {"application/json", with(`"status"`, `"status": "rejected", "status"`), "/product/status: this field stands twice"},
		"a detail twice":             {"application/json", with(`"rejected_items"`, `"rejected_items": [], "rejected_items"`), "/rejected_items: this field stands twice"},
		"another request":            {"application/json", with(requestID, "other"), "product.id is not that"},
		"another client":             {"application/json", with(clientID, "other"), "product.client_id is not that"},
		"a client of another type":   {"application/json", with(`"`+clientID+`"`, `{}`), "/product/client_id: a JSON object does not fit here"},
		"too large":                  {"application/json", documented + strings.Repeat(" ", 1<<20), "larger than 1048576 bytes"},
		"an error":                   {"application/json", `{"code":"VAL","message":"m","trace_id":"abc"}`, "product.id is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, answer(200, tt.contentType, tt.body, "X-Trace-Id", trace))
			failed := callFails(t, c)
			requireKind(t, failed, client.ErrInvalidResponse)
			require.Equal(t, 200, failed.StatusCode)
			require.Equal(t, client.Unknown, failed.Outcome)
			require.NotEmpty(t, failed.TraceID)
			require.ErrorContains(t, failed, ": invalid response: ")
			require.ErrorContains(t, failed, tt.want)
			require.LessOrEqual(t, len(failed.Body), 16<<10)
			require.True(t, strings.HasPrefix(tt.body, string(failed.Body)))
		})
	}
}

// TestClient_SubmitProduct_oddities: what is certain is not thrown away for a detail; the strict client
// refuses the same response.
func TestClient_SubmitProduct_oddities(t *testing.T) {
	t.Parallel()
	documented := seed(t)
	with := func(replace ...string) string {
		for i := 0; i < len(replace); i += 2 {
			require.Contains(t, documented, replace[i])
		}
		return strings.NewReplacer(replace...).Replace(documented)
	}
	const updated = "2026-04-16T09:20:00"
	const form = "/product/updated_at: timestamp is not of the form 2006-01-02T15:04:05, with or without a fraction and a zone"
	const readAs = form + "; read as " + updated
	type want struct {
		oddities []string
		// what is read all the same
		product, client bool
		updatedAt       bool
		documents, data bool
		rejectedItems   bool
	}
	all := want{nil, true, true, true, true, true, true}
	but := func(change func(*want), oddities ...string) want {
		w := all
		w.oddities = oddities
		change(&w)
		return w
	}
	intact := func(*want) {}
	noTime := func(w *want) { w.updatedAt = false }
	jsonType := func(got string) want { return but(intact, `the media type is "`+got+`", not application/json`) }
	for name, tt := range map[string]struct {
		contentType, body string
		want
	}{
		"no media type":              {"", documented, jsonType("")},
		"plain text":                 {"text/plain; charset=utf-8", documented, jsonType("text/plain; charset=utf-8")},
		"bytes":                      {"application/octet-stream", documented, jsonType("application/octet-stream")},
		"a kind of JSON":             {"application/problem+json", documented, jsonType("application/problem+json")},
		"JSON lines":                 {"application/jsonl", documented, jsonType("application/jsonl")},
		"two media types":            {"application/json, text/html", documented, jsonType("application/json, text/html")},
		"JSON as HTML":               {"text/html", documented, jsonType("text/html")},
		"zone without a colon":       {mediaType, with(updated, "2026-04-16T11:20:00+0200"), but(intact, readAs)},
		"a space":                    {mediaType, with(updated, "2026-04-16 09:20:00"), but(intact, readAs)},
		"no seconds":                 {mediaType, with(updated, "2026-04-16T09:20"), but(intact, readAs)},
		"small letters":              {mediaType, with(updated, "2026-04-16t09:20:00z"), but(intact, readAs)},
		"comma":                      {mediaType, with(updated, "2026-04-16T09:20:00,000"), but(intact, readAs)},
		"date only":                  {mediaType, with(updated, "2026-04-16"), but(noTime, form)},
		"no date at all":             {mediaType, with(updated, "yesterday"), but(noTime, form)},
		"seconds since 1970":         {mediaType, with(`"`+updated+`"`, "1776331200"), but(noTime, "/product/updated_at: the number does not fit here")},
		"null time":                  {mediaType, with(`"`+updated+`"`, "null"), but(noTime, "/product/updated_at: the field is missing")},
		"no time":                    {mediaType, with(`"updated_at"`, `"x"`), but(noTime, "/product/updated_at: the field is missing")},
		"time of another spelling":   {mediaType, with(`"updated_at"`, `"updatedAt"`), but(noTime, "/product/updated_at: the field is missing")},
		"null documents":             {mediaType, with(`"documents": []`, `"documents": null`), but(func(w *want) { w.documents = false }, "/product/missing_requirements/documents: the field is missing")},
		"no data":                    {mediaType, with(`"data": []`, `"x": []`), but(func(w *want) { w.data = false }, "/product/missing_requirements/data: the field is missing")},
		"documents of another type":  {mediaType, with(`"documents": []`, `"documents": {}`), but(func(w *want) { w.documents = false }, "/product/missing_requirements/documents: a JSON object does not fit here")},
		"no requirements":            {mediaType, with(`"missing_requirements"`, `"x"`), but(func(w *want) { w.documents, w.data = false, false }, "/product/missing_requirements/documents: the field is missing", "/product/missing_requirements/data: the field is missing")},
		"requirements as a list":     {mediaType, strings.NewReplacer("{\n      \"documents\": [],\n      \"data\": []\n    }", "[]").Replace(documented), but(func(w *want) { w.documents, w.data = false, false }, "/product/missing_requirements: a JSON array does not fit here")},
		"no rejected items":          {mediaType, with(`"rejected_items"`, `"x"`), but(func(w *want) { w.rejectedItems = false }, "/rejected_items: the field is missing")},
		"rejected items null":        {mediaType, with(`"rejected_items": []`, `"rejected_items": null`), but(func(w *want) { w.rejectedItems = false }, "/rejected_items: the field is missing")},
		"rejected items an object":   {mediaType, with(`"rejected_items": []`, `"rejected_items": {}`), but(func(w *want) { w.rejectedItems = false }, "/rejected_items: a JSON object does not fit here")},
		"no product":                 {mediaType, with(`"product": "cards_individuals"`, `"x": 1`), but(func(w *want) { w.product = false }, "/product/product: the field is missing")},
		"product a number":           {mediaType, with(`"cards_individuals"`, `5`), but(func(w *want) { w.product = false }, "/product/product: a JSON number does not fit here")},
		"no client":                  {mediaType, with(`"client_id"`, `"x"`), but(func(w *want) { w.client = false }, "/product/client_id: the field is missing")},
		"rejection code of a number": {mediaType, with(`"created_at"`, `"rejection_code": 17, "created_at"`), but(intact, "/product/rejection_code: a JSON number does not fit here")},
		"rejection code not UTF-8":   {mediaType, with(`"created_at"`, "\"rejection_code\": \"\xe9\", \"created_at\""), but(intact, "line 11, column 24: /product/rejection_code: this is not UTF-8")},
		"several":                    {"", with(`"`+updated+`"`, "null", `"rejected_items"`, `"x"`), but(func(w *want) { w.updatedAt, w.rejectedItems = false, false }, `the media type is "", not application/json`, "/product/updated_at: the field is missing", "/rejected_items: the field is missing")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = nil // or net/http guesses
				if tt.contentType != "" {
					w.Header().Set("Content-Type", tt.contentType)
				}
				_, _ = io.WriteString(w, tt.body)
			}
			var response client.Response
			submission, err := serve(t, handler).SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
			require.NoError(t, err)
			require.Equal(t, tt.oddities, response.Oddities)
			require.Equal(t, requestID, submission.Product.ID)
			require.Equal(t, api.InKyc, submission.Product.Status)
			require.Equal(t, tt.client, submission.Product.ClientID == clientID)
			require.Equal(t, tt.product, submission.Product.Product == api.CardsIndividuals)
			require.Equal(t, tt.updatedAt, submission.Product.UpdatedAt.String() == updated)
			require.Equal(t, tt.updatedAt, !submission.Product.UpdatedAt.IsZero())
			require.Equal(t, tt.documents, submission.Product.MissingRequirements.Documents != nil)
			require.Equal(t, tt.data, submission.Product.MissingRequirements.Data != nil)
			require.Equal(t, tt.documents && tt.data, submission.MissingTold())
			require.Equal(t, tt.rejectedItems, submission.RejectedItems != nil)
			require.True(t, submission.Complete(), "in_kyc is what decides")
			text, err := json.Marshal(submission)
			require.NoError(t, err)
			require.NotContains(t, string(text), "0001-01-01")

			failed := callFails(t, serve(t, handler, client.WithStrictResponses()))
			require.ErrorIs(t, failed, client.ErrInvalidResponse)
			require.ErrorContains(t, failed, strings.Join(tt.oddities, "; "))
		})
	}

	t.Run("strict takes what is documented", func(t *testing.T) {
		t.Parallel()
		var response client.Response
		c := serve(t, answer(200, mediaType, documented), client.WithStrictResponses())
		_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
		require.NoError(t, err)
		require.Nil(t, response.Oddities)
	})
	t.Run("too many to tell", func(t *testing.T) {
		t.Parallel()
		var response client.Response
		c := serve(t, answer(200, mediaType, with(`"rejected_items": []`, `"rejected_items": [`+strings.Repeat("1,", 99)+`1]`)))
		submission, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
		require.NoError(t, err)
		require.Len(t, response.Oddities, 21)
		require.Equal(t, "and 80 more", response.Oddities[20])
		require.False(t, submission.Complete(), "items were rejected, whichever")
	})
	t.Run("too long to tell", func(t *testing.T) {
		t.Parallel()
		var response client.Response
		c := serve(t, answer(200, "text/plain; "+strings.Repeat("x", 1<<15), documented))
		_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
		require.NoError(t, err)
		require.Len(t, response.Oddities, 1)
		require.Less(t, len(response.Oddities[0]), 1100)
	})
	t.Run("pending, and nobody says what is missing", func(t *testing.T) {
		t.Parallel()
		c := serve(t, answer(200, mediaType, with(`"in_kyc"`, `"pending_documentation"`, `"missing_requirements"`, `"x"`)))
		submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
		require.NoError(t, err)
		require.False(t, submission.Complete())
		require.False(t, submission.MissingTold())
	})
}

const mediaType = "application/json"

func TestClient_SubmitProduct_otherSuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{201, 202, 204, 299, 600, 999} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			body := seed(t)
			if status == 204 {
				body = ""
			}
			failed := callFails(t, serve(t, answer(status, "application/json", body)))
			requireKind(t, failed, client.ErrInvalidResponse)
			require.Equal(t, status, failed.StatusCode)
		})
	}
}

func TestClient_SubmitProduct_bodyBreaksOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		kind   error
	}{{200, client.ErrInvalidResponse}, {202, client.ErrInvalidResponse}, {404, client.ErrNotFound}, {500, client.ErrServer}} {
		t.Run(http.StatusText(tt.status), func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "100000")
				answer(tt.status, "application/json", `{"product":`, "X-Trace-Id", trace)(w, r)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			failed := callFails(t, c)
			requireKind(t, failed, tt.kind)
			require.ErrorIs(t, failed, io.ErrUnexpectedEOF)
			require.Contains(t, failed.Error(), ": unexpected EOF", "what it is of")
			require.Equal(t, tt.status, failed.StatusCode)
			require.Equal(t, `{"product":`, string(failed.Body))
			require.Equal(t, trace, failed.TraceID)
		})
	}
}

// TestClient_SubmitProduct_switchesProtocols: after a 101, the connection is of another protocol, and has no end.
func TestClient_SubmitProduct_switchesProtocols(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		}
		assert.NoError(t, err)
	})
	ended := make(chan *client.Error, 1)
	go func() { ended <- callFails(t, c) }()
	select {
	case failed := <-ended:
		require.Equal(t, client.Unknown, failed.Outcome)
		require.ErrorIs(t, failed, client.ErrInvalidResponse)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the call waits for the connection to end")
	}
}

// countedBody counts how often it is closed.
type countedBody struct {
	io.Reader
	closed *int
}

func (b countedBody) Close() error { *b.closed++; return nil }

func TestClient_SubmitProduct_closesBodies(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 307, 404, 500} {
		for _, body := range []string{"", "{}", strings.Repeat("x", 2<<20)} {
			closed := 0
			c := newClient(t, client.WithHTTPClient(&http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Body: countedBody{strings.NewReader(body), &closed}}, nil
			})}))
			require.Equal(t, status, callFails(t, c).StatusCode)
			require.Equal(t, 1, closed)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	requireKind(t, &client.Error{StatusCode: 404}, client.ErrNotFound)
	requireKind(t, &client.Error{}, nil)
	require.EqualError(t, &client.Error{Operation: "submitProduct"}, "submit product")
	require.EqualError(t, &client.Error{Operation: "aNewOne"}, "aNewOne")
	require.EqualError(t, &client.Error{}, "call")

	long := &client.Error{StatusCode: 400, Message: strings.Repeat("€", 10_000)}
	require.Less(t, len(long.Error()), 1100)
	require.True(t, strings.HasSuffix(long.Error(), "€…"))

	text, err := json.Marshal(&client.Error{StatusCode: 404, Code: api.CodeNotFound})
	require.NoError(t, err)
	require.Contains(t, string(text), `"NOT_FOUND"`)
}
