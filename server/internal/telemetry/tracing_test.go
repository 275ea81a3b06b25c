package telemetry_test

import (
	"context"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
)

const (
	callerTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerSpan   = "00f067aa0ba902b7"
	callSpanName = "POST " + route
)

// The trace id is one: in the exported span, in the answer, and in the log. The caller's span is
// the parent.
func TestTraceIsOne(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		traceparent []string
		parent      string
	}{
		"of the caller": {[]string{"00-" + callerTrace + "-" + callerSpan + "-01"}, callerSpan},
		"our own":       {nil, ""},
		"malformed":     {[]string{"canary"}, ""},
		"two":           {[]string{"00-" + callerTrace + "-" + callerSpan + "-01", "00-" + callerTrace + "-" + callerSpan + "-01"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: 1})
			var log journal
			h := newHandler(t, newMetrics(telemetry.MetricsConfig{}), tracing, &log)
			r := request("POST", submitPath("req_1"))
			r.Header["Traceparent"] = test.traceparent
			w := ask(h, r)
			require.Equal(t, http.StatusOK, w.Code)
			flush(t, tracing)

			spans := c.spans()
			require.Len(t, spans, 2)
			span := spans[callSpanName]
			require.NotNil(t, span)
			trace := hex.EncodeToString(span.GetTraceId())
			require.Equal(t, trace, w.Header().Get("X-Trace-Id"))
			require.Equal(t, trace, log.traceID(t))
			require.Equal(t, test.parent != "", trace == callerTrace)
			require.Equal(t, test.parent, hex.EncodeToString(span.GetParentSpanId()))
			require.Equal(t, tracepb.Span_SPAN_KIND_SERVER, span.GetKind())
			require.Empty(t, span.GetTraceState())
			require.Equal(t, map[string]any{
				"http.request.method": "POST", "http.route": route, "http.response.status_code": 200,
				"enablement.operation": "submitProduct", "enablement.company_id": "cmp_1",
			}, attributes(span.GetAttributes()))

			child := spans["submitProduct"]
			require.Equal(t, span.GetSpanId(), child.GetParentSpanId())
			require.Equal(t, span.GetTraceId(), child.GetTraceId())
			require.Equal(t, map[string]any{
				"enablement.outcome": "committed", "enablement.client_id": "cli_found", "enablement.request_id": "req_found",
				"enablement.product": "cards_individuals", "enablement.status_before": "requested", "enablement.status": "in_kyc",
			}, attributes(child.GetAttributes()))
		})
	}
}

