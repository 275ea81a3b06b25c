package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
	"github.com/cryptomate-go/enablement/server"
)

const (
	template  = "/management/clients/individuals/{clientId}/products/{productRequestId}/submit"
	clientID  = "4QWq1rQtjnLM0wMswTRY9AmM4XTvY4GG"
	requestID = "2VvyMx6rNLRB1W9euCyJGe46qyoiVPzh"
	goodPath  = "/management/clients/individuals/" + clientID + "/products/" + requestID + "/submit"
	goodKey   = "good-key"
	invalid   = "Invalid API key"
	denied    = "Access denied. The API Key is not authorized to do this operation."
)

// submit is an implementation that is one function.
type submit func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error)

func (f submit) SubmitProduct(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	return f(ctx, r)
}

// submission is a response as described.
func submission(clientID, requestID string) api.SubmitProduct200JSONResponse {
	day := api.NewTimestamp(time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC))
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{Body: api.EvaluatedProduct{
		Product: api.Product{
			ID: requestID, ClientID: clientID, Product: api.CardsIndividuals, Status: api.InKyc,
			MissingRequirements: api.MissingRequirements{
				Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{},
			},
			CreatedAt: day, UpdatedAt: day,
		},
		RejectedItems: []api.RejectedItem{},
	}}}
}

func works(_ context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	return submission(r.ClientID, r.ProductRequestID), nil
}

func fails(err error) submit {
	return func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		return nil, err
	}
}

func responds(response api.SubmitProductResponseObject) submit {
	return func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		return response, nil
	}
}

// writes is a response of any kind.
type writes func(http.ResponseWriter) error

func (f writes) VisitSubmitProductResponse(w http.ResponseWriter) error { return f(w) }

var principal = server.Principal{KeyID: "key_1", KeyPrefix: "ck_1", CompanyID: "cmp_1", AccessLevel: 3}

// allow knows one key.
func allow(_ context.Context, key string, _ netip.Addr) (server.Principal, error) {
	if key != goodKey {
		return server.Principal{}, server.ErrInvalidKey
	}
	return principal, nil
}

// journal is a log that a test can read while it is written to.
type journal struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.text.String()
}

// lines returns the log's lines of a level, without the one that says what is served.
func (j *journal) lines(t testing.TB, level string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(j.String()) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line))
		if line["level"] == level && line["msg"] != "handler is ready" {
			lines = append(lines, line)
		}
	}
	return lines
}

// fixture is a handler, what it logs, and how often it reached the implementation.
type fixture struct {
	http.Handler
	log   *journal
	calls *counter
}

type counter struct {
	mutex sync.Mutex
	n     int
}

func (c *counter) add() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.n++
}

func (c *counter) count() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.n
}

func newFixture(t testing.TB, impl submit, opts ...server.Option) fixture {
	t.Helper()
	f := fixture{log: &journal{}, calls: &counter{}}
	counted := submit(func(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		f.calls.add()
		return impl(ctx, r)
	})
	all := append([]server.Option{
		server.WithAuthenticator(server.AuthenticatorFunc(allow)),
		server.WithLogger(slog.New(slog.NewJSONHandler(f.log, nil))),
	}, opts...)
	h, err := server.Handler(counted, all...)
	require.NoError(t, err)
	f.Handler = h
	return f
}

// request is a valid one but for its method and target; the target is taken as it is.
func request(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("X-Api-Key", goodKey)
	return r
}

// answer is a response that passed what holds for every response.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	code    api.ErrorCode
	message string
	traceID string
}

// ask sends r and checks the response against the specification.
func (f fixture) ask(t testing.TB, r *http.Request) answer {
	t.Helper()
	recorder := httptest.NewRecorder()
	f.ServeHTTP(recorder, r)
	return check(t, r, recorder.Result())
}

func check(t testing.TB, r *http.Request, response *http.Response) answer {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	a := answer{status: response.StatusCode, header: response.Header, body: body, traceID: response.Header.Get("X-Trace-Id")}
	require.Regexp(t, "^[0-9a-f]{32}$", a.traceID)
	require.Len(t, response.Header.Values("X-Trace-Id"), 1)
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	require.Equal(t, "default-src 'none'; frame-ancestors 'none'", a.header.Get("Content-Security-Policy"))
	require.Equal(t, response.TLS != nil, a.header.Get("Strict-Transport-Security") != "")
	if r.Method == http.MethodHead && len(body) == 0 { // a real server sends no body, but its length
		require.NotEqual(t, "0", a.header.Get("Content-Length"))
		return a
	}
	described(t, r, a)
	if a.status == http.StatusNoContent {
		require.NotContains(t, a.header, "Content-Type")
		require.NotContains(t, a.header, "Content-Length") // RFC 9110, section 8.6
		require.Empty(t, body)
		return a
	}
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Equal(t, strconv.Itoa(len(body)), a.header.Get("Content-Length"))
	if a.status >= http.StatusBadRequest {
		var e api.Error
		require.NoError(t, json.Unmarshal(body, &e))
		require.Equal(t, a.traceID, e.TraceID)
		a.code, a.message = e.Code, e.Message
	}
	return a
}

var description = sync.OnceValue(func() *openapi3.T {
	doc, err := spec.GetSpec()
	if err != nil {
		panic(err)
	}
	return doc
})

// described checks status, headers and body against the specification. 405 is not the operation's.
func described(t testing.TB, r *http.Request, a answer) {
	t.Helper()
	doc := description()
	if a.status == http.StatusMethodNotAllowed {
		require.NotEmpty(t, a.header.Get("Allow"))
		var value any
		require.NoError(t, json.Unmarshal(a.body, &value))
		require.NoError(t, doc.Components.Schemas["Error"].Value.VisitJSON(value))
		return
	}
	described, method := operationOf(t, doc, r)
	item := doc.Paths.Value(described)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: httptest.NewRequest(method, goodPath, nil),
			Route:   &routers.Route{Spec: doc, Path: described, PathItem: item, Method: method, Operation: item.GetOperation(method)},
		},
		Status:  a.status,
		Header:  a.header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	require.NoError(t, openapi3filter.ValidateResponse(context.Background(), input.SetBodyBytes(a.body)), "%s", a.body)
}

// operationOf is submit's where the request leads to none: all have the same errors.
func operationOf(t testing.TB, doc *openapi3.T, r *http.Request) (described, method string) {
	t.Helper()
	for pattern, item := range doc.Paths.Map() {
		if r.URL == nil || item.GetOperation(r.Method) == nil {
			continue
		}
		matches, err := path.Match(regexp.MustCompile(`{[^}]*}`).ReplaceAllString(pattern, "*"), r.URL.Path)
		require.NoError(t, err)
		if matches {
			return pattern, r.Method
		}
	}
	return template, http.MethodPost
}

// isInternal checks that a caller learns nothing but the trace id.
func (a answer) isInternal(t testing.TB) {
	t.Helper()
	require.Equal(t, http.StatusInternalServerError, a.status)
	require.Equal(t, api.CodeServerError, a.code)
	require.Equal(t, "Internal server error", a.message)
}
