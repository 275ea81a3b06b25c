package telemetry_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
)

// BenchmarkObserveCall is what metrics cost a call.
func BenchmarkObserveCall(b *testing.B) {
	m := newMetrics(telemetry.MetricsConfig{})
	call := server.Call{Operation: "submitProduct", Route: route, Method: "POST", Status: 401, Code: api.CodeAuth, Duration: time.Millisecond}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		m.ObserveCall(ctx, call)
	}
}

// BenchmarkCall is a whole call, bare and with what can be around it. Spans go nowhere: the sender
// works beside the calls.
func BenchmarkCall(b *testing.B) {
	tracing, err := telemetry.NewTracing(b.Context(), telemetry.TracingConfig{
		Endpoint: "http://127.0.0.1:1", SampleRatio: 1, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	b.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = tracing.Shutdown(ended)
	})
	m := newMetrics(telemetry.MetricsConfig{})
	bare, err := server.Handler(impl{func(context.Context, time.Time, enablement.Change, error) {}},
		server.WithAuthenticator(server.AuthenticatorFunc(authenticate)),
		server.WithLogger(slog.New(slog.NewJSONHandler(io.Discard, nil))))
	require.NoError(b, err)
	for _, bench := range []struct {
		name    string
		handler http.Handler
	}{
		{"bare", bare},
		{"metrics", newHandler(b, m, nil, io.Discard)},
		{"metrics and traces", newHandler(b, m, tracing, io.Discard)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := request("POST", submitPath("req_1"))
			b.ReportAllocs()
			for b.Loop() {
				ask(bench.handler, r)
			}
		})
	}
}