// TestSpans shows what is exported of calls that went another way, and that nothing of the
// caller's is in it.
func TestSpans(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, target, key string
		span                string
		want                map[string]any
		status              tracepb.Status_StatusCode
	}{
		"stranger": {"POST", submitPath("canary-id"), "canary-other", callSpanName, map[string]any{
			"http.request.method": "POST", "http.route": route, "http.response.status_code": 401,
			"enablement.operation": "submitProduct", "error.type": "AUTH",
		}, tracepb.Status_STATUS_CODE_UNSET},
		"query": {"POST", submitPath("canary-id") + "?canary=canary", key, callSpanName, map[string]any{
			"http.request.method": "POST", "http.route": route, "http.response.status_code": 400,
			"enablement.operation": "submitProduct", "enablement.company_id": "cmp_1", "error.type": "BAD_REQUEST",
		}, tracepb.Status_STATUS_CODE_UNSET},
		"panic": {"POST", submitPath("panic"), key, callSpanName, map[string]any{
			"http.request.method": "POST", "http.route": route, "http.response.status_code": 500,
			"enablement.operation": "submitProduct", "enablement.company_id": "cmp_1", "error.type": "SERVER_ERROR",
		}, tracepb.Status_STATUS_CODE_ERROR},
		"abort": {"POST", submitPath("abort"), key, callSpanName, map[string]any{
			"http.request.method": "POST", "http.route": route,
			"enablement.operation": "submitProduct", "enablement.company_id": "cmp_1",
		}, tracepb.Status_STATUS_CODE_ERROR},
		"no route": {"GET", "/canary?canary=canary", key, "GET", map[string]any{
			"http.request.method": "GET", "http.response.status_code": 404, "error.type": "NOT_FOUND",
		}, tracepb.Status_STATUS_CODE_UNSET},
		"made-up method": {"CANARY", "/canary", key, "HTTP", map[string]any{
			"http.request.method": "_OTHER", "http.response.status_code": 404, "error.type": "NOT_FOUND",
		}, tracepb.Status_STATUS_CODE_UNSET},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: 1})
			h := newHandler(t, newMetrics(telemetry.MetricsConfig{}), tracing, io.Discard)
			r := request(test.method, test.target)
			r.Header.Set("X-Api-Key", test.key)
			r.Header.Set("Traceparent", "00-"+callerTrace+"-"+callerSpan+"-01")
			func() {
				defer func() { _ = recover() }()
				ask(h, r)
			}()
			flush(t, tracing)
			spans := c.spans()
			require.Len(t, spans, 1)
			span := spans[test.span]
			require.NotNil(t, span)
			require.Equal(t, test.want, attributes(span.GetAttributes()))
			require.Equal(t, test.status, span.GetStatus().GetCode())
			require.Empty(t, span.GetEvents())
			require.Empty(t, span.GetLinks())
			require.NotContains(t, strings.ToLower(c.raw.String()), "canary")
			require.NotContains(t, c.raw.String(), "192.0.2.77")
		})
	}
}

// A panic that no server.Handler is there to catch leaves nothing of itself in the span.
func TestPanicOfAnotherHandler(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: 1})
	h := tracing.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("canary") }))
	require.Panics(t, func() { ask(h, request("GET", "/")) })
	flush(t, tracing)
	require.Len(t, c.spans(), 1)
	require.NotContains(t, c.raw.String(), "canary")
}

func TestRefusedAndFailedSubmissions(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: 1})
	tracing.ObserveWrite(t.Context(), "submitProduct", time.Now(), enablement.Change{}, fmt.Errorf("canary: %w", enablement.ErrRequestNotFound))
	flush(t, tracing)
	span := c.spans()["submitProduct"]
	require.Equal(t, map[string]any{"enablement.outcome": "refused"}, attributes(span.GetAttributes()))
	require.Equal(t, tracepb.Status_STATUS_CODE_UNSET, span.GetStatus().GetCode())

	c = newCollector(t)
	tracing = newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: 1})
	tracing.ObserveWrite(t.Context(), "submitProduct", time.Now(), enablement.Change{}, fmt.Errorf("canary: %w", io.ErrUnexpectedEOF))
	flush(t, tracing)
	span = c.spans()["submitProduct"]
	require.Equal(t, map[string]any{"enablement.outcome": "failed"}, attributes(span.GetAttributes()))
	require.Equal(t, tracepb.Status_STATUS_CODE_ERROR, span.GetStatus().GetCode())
	require.NotContains(t, c.raw.String(), "canary")
}

func TestDeliverySpan(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		delivery enablement.Delivery
		want     map[string]any
		status   string
	}{
		"delivered": {enablement.Delivery{StatusCode: 202, State: enablement.NotificationDelivered},
			map[string]any{"http.response.status_code": 202, "enablement.notification_state": "delivered"}, ""},
		"no answer": {enablement.Delivery{Fault: "no answer in time", State: enablement.NotificationPending},
			map[string]any{"enablement.notification_state": "pending"}, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: 1})
			d := test.delivery
			d.NotificationID, d.StartedAt, d.Duration, d.Process = "ntf_1", started, 20*time.Millisecond, "canary"
			tracing.ObserveDelivery(d)
			flush(t, tracing)
			span := c.spans()["deliver"]
			test.want["enablement.notification_id"] = "ntf_1"
			require.Equal(t, test.want, attributes(span.GetAttributes()))
			require.Equal(t, test.status, span.GetStatus().GetMessage())
			require.Equal(t, tracepb.Span_SPAN_KIND_CLIENT, span.GetKind())
			require.Empty(t, span.GetParentSpanId())
			require.EqualValues(t, started.UnixNano(), span.GetStartTimeUnixNano())
			require.EqualValues(t, started.Add(20*time.Millisecond).UnixNano(), span.GetEndTimeUnixNano())
			require.NotContains(t, c.raw.String(), "canary")
		})
	}
}

