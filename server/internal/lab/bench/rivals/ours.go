package rivals

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/oapi-codegen/runtime"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/pages"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
)

// canned is a store that knows its answer to a submission, and stores no client.
type canned struct{ enablement.Store }

// Submit implements [enablement.Store].
func (canned) Submit(_ context.Context, c enablement.Call, _ func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	body, err := json.Marshal(typed(answer(c)))
	return enablement.Change{Response: body}, err
}

// Change implements [enablement.Store]: the decision is the domain's, about a client that is there or one that is not.
func (canned) Change(_ context.Context, c enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	return decide(enablement.File{Client: enablement.Client{
		ID: c.ClientID, CompanyID: c.CompanyID, Status: enablement.ClientPending, CreatedAt: created, UpdatedAt: created,
	}})
}

// newOurs wires the handler as the service does, with all that is on by default and no traces.
func newOurs(validateResponses bool) (http.Handler, error) {
	runtime.SetJSONCodec(httpapi.Codec{})
	logger := slog.New(slog.NewJSONHandler(io.Discard, nil))
	metrics := telemetry.NewMetrics(telemetry.MetricsConfig{Version: "bench", Logger: logger})
	var tracing *telemetry.Tracing
	handler, err := server.Handler(httpapi.New(httpapi.Config{Store: canned{}, Clock: time.Now}),
		server.WithTimeout(10*time.Second),
		server.WithAuthenticator(newAuthenticator()),
		server.WithLogger(logger),
		server.WithResponseValidation(validateResponses),
		server.WithObserver(metrics.ObserveCall),
		server.WithObserver(tracing.ObserveCall),
		server.WithRateLimit(server.RateLimit{PerSecond: 1_000_000}), // high enough to refuse nothing
	)
	if err != nil {
		return nil, err
	}
	return pages.Handler(tracing.Handler(metrics.InFlight(handler)), nil, slog.New(slog.DiscardHandler))
}
