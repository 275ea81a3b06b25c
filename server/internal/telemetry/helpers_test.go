package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	route = "/management/clients/individuals/{clientId}/products/{productRequestId}/submit"
	key   = "cm_canary-key"
)

// impl answers by the request's id: with an error of that name, or as if the request had entered KYC.
type impl struct {
	observe func(ctx context.Context, started time.Time, change enablement.Change, err error)
}

func (i impl) SubmitProduct(ctx context.Context, r api.SubmitProductRequestObject) (api.SubmitProductResponseObject, error) {
	switch r.ProductRequestID {
	case "missing":
		return nil, server.NotFound("canary-message")
	case "conflict":
		return nil, server.Conflict(api.CodeVal, "canary-message")
	case "panic":
		panic("canary-panic")
	case "abort":
		panic(http.ErrAbortHandler)
	}
	i.observe(ctx, time.Now(), completed, nil)
	day := api.NewTimestamp(time.Date(2026, 4, 15, 10, 30, 0, 0, time.UTC))
	return api.SubmitProduct200JSONResponse{SubmittedJSONResponse: api.SubmittedJSONResponse{Body: api.EvaluatedProduct{
		Product: api.Product{
			ID: r.ProductRequestID, ClientID: r.ClientID, Product: api.CardsIndividuals, Status: api.InKyc,
			MissingRequirements: api.MissingRequirements{Documents: []api.DocumentRequirement{}, Data: []api.DataRequirement{}},
			CreatedAt:           day, UpdatedAt: day,
		},
		RejectedItems: []api.RejectedItem{},
	}}}, nil
}

// completed is a change by which a request entered KYC.
var completed = enablement.Change{
	Request: enablement.Request{
		ID: "req_found", ClientID: "cli_found", Product: enablement.CardsIndividuals, Status: enablement.InKYC,
	},
	From: enablement.Requested, Changed: true,
}

func authenticate(_ context.Context, apiKey string, _ netip.Addr) (server.Principal, error) {
	if apiKey != key {
		return server.Principal{}, server.ErrInvalidKey
	}
	return server.Principal{KeyID: "key_1", KeyPrefix: "cm_1", CompanyID: "cmp_1", AccessLevel: 3}, nil
}

// newHandler is a server as the service has it.
func newHandler(t testing.TB, metrics *telemetry.Metrics, tracing *telemetry.Tracing, log io.Writer) http.Handler {
	t.Helper()
	h, err := server.Handler(impl{func(ctx context.Context, started time.Time, change enablement.Change, err error) {
		metrics.ObserveWrite("submitProduct", started, change, err)
		tracing.ObserveWrite(ctx, "submitProduct", started, change, err)
	}},
		server.WithAuthenticator(server.AuthenticatorFunc(authenticate)),
		server.WithLogger(slog.New(slog.NewJSONHandler(log, nil))),
		server.WithObserver(metrics.ObserveCall),
		server.WithObserver(tracing.ObserveCall),
	)
	require.NoError(t, err)
	return tracing.Handler(metrics.InFlight(h))
}

func newMetrics(config telemetry.MetricsConfig) *telemetry.Metrics {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	config.Version, config.Writes = "v1.2.3", []string{"submitProduct"}
	return telemetry.NewMetrics(config)
}

func submitPath(request string) string {
	return "/management/clients/individuals/cli_1/products/" + request + "/submit"
}

// request is a call with a canary wherever there is room for one.
func request(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("X-Api-Key", key)
	r.Header.Set("Idempotency-Key", "canary-idempotency")
	r.Header.Set("User-Agent", "canary-agent")
	r.Header.Set("X-Forwarded-For", "192.0.2.77")
	r.Header.Set("Tracestate", "vendor=canary-state")
	r.Header.Set("Baggage", "user=canary-baggage")
	r.Header.Set("Cookie", "canary=canary")
	r.Host = "canary.example"
	r.RemoteAddr = "192.0.2.77:1234"
	return r
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
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

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(j, nil)) }

// traceID is that of the first line.
func (j *journal) traceID(t *testing.T) string {
	t.Helper()
	var line struct {
		TraceID string `json:"trace_id"`
	}
	for lines := json.NewDecoder(strings.NewReader(j.String())); line.TraceID == ""; { // the first is about no call
		require.NoError(t, lines.Decode(&line))
	}
	return line.TraceID
}

// collector is an OTLP collector that keeps what it gets.
type collector struct {
	url string

	mutex    sync.Mutex
	requests []*http.Request
	raw      bytes.Buffer
	got      []*tracepb.ResourceSpans
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	c.url = web.URL
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	raw, err := io.ReadAll(body)
	var message collectorpb.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(raw, &message) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.requests = append(c.requests, r)
	c.raw.Write(raw)
	c.got = append(c.got, message.GetResourceSpans()...)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// spans are those that arrived, by name.
func (c *collector) spans() map[string]*tracepb.Span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	spans := map[string]*tracepb.Span{}
	for _, resource := range c.got {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				spans[span.GetName()] = span
			}
		}
	}
	return spans
}

func attributes(list []*commonpb.KeyValue) map[string]any {
	values := map[string]any{}
	for _, a := range list {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			values[a.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			values[a.GetKey()] = int(v.IntValue)
		default:
			values[a.GetKey()] = v
		}
	}
	return values
}

func newTracing(t *testing.T, config telemetry.TracingConfig) *telemetry.Tracing {
	t.Helper()
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	config.ServiceVersion, config.Instance = "v1.2.3", "host-1"
	tracing, err := telemetry.NewTracing(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tracing.Shutdown(context.Background()) })
	return tracing
}

// flush sends all spans; tracing is over then.
func flush(t *testing.T, tracing *telemetry.Tracing) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, tracing.Shutdown(ctx))
}