// What is not recorded still has a trace id, and the caller's is kept.
func TestSampling(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ratio       float64
		traceparent string
		recorded    bool
	}{
		"none":                      {0, "", false},
		"all":                       {1, "", true},
		"the caller records":        {0, "00-" + callerTrace + "-" + callerSpan + "-01", true},
		"the caller doesn't record": {1, "00-" + callerTrace + "-" + callerSpan + "-00", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCollector(t)
			tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: test.ratio})
			var log journal
			h := newHandler(t, newMetrics(telemetry.MetricsConfig{}), tracing, &log)
			r := request("POST", submitPath("req_1"))
			r.Header.Set("Traceparent", test.traceparent)
			id := ask(h, r).Header().Get("X-Trace-Id")
			require.Equal(t, id, log.traceID(t))
			if test.traceparent != "" {
				require.Equal(t, callerTrace, id)
			}
			flush(t, tracing)
			require.Equal(t, test.recorded, len(c.spans()) > 0)
		})
	}
}

// The environment changes nothing: neither where spans go, nor how many, nor what is in them.
func TestEnvironmentIsNotRead(t *testing.T) {
	elsewhere := newCollector(t)
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	certificate := filepath.Join(t.TempDir(), "canary.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(
		&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw}), 0o600))
	for name, value := range map[string]string{
		"OTEL_SERVICE_NAME": "canary", "OTEL_RESOURCE_ATTRIBUTES": "canary=canary",
		"OTEL_EXPORTER_OTLP_ENDPOINT": elsewhere.url, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": elsewhere.url + "/canary",
		"OTEL_EXPORTER_OTLP_HEADERS": "canary=canary", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "canary=canary",
		"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
		"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_EXPORTER_OTLP_INSECURE": "false", "OTEL_EXPORTER_OTLP_CERTIFICATE": certificate,
		"OTEL_TRACES_SAMPLER": "always_off", "OTEL_SDK_DISABLED": "true", "OTEL_PROPAGATORS": "none",
		"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "0", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "1",
		"OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_BSP_EXPORT_TIMEOUT": "1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
	} {
		t.Setenv(name, value)
	}
	c := newCollector(t)
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url + "/base", Headers: map[string]string{"X-Token": "secret"}, SampleRatio: 1})
	h := newHandler(t, newMetrics(telemetry.MetricsConfig{}), tracing, io.Discard)
	ask(h, request("POST", submitPath("req_1")))
	flush(t, tracing)
	require.Len(t, c.requests, 1)
	require.Equal(t, "/base/v1/traces", c.requests[0].URL.Path)
	require.Equal(t, "application/x-protobuf", c.requests[0].Header.Get("Content-Type"))
	require.Equal(t, "gzip", c.requests[0].Header.Get("Content-Encoding"))
	require.Equal(t, "secret", c.requests[0].Header.Get("X-Token"))
	require.NotContains(t, c.requests[0].Header, "Canary")
	require.Len(t, c.spans(), 2)
	require.Len(t, attributes(c.spans()[callSpanName].GetAttributes()), 5)
	require.Equal(t, map[string]any{
		"service.name": "enablement", "service.version": "v1.2.3", "service.instance.id": "host-1",
	}, attributes(c.got[0].GetResource().GetAttributes()))
	require.NotContains(t, c.raw.String(), "canary")
	require.Empty(t, elsewhere.requests)
}

