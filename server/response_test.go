package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// rejecting is response with a rejected item of a kind.
func rejecting(response api.SubmitProduct200JSONResponse, kind api.RejectedItemType) api.SubmitProduct200JSONResponse {
	response.Body.RejectedItems = []api.RejectedItem{{Type: kind, Key: "k", Reason: "r"}}
	return response
}

func write(status int, contentType, body string) writes {
	return func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, err := io.WriteString(w, body)
		return err
	}
}

func TestResponsesThatNeverLeave(t *testing.T) {
	t.Parallel()
	valid, err := json.Marshal(submission(clientID, requestID).Body)
	require.NoError(t, err)
	const asJSON = "application/json"
	nulls := submission(clientID, requestID)
	nulls.Body.RejectedItems = nil
	unavailable := api.SubmitProduct503JSONResponse{ServiceUnavailableJSONResponse: api.ServiceUnavailableJSONResponse{
		Body: api.Error{Code: api.CodeServiceUnavailable, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"},
	}}
	for name, test := range map[string]struct {
		impl   submit
		reason string
		always bool // with response validation switched off, too
	}{
		"nil, nil":         {responds(nil), "wrote no response", true},
		"typed nil":        {responds((*api.SubmitProduct200JSONResponse)(nil)), "panic: ", true},
		"typed nil func":   {responds(writes(nil)), "panic: ", true},
		"nothing written":  {responds(writes(func(http.ResponseWriter) error { return nil })), "wrote no response", true},
		"header only":      {responds(writes(func(w http.ResponseWriter) error { w.Header().Set("Allow", "x"); return nil })), "wrote no response", true},
		"interim status":   {responds(writes(func(w http.ResponseWriter) error { w.WriteHeader(http.StatusEarlyHints); return nil })), "wrote no response", true},
		"no valid status":  {responds(write(1000, asJSON, "{}")), "no valid status: 1000", true},
		"negative status":  {responds(write(-1, asJSON, "{}")), "no valid status: -1", true},
		"error on writing": {responds(writes(func(w http.ResponseWriter) error { _, _ = w.Write(valid); return errors.New("torn") })), "torn", true},
		"panic": {func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			panic("out of order")
		}, "panic: out of order", true},
		"panic with a documented error": {func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
			panic(server.NotFound("Nothing here"))
		}, "panic: 404", true},
		"panic after writing": {responds(writes(func(w http.ResponseWriter) error { _, _ = w.Write(valid); panic("torn") })), "panic: torn", true},

		"zero value":            {responds(api.SubmitProduct200JSONResponse{}), "200 response is not as described: response body doesn't match schema", false},
		"null list":             {responds(nulls), "/rejected_items must not be null", false},
		"unknown enum value":    {responds(rejecting(submission(clientID, requestID), "hunter2")), "/rejected_items/0/type must be one of the documented values", false},
		"missing property":      {responds(write(200, asJSON, `{"rejected_items":[]}`)), "/product is missing", false},
		"wrong type":            {responds(write(200, asJSON, `{"product":"hunter2","rejected_items":[]}`)), "/product must be of type object", false},
		"not an object":         {responds(write(200, asJSON, `"hunter2"`)), "must be of type object", false},
		"not JSON":              {responds(write(200, asJSON, `hunter2`)), "failed to decode response body", false},
		"empty body":            {responds(write(200, asJSON, "")), "failed to decode response body", false},
		"undeclared status":     {responds(write(202, asJSON, string(valid))), "status 202 is not declared", false},
		"undeclared redirect":   {responds(write(308, asJSON, string(valid))), "status 308 is not declared", false},
		"wrong Content-Type":    {responds(write(200, "text/hunter2", string(valid))), "Content-Type has unexpected value", false},
		"no Content-Type":       {responds(write(200, "", string(valid))), "Content-Type has unexpected value", false},
		"missing header":        {responds(write(503, asJSON, `{"code":"SERVER_ERROR","message":"","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`)), `"Retry-After" missing`, false},
		"header below minimum":  {responds(unavailable), `"Retry-After" doesn't match schema: must be at least 1`, false},
		"error of another form": {responds(write(404, asJSON, `{"error":"hunter2"}`)), "404 response is not as described", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.impl)
			a := f.ask(t, request(http.MethodPost, goodPath))
			a.isInternal(t)
			require.NotContains(t, a.header, "Allow")
			require.Equal(t, 1, f.calls.count())
			lines := f.log.lines(t, "ERROR")
			require.Len(t, lines, 1)
			require.Contains(t, lines[0]["err"], test.reason)
			require.Equal(t, a.traceID, lines[0]["trace_id"])
			require.NotContains(t, f.log.String(), "hunter2")

			f = newFixture(t, test.impl, server.WithResponseValidation(false))
			if test.always {
				f.ask(t, request(http.MethodPost, goodPath)).isInternal(t)
				return
			}
			recorder := httptest.NewRecorder()
			f.ServeHTTP(recorder, request(http.MethodPost, goodPath))
			require.Empty(t, f.log.lines(t, "ERROR"))
			require.Regexp(t, "^[0-9a-f]{32}$", recorder.Header().Get("X-Trace-Id"))
		})
	}
}

