package client_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// kinds are all that an error can be asked for.
var kinds = []error{
	client.ErrInvalidInput, client.ErrBadRequest, client.ErrUnauthorized, client.ErrNotFound, client.ErrNotPending,
	client.ErrRateLimited, client.ErrServer, client.ErrRedirect, client.ErrInvalidResponse,
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

func TestClient_SubmitProduct_errorReplies(t *testing.T) {
	t.Parallel()
	const date = "Thu, 16 Apr 2026 09:20:00 GMT"
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
			name: "conflict without a code", status: 409, body: `{"message":"no"}`,
			want: client.Error{Message: "no"}, text: "submit product: 409: no",
		},
		{
			name: "VAL is not always a conflict", status: 412, body: `{"code":"VAL","message":"no"}`,
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
			want: client.Error{Code: "B", Message: "m"}, text: "submit product: 429 B: m",
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
			tt.want.StatusCode = tt.status
			require.Len(t, failed.Attempts, 1)
			require.NotEmpty(t, failed.IdempotencyKey)
			tt.want.Attempts, tt.want.IdempotencyKey, tt.want.Outcome = failed.Attempts, failed.IdempotencyKey, failed.Outcome
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

func TestClient_SubmitProduct_successReplies(t *testing.T) {
	t.Parallel()
	documented := seed(t)
	with := func(old, replacement string) string {
		require.Contains(t, documented, old)
		return strings.Replace(documented, old, replacement, 1)
	}
	for name, tt := range map[string]struct{ contentType, body string }{
		"as documented":             {"application/json", documented},
		"charset":                   {"application/json; charset=utf-8", documented},
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
			submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
			require.NoError(t, err)
			require.Equal(t, requestID, submission.Product.ID)
			require.Equal(t, "2026-04-16T09:20:00", submission.Product.UpdatedAt.String())
			require.NotNil(t, submission.RejectedItems)
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
		"HTML":                       {"text/html; charset=utf-8", "<html>", `the media type is "text/html; charset=utf-8", not application/json`},
		"JSON as HTML":               {"text/html", documented, "the media type is"},
		"no media type":              {"", documented, "the media type is"},
		"a kind of JSON":             {"application/problem+json", documented, "the media type is"},
		"JSON lines":                 {"application/jsonl", documented, "the media type is"},
		"two media types":            {"application/json, text/html", documented, "the media type is"},
		"HTML as JSON":               {"application/json", "<html>", "invalid character '<'"},
		"empty":                      {"application/json", "", "the body is empty"},
		"white space":                {"application/json", " \n", "the body is empty"},
		"null":                       {"application/json", "null", "product.id is missing"},
		"list":                       {"application/json", "[]", "cannot unmarshal array"},
		"string":                     {"application/json", `"in_kyc"`, "cannot unmarshal string"},
		"number":                     {"application/json", "1", "cannot unmarshal number"},
		"empty object":               {"application/json", "{}", "product.id is missing"},
		"cut off":                    {"application/json", documented[:len(documented)-10], "unexpected end of JSON input"},
		"twice":                      {"application/json", documented + documented, "after top-level value"},
		"text after it":              {"application/json", documented + "<!-- proxy -->", "after top-level value"},
		"byte order mark":            {"application/json", "\ufeff" + documented, "invalid character"},
		"product null":               {"application/json", `{"product":null,"rejected_items":[]}`, "product.id is missing"},
		"product without its object": {"application/json", `{"product":"cards_individuals"}`, "cannot unmarshal string"},
		"without the wrapper":        {"application/json", `{"id":"` + requestID + `","status":"in_kyc"}`, "product.id is missing"},
		"no id":                      {"application/json", with(`"`+requestID+`"`, `""`), "product.id is missing"},
		"no status":                  {"application/json", with(`"in_kyc"`, `""`), "product.status is missing"},
		"null status":                {"application/json", with(`"in_kyc"`, `null`), "product.status is missing"},
		"another request":            {"application/json", with(requestID, "other"), "product.id is not that"},
		"another client":             {"application/json", with(clientID, "other"), "product.client_id is not that"},
		"no documents":               {"application/json", with(`"documents": []`, `"documents": null`), "missing_requirements.documents is missing"},
		"no data":                    {"application/json", with(`"data": []`, `"x": []`), "missing_requirements.data is missing"},
		"no requirements":            {"application/json", with(`"missing_requirements"`, `"x"`), "missing_requirements.documents is missing"},
		"no rejected items":          {"application/json", with(`"rejected_items"`, `"x"`), "rejected_items is missing"},
		"rejected items null":        {"application/json", with(`"rejected_items": []`, `"rejected_items": null`), "rejected_items is missing"},
		"bad timestamp":              {"application/json", with("2026-04-16T09:20:00", "yesterday"), "timestamp"},
		"too large":                  {"application/json", documented + strings.Repeat(" ", 1<<20), "larger than 1048576 bytes"},
		"an error":                   {"application/json", `{"code":"VAL","message":"m","trace_id":"abc"}`, "product.id is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, answer(200, tt.contentType, tt.body, "X-Trace-Id", trace))
			failed := callFails(t, c)
			requireKind(t, failed, client.ErrInvalidResponse)
			require.Equal(t, 200, failed.StatusCode)
			require.NotEmpty(t, failed.TraceID)
			require.ErrorContains(t, failed, ": invalid response: ")
			require.ErrorContains(t, failed, tt.want)
			require.LessOrEqual(t, len(failed.Body), 16<<10)
			require.True(t, strings.HasPrefix(tt.body, string(failed.Body)))
		})
	}
}

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
	}{{200, client.ErrInvalidResponse}, {404, client.ErrNotFound}, {500, client.ErrServer}} {
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
			require.Equal(t, tt.status, failed.StatusCode)
			require.Equal(t, `{"product":`, string(failed.Body))
			require.Equal(t, trace, failed.TraceID)
		})
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
	require.EqualError(t, &client.Error{}, "submit product")

	long := &client.Error{StatusCode: 400, Message: strings.Repeat("€", 10_000)}
	require.Less(t, len(long.Error()), 1100)
	require.True(t, strings.HasSuffix(long.Error(), "€…"))

	text, err := json.Marshal(&client.Error{StatusCode: 404, Code: api.CodeNotFound})
	require.NoError(t, err)
	require.Contains(t, string(text), `"NOT_FOUND"`)
}