// A collector that isn't there slows no call, and is logged now and then.
func TestCollectorDown(t *testing.T) {
	t.Parallel()
	var log journal
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: "http://127.0.0.1:1/hunter2", SampleRatio: 1, Logger: log.logger()})
	h := newHandler(t, newMetrics(telemetry.MetricsConfig{}), tracing, io.Discard)
	started := time.Now()
	const calls = 2000 // two spans each: more than the queue holds
	for range calls {
		require.Equal(t, http.StatusOK, ask(h, request("POST", submitPath("req_1"))).Code)
	}
	require.Less(t, time.Since(started)/calls, 10*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, tracing.Shutdown(ctx))
	require.LessOrEqual(t, strings.Count(log.String(), "traces could not be sent"), 2, "at first, and the rest at the end")
	require.Contains(t, log.String(), "traces could not be sent")
	require.Contains(t, log.String(), "http://127.0.0.1:1")
	require.NotContains(t, log.String(), "hunter2", "a path can carry a token")
}

// What a collector answers gets into the log in short, and never the headers that went to it.
func TestCollectorRefuses(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("no such token: " + r.Header.Get("X-Token") + strings.Repeat(".", 5000)))
	}))
	t.Cleanup(refusing.Close)
	var log journal
	tracing := newTracing(t, telemetry.TracingConfig{
		Endpoint: refusing.URL, Headers: map[string]string{"X-Token": "canary", "X-Empty": ""}, SampleRatio: 1, Logger: log.logger(),
	})
	ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/"))
	flush(t, tracing)
	require.Contains(t, log.String(), "403 Forbidden")
	require.Contains(t, log.String(), "no such token: [redacted]")
	require.NotContains(t, log.String(), "canary")
	require.Less(t, len(log.String()), 600)
}

// A collector that is busy is asked again, and what it takes in the end is not reported.
func TestCollectorBusy(t *testing.T) {
	t.Parallel()
	c := &collector{}
	var asked atomic.Int32
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(busy.Close)
	var log journal
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: busy.URL, SampleRatio: 1, Logger: log.logger()})
	ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/"))
	started := time.Now()
	flush(t, tracing)
	require.GreaterOrEqual(t, time.Since(started), time.Second)
	require.EqualValues(t, 2, asked.Load())
	require.Len(t, c.spans(), 1)
	require.Empty(t, log.String())
}

// What a collector did not take is reported, in its words.
func TestCollectorTakesSome(t *testing.T) {
	t.Parallel()
	for text, reported := range map[string]bool{"": false, "too old": true} {
		answer, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{
			PartialSuccess: &collectorpb.ExportTracePartialSuccess{ErrorMessage: text},
		})
		require.NoError(t, err)
		picky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			_, _ = w.Write(answer)
		}))
		t.Cleanup(picky.Close)
		var log journal
		tracing := newTracing(t, telemetry.TracingConfig{Endpoint: picky.URL, SampleRatio: 1, Logger: log.logger()})
		ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/"))
		flush(t, tracing)
		require.Equal(t, reported, strings.Contains(log.String(), "did not take all spans"), log.String())
		require.Contains(t, log.String(), text)
	}
}

// The headers stay with the collector that they are for.
func TestCollectorRedirects(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(elsewhere.Close)
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(redirecting.Close)
	var log journal
	tracing := newTracing(t, telemetry.TracingConfig{
		Endpoint: redirecting.URL, Headers: map[string]string{"X-Token": "canary"}, SampleRatio: 1, Logger: log.logger(),
	})
	ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/"))
	flush(t, tracing)
	require.Zero(t, reached.Load())
	require.Contains(t, log.String(), "307")
}

