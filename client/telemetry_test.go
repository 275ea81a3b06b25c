package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cryptomate-go/enablement/client"
)

// meters is a provider of two instruments that writes down what they are told.
type meters struct {
	noop.MeterProvider
	mu  sync.Mutex
	out []string
	err error
}

func (m *meters) Meter(string, ...metric.MeterOption) metric.Meter { return meter{meters: m} }

type meter struct {
	noop.Meter
	meters *meters
}

func (m meter) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return histogram{name: name, meters: m.meters}, m.meters.err
}

func (m meter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return counter{name: name, meters: m.meters}, m.meters.err
}

func (m *meters) note(name string, attributes attribute.Set) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.out = append(m.out, name+" "+attributes.Encoded(attribute.DefaultEncoder()))
}

type histogram struct {
	noop.Float64Histogram
	name   string
	meters *meters
}

func (h histogram) Record(_ context.Context, _ float64, opts ...metric.RecordOption) {
	h.meters.note(h.name, metric.NewRecordConfig(opts).Attributes())
}

type counter struct {
	noop.Int64Counter
	name   string
	meters *meters
}

func (c counter) Add(_ context.Context, _ int64, opts ...metric.AddOption) {
	c.meters.note(c.name, metric.NewAddConfig(opts).Attributes())
}

// sinks are everywhere that a client tells something.
type sinks struct {
	log    bytes.Buffer
	spans  *tracetest.SpanRecorder
	meters meters
}

func (s *sinks) options() []client.Option {
	s.spans = tracetest.NewSpanRecorder()
	return []client.Option{
		client.WithLogger(slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		client.WithTracerProvider(sdk.NewTracerProvider(sdk.WithSpanProcessor(s.spans))),
		client.WithMeterProvider(&s.meters),
	}
}

// text is all that was told.
func (s *sinks) text(t *testing.T) string {
	t.Helper()
	stubs := tracetest.SpanStubsFromReadOnlySpans(s.spans.Ended())
	inJSON, err := json.Marshal(stubs)
	require.NoError(t, err)
	return s.log.String() + fmt.Sprintf("%+v", stubs) + string(inJSON) + strings.Join(s.meters.out, "\n")
}

func TestTelemetry(t *testing.T) {
	t.Parallel()
	var s sinks
	var traceparents []string
	down := func(req *http.Request) (*http.Response, error) {
		traceparents = append(traceparents, req.Header.Get("Traceparent"))
		return says(503, `{"code":"SERVICE_UNAVAILABLE","message":"later"}`)(req)
	}
	p := &played{lines: []func(*http.Request) (*http.Response, error){down, says(200, seed(t)), says(404, `{"code":"NOT_FOUND","message":"m","trace_id":"abc"}`)}}
	c := playing(t, p, append(s.options(), client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))...)
	_, err := c.SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
	failed := failure(t, submission, err)

	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[0], `"level":"WARN","msg":"submit product: failed, goes on","attempt":1`)
	require.Contains(t, lines[0], `"cause":"submit product: 503 SERVICE_UNAVAILABLE: later"`)
	require.Contains(t, lines[0], `"reason":"status 503 may pass"`)
	require.Contains(t, lines[1], `"level":"DEBUG","msg":"submit product: done","attempt":2`)
	require.Contains(t, lines[2], `"idempotency_key":"`+failed.IdempotencyKey+`"`)
	require.Contains(t, lines[2], `"outcome":"refused","reason":"status 404 is final"`)

	require.Equal(t, []string{
		"enablement.client.attempts http.response.status_code=503",
		"enablement.client.attempts http.response.status_code=200",
		"enablement.client.duration enablement.outcome=done,http.response.status_code=200",
		"enablement.client.attempts http.response.status_code=404",
		"enablement.client.duration enablement.outcome=refused,http.response.status_code=404",
	}, s.meters.out)

	spans := s.spans.Ended()
	require.Len(t, spans, 2)
	require.Equal(t, "submit product", spans[0].Name())
	require.Len(t, spans[0].Events(), 2)
	require.Equal(t, codes.Unset, spans[0].Status().Code)
	require.Equal(t, codes.Error, spans[1].Status().Code)
	require.Contains(t, spans[1].Attributes(), attribute.String("enablement.trace_id", "abc"))
	require.Contains(t, traceparents[0], spans[0].SpanContext().TraceID().String(), "the server is told of the trace")

	_, err = client.New(key, client.WithMeterProvider(&meters{err: errors.New("no instrument")}))
	require.ErrorContains(t, err, "client: WithMeterProvider: no instrument")
}

// TestCanary: the key is in no sink, whatever the server or the transport makes of it.
func TestCanary(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]func(*http.Request) (*http.Response, error){
		"success that repeats it": says(200, strings.Replace(seed(t), `"rejected_items"`, `"key":"`+key+`","rejected_items"`, 1), "X-Trace-Id", key),
		"refusal that repeats it": says(401, `{"code":"`+key+`","message":"`+key+`","trace_id":"`+key+`"}`),
		"failure that repeats it": says(500, key, "X-Trace-Id", key),
		"garbage that repeats it": says(200, "<"+key, "Content-Type", key),
		"redirect to it":          says(307, key, "Location", "https://elsewhere.example/"+key),
		"error with the request":  func(req *http.Request) (*http.Response, error) { return nil, dump{req} },
		"error that hides it":     func(req *http.Request) (*http.Response, error) { return nil, silent{req.Header} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s sinks
			p := &played{lines: []func(*http.Request) (*http.Response, error){line}}
			c := playing(t, p, append(s.options(), client.WithRetry(client.RetryPolicy{BaseDelay: 1, MaxDelay: 1}))...)
			var response client.Response
			submission, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response), client.WithIdempotencyKey(key))
			_, _ = c.SubmitProduct(t.Context(), key, key)
			_, _ = c.SubmitProduct(t.Context(), key+" ", key)
			told := s.text(t)
			require.NotEmpty(t, s.log.String())
			require.NotEmpty(t, s.spans.Ended())
			require.NotContains(t, told, key)
			require.NotContains(t, string(response.Body), key)
			requireNoKey(t, response)
			requireNoKey(t, &response)
			requireNoKey(t, c)
			if err == nil {
				require.NotNil(t, submission)
				return
			}
			failed := failure(t, submission, err)
			requireNoKey(t, *failed)
			requireNoKey(t, failed.Err)
			requireNoKey(t, failed.Attempts)
			require.NotContains(t, string(failed.Body), key)
			require.NotContains(t, failed.IdempotencyKey, key)
		})
	}
	t.Run("the sinks do hold what they are told", func(t *testing.T) {
		t.Parallel()
		var s sinks
		p := &played{lines: []func(*http.Request) (*http.Response, error){says(404, `{"message":"canary bird"}`)}}
		_, err := playing(t, p, s.options()...).SubmitProduct(t.Context(), clientID, requestID)
		require.Error(t, err)
		require.GreaterOrEqual(t, strings.Count(s.text(t), "canary bird"), 4)
	})
}
