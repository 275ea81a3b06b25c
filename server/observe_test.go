package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
)

// sightings is what an observer was told.
type sightings struct {
	mutex   sync.Mutex
	calls   []server.Call
	traces  []string
	company []string
}

func (s *sightings) observe(ctx context.Context, c server.Call) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	p, _ := server.PrincipalFrom(ctx)
	s.calls = append(s.calls, c)
	s.traces = append(s.traces, server.TraceIDFrom(ctx))
	s.company = append(s.company, p.CompanyID)
}

func TestObserver(t *testing.T) {
	t.Parallel()
	aborts := func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		panic(http.ErrAbortHandler)
	}
	panics := func(context.Context, api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
		panic("canary")
	}
	written := func(status int, body string) submit {
		return responds(writes(func(w http.ResponseWriter) error {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, err := w.Write([]byte(body))
			return err
		}))
	}
	submitted := server.Call{Operation: "submitProduct", Route: template, Method: "POST"}
	with := func(c server.Call, status int, code api.ErrorCode) server.Call {
		c.Status, c.Code = status, code
		return c
	}
	for name, test := range map[string]struct {
		impl           submit
		method, target string
		key            string
		want           server.Call
		company        string
	}{
		"success":          {works, "POST", goodPath, goodKey, with(submitted, 200, ""), "cmp_1"},
		"unknown key":      {works, "POST", goodPath, "canary", with(submitted, 401, api.CodeAuth), ""},
		"malformed":        {works, "POST", goodPath + "?canary=1", goodKey, with(submitted, 400, api.CodeBadRequest), "cmp_1"},
		"documented error": {fails(server.Conflict(api.CodeVal, "x")), "POST", goodPath, goodKey, with(submitted, 409, api.CodeVal), "cmp_1"},
		"any error":        {fails(errors.New("canary")), "POST", goodPath, goodKey, with(submitted, 500, api.CodeServerError), "cmp_1"},
		"unknown code": {fails(&server.Error{Status: 404, Code: "CANARY"}), "POST", goodPath, goodKey,
			with(submitted, 500, api.CodeServerError), "cmp_1"},
		"panic": {panics, "POST", goodPath, goodKey, with(submitted, 500, api.CodeServerError), "cmp_1"},
		"abort": {aborts, "POST", goodPath, goodKey, with(submitted, 0, ""), "cmp_1"},
		"written error": {written(404, `{"code":"NOT_FOUND","message":"x","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}`),
			"POST", goodPath, goodKey, with(submitted, 404, api.CodeNotFound), "cmp_1"},
		"written error, unknown code": {written(404, `{"code":"CANARY"}`), "POST", goodPath, goodKey, with(submitted, 404, ""), "cmp_1"},
		"written error, no JSON":      {written(404, `canary`), "POST", goodPath, goodKey, with(submitted, 404, ""), "cmp_1"},
		"written success":             {written(200, `{"code":"AUTH"}`), "POST", goodPath, goodKey, with(submitted, 200, ""), "cmp_1"},
		"no route":                    {works, "POST", "/canary", goodKey, server.Call{Method: "POST", Status: 404, Code: api.CodeNotFound}, ""},
		"wrong method":                {works, "GET", goodPath, goodKey, server.Call{Method: "GET", Status: 405, Code: api.CodeMethodNotAllowed}, ""},
		"made-up method":              {works, "CANARY", goodPath, goodKey, server.Call{Method: "other", Status: 405, Code: api.CodeMethodNotAllowed}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first, second sightings
			f := newFixture(t, test.impl, server.WithObserver(first.observe), server.WithObserver(second.observe),
				server.WithResponseValidation(false))
			r := request(test.method, test.target)
			r.Header.Set("X-Api-Key", test.key)
			w := httptest.NewRecorder()
			func() {
				defer func() {
					if test.want.Status == 0 {
						require.Equal(t, http.ErrAbortHandler, recover())
					}
				}()
				f.ServeHTTP(w, r)
				require.Equal(t, test.want.Status, w.Code)
				require.Equal(t, []string{w.Header().Get("X-Trace-Id")}, first.traces)
			}()
			require.Equal(t, []string{f.log.lines(t, "INFO")[0]["trace_id"].(string)}, first.traces)
			require.Len(t, first.calls, 1)
			require.Equal(t, first.calls, second.calls)
			require.Positive(t, first.calls[0].Duration)
			first.calls[0].Duration = 0
			require.Equal(t, test.want, first.calls[0])
			require.Equal(t, []string{test.company}, first.company)
		})
	}
}

// An observer sees the response as it leaves: one that failed the check is a 500.
func TestObserverSeesTheCheckedResponse(t *testing.T) {
	t.Parallel()
	var seen sightings
	f := newFixture(t, responds(writes(func(w http.ResponseWriter) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	})), server.WithObserver(seen.observe))
	f.ask(t, request(http.MethodPost, goodPath)).isInternal(t)
	require.Equal(t, 500, seen.calls[0].Status)
	require.Equal(t, api.CodeServerError, seen.calls[0].Code)
}

func TestNilObserver(t *testing.T) {
	t.Parallel()
	_, err := server.Handler(submit(works), server.WithAuthenticator(server.AuthenticatorFunc(allow)), server.WithObserver(nil))
	require.ErrorContains(t, err, "WithObserver: the observer is nil")
}

// The id of a span that a tracing middleware opened is the call's everywhere, whatever the caller's
// traceparent says.
func TestTraceIDOfASpan(t *testing.T) {
	t.Parallel()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 0xab}, SpanID: trace.SpanID{2}})
	for name, test := range map[string]struct {
		span trace.SpanContext
		want string
	}{
		"span":         {span, "01ab0000000000000000000000000000"},
		"invalid span": {trace.SpanContext{}, "4bf92f3577b34da6a3ce929d0e0e4736"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, fails(server.NotFound("x")))
			r := request(http.MethodPost, goodPath)
			r.Header.Set("Traceparent", parent)
			r = r.WithContext(trace.ContextWithSpanContext(r.Context(), test.span))
			a := f.ask(t, r) // checks that the body's trace_id is the header's
			require.Equal(t, test.want, a.traceID)
			require.Equal(t, test.want, f.log.lines(t, "INFO")[0]["trace_id"])
		})
	}
}