// A collector that never answers holds nobody up at the end, and its request is cut. goleak sees to
// it that nothing stays.
func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	cut := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(cut)
	}))
	t.Cleanup(hanging.Close)
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: hanging.URL, SampleRatio: 1})
	ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/"))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	started := time.Now()
	require.ErrorIs(t, tracing.Shutdown(ctx), context.DeadlineExceeded)
	<-cut
	require.Less(t, time.Since(started), 4*time.Second, "sooner than by the request's own timeout")
	// A call after the end is served as before.
	require.Equal(t, http.StatusNotFound, ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/")).Code)
	require.NoError(t, tracing.Shutdown(t.Context()), "the second time there is nothing left to do")
}

// Shutdown leaves no connection to the collector.
func TestShutdownHangsUp(t *testing.T) {
	t.Parallel()
	c := &collector{}
	closed := make(chan struct{})
	web := httptest.NewUnstartedServer(c)
	web.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	web.Start()
	t.Cleanup(web.Close)
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: web.URL, SampleRatio: 1})
	ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/"))
	flush(t, tracing)
	<-closed
	require.Len(t, c.spans(), 1)
}

// Even where no time is left, all comes to its end.
func TestShutdownWithoutTime(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	tracing := newTracing(t, telemetry.TracingConfig{Endpoint: c.url, SampleRatio: 1})
	for range 1000 {
		ask(tracing.Handler(http.NotFoundHandler()), request("GET", "/"))
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	started := time.Now()
	if err := tracing.Shutdown(over); err != nil { // it may be that there was nothing to wait for
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Less(t, time.Since(started), time.Second)
}

func TestNewTracingRefuses(t *testing.T) {
	t.Parallel()
	const good = "http://127.0.0.1:4318"
	for name, test := range map[string]struct {
		config telemetry.TracingConfig
		want   string
	}{
		"no endpoint":      {telemetry.TracingConfig{}, "OTLP endpoint"},
		"no scheme":        {telemetry.TracingConfig{Endpoint: "canary:4318"}, "OTLP endpoint"},
		"other scheme":     {telemetry.TracingConfig{Endpoint: "grpc://canary:4317"}, "OTLP endpoint"},
		"user in endpoint": {telemetry.TracingConfig{Endpoint: "http://me:canary@127.0.0.1"}, "OTLP endpoint"},
		"query":            {telemetry.TracingConfig{Endpoint: good + "?token=canary"}, "OTLP endpoint"},
		"negative ratio":   {telemetry.TracingConfig{Endpoint: good, SampleRatio: -0.1}, "sample ratio"},
		"ratio above one":  {telemetry.TracingConfig{Endpoint: good, SampleRatio: 1.1}, "sample ratio"},
		"no ratio":         {telemetry.TracingConfig{Endpoint: good, SampleRatio: math.NaN()}, "sample ratio"},
		"header's name":    {telemetry.TracingConfig{Endpoint: good, Headers: map[string]string{"a b": "canary"}}, "a name"},
		"no header's name": {telemetry.TracingConfig{Endpoint: good, Headers: map[string]string{"": "canary"}}, "a name"},
		"header's value":   {telemetry.TracingConfig{Endpoint: good, Headers: map[string]string{"X-Token": "canary\r\n"}}, "X-Token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracing, err := telemetry.NewTracing(t.Context(), test.config)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "canary")
			require.Nil(t, tracing)
		})
	}
}

// Where no tracing is configured, nil stands in for it.
func TestNoTracing(t *testing.T) {
	t.Parallel()
	var none *telemetry.Tracing
	var log journal
	h := newHandler(t, newMetrics(telemetry.MetricsConfig{}), none, &log)
	r := request("POST", submitPath("req_1"))
	r.Header.Set("Traceparent", "00-"+callerTrace+"-"+callerSpan+"-01")
	w := ask(h, r)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, callerTrace, w.Header().Get("X-Trace-Id"))
	none.ObserveDelivery(enablement.Delivery{})
	require.NoError(t, none.Shutdown(t.Context()))
}