// What each schema allows, and the fields together don't.
func TestResponsesThatContradictThemselves(t *testing.T) {
	t.Parallel()
	early := api.NewTimestamp(time.Date(2026, 4, 14, 10, 30, 0, 0, time.UTC))
	phone := []api.DataRequirement{{ID: "i", Name: "n", Fields: []api.DataField{{Key: "phone", DataType: api.DataTypePhone}}}}
	item := api.RejectedItem{Type: api.RejectedData, Key: "phone", Reason: "hunter2"}
	for name, test := range map[string]struct {
		change func(*api.EvaluatedProduct)
		want   string
	}{
		"another request":       {func(s *api.EvaluatedProduct) { s.Product.ID = "hunter2" }, "/product/id: expected the productRequestId of the path (product.ids)"},
		"another client":        {func(s *api.EvaluatedProduct) { s.Product.ClientID = "hunter2" }, "/product/client_id: expected the clientId of the path (product.ids)"},
		"in KYC, data missing":  {func(s *api.EvaluatedProduct) { s.Product.MissingRequirements.Data = phone }, "/product/missing_requirements/data: expected an empty list, as the status is in_kyc (product.settled_missing)"},
		"in KYC, item rejected": {func(s *api.EvaluatedProduct) { s.RejectedItems = append(s.RejectedItems, item) }, "/rejected_items: expected an empty list, as the status is in_kyc (product.settled_rejected)"},
		"nothing left":          {func(s *api.EvaluatedProduct) { s.Product.Status = api.PendingDocumentation }, "/product/status: expected in_kyc, as nothing is left missing (product.pending_nothing)"},
		"enabled by submission": {func(s *api.EvaluatedProduct) { s.Product.Status = api.Enabled }, "/product/status: expected one of [in_kyc pending_documentation] after this operation (product.status)"},
		"a rejection's code":    {func(s *api.EvaluatedProduct) { s.Product.RejectionCode = "hunter2" }, "/product/rejection_code: expected no such field, as the status is not rejected (product.rejection)"},
		"updated too early":     {func(s *api.EvaluatedProduct) { s.Product.UpdatedAt = early }, "/product/updated_at: expected a moment not before created_at (time.order)"},
		"rejected, not missing": {func(s *api.EvaluatedProduct) {
			s.Product.Status, s.RejectedItems = api.PendingDocumentation, append(s.RejectedItems, item)
		}, "/rejected_items/0/key: expected a kind of document, or a data field, of a requirement that is still missing (product.rejected_unlisted)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := submission(clientID, requestID)
			test.change(&response.Body)
			f := newFixture(t, responds(response))
			a := f.ask(t, request(http.MethodPost, goodPath))
			a.isInternal(t)
			lines := f.log.lines(t, "ERROR")
			require.Len(t, lines, 1)
			require.Equal(t, "the 200 response contradicts itself or the call: "+test.want, lines[0]["err"])
			require.NotContains(t, f.log.String(), "hunter2")

			f = newFixture(t, responds(response), server.WithResponseValidation(false))
			require.Equal(t, http.StatusOK, f.ask(t, request(http.MethodPost, goodPath)).status)
			require.Empty(t, f.log.lines(t, "ERROR"))
		})
	}
}

// The same for what an implementation writes by itself.
func TestWrittenResponsesThatContradictThemselves(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	failure := func(fields string) string { return `{"message":"","trace_id":"` + trace + `",` + fields + `}` }
	valid, err := json.Marshal(submission(clientID, requestID).Body)
	require.NoError(t, err)
	for rule, test := range map[string]struct {
		status int
		body   string
	}{
		"time.impossible":     {200, strings.Replace(string(valid), "2026-04-15", "2026-02-30", 1)},
		"trace.differs":       {404, strings.Replace(failure(`"code":"NOT_FOUND"`), "4bf", "000", 1)},
		"error.code":          {404, failure(`"code":"VAL"`)},
		"error.codes_differ":  {404, failure(`"code":"NOT_FOUND","error_code":"VAL"`)},
		"idempotency.unasked": {422, failure(`"code":"IDEMPOTENCY_MISMATCH"`)},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, responds(write(test.status, "application/json", test.body)))
			r := request(http.MethodPost, goodPath)
			r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
			f.ask(t, r).isInternal(t)
			require.Contains(t, f.log.lines(t, "ERROR")[0]["err"], "("+rule+")")
		})
	}
}

func TestPanicIsLoggedWithItsStack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, responds((*api.SubmitProduct200JSONResponse)(nil)))
	f.ask(t, request(http.MethodPost, goodPath)).isInternal(t)
	require.Contains(t, f.log.lines(t, "ERROR")[0]["stack"], "VisitSubmitProductResponse")
}

func TestAbortIsPassedOn(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		panic(http.ErrAbortHandler)
	})
	recorder := httptest.NewRecorder()
	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		f.ServeHTTP(recorder, request(http.MethodPost, goodPath))
	})
	require.Empty(t, recorder.Header())
	require.Zero(t, recorder.Body.Len())
	lines := f.log.lines(t, "INFO")
	require.Len(t, lines, 1)
	require.Equal(t, 0.0, lines[0]["status"])
}

func TestTheResponseIsTheImplementations(t *testing.T) {
	t.Parallel()
	key := "key-1"
	f := newFixture(t, func(_ context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		require.Equal(t, clientID, r.ClientID)
		require.Equal(t, requestID, r.ProductRequestID)
		require.Equal(t, &key, r.Params.IdempotencyKey)
		return submission(r.ClientID, r.ProductRequestID), nil
	})
	r := request(http.MethodPost, goodPath)
	r.Header.Set("Idempotency-Key", key)
	a := f.ask(t, r)
	want, err := json.Marshal(submission(clientID, requestID).Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, a.status)
	require.JSONEq(t, string(want), string(a.body))
}

// An implementation may also write a documented error by itself.
func TestAResponseMayBeADocumentedError(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(ctx context.Context, _ api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		return api.SubmitProduct404JSONResponse{NotFoundJSONResponse: api.NotFoundJSONResponse{
			Body: api.Error{Code: api.CodeNotFound, Message: "Nothing here", TraceID: server.TraceIDFrom(ctx)},
		}}, nil
	})
	a := f.ask(t, request(http.MethodPost, goodPath))
	require.Equal(t, http.StatusNotFound, a.status)
	require.Equal(t, "Nothing here", a.message)
	require.Empty(t, f.log.lines(t, "ERROR"))
}

func TestHeadersOfTheImplementationAreSent(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{http.StatusOK: "2", http.StatusNoContent: "", http.StatusNotModified: ""} {
		f := newFixture(t, responds(writes(func(w http.ResponseWriter) error {
			w.Header().Set("X-Own", "own")
			w.Header().Set("Cache-Control", "private")
			w.Header().Set("Content-Length", "77")
			w.WriteHeader(status)
			w.WriteHeader(http.StatusTeapot) // too late
			_, err := io.WriteString(w, "{}")
			return err
		})), server.WithResponseValidation(false))
		s := httptest.NewServer(f)
		r, err := http.NewRequest(http.MethodPost, s.URL+goodPath, nil)
		require.NoError(t, err)
		r.Header.Set("X-Api-Key", goodKey)
		response, err := s.Client().Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		s.Close()
		require.Equal(t, status, response.StatusCode)
		require.Equal(t, "own", response.Header.Get("X-Own"))
		require.Equal(t, "private", response.Header.Get("Cache-Control"))
		require.Equal(t, want, response.Header.Get("Content-Length"))
		require.Len(t, body, len(want)*2)
	}
}
