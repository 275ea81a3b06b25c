package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// How spans get to the collector. A span that finds the queue full is dropped: a call never waits
// for the collector.
const (
	spanQueue     = 2048
	spanBatch     = 512
	spanDelay     = 5 * time.Second
	sendTimeout   = 5 * time.Second
	retryFirst    = 500 * time.Millisecond
	retryLongest  = 5 * time.Second
	retryTotal    = 15 * time.Second
	exportTimeout = retryTotal + sendTimeout
)

// TracingConfig says where traces go.
type TracingConfig struct {
	// Endpoint is the base URL of a collector that speaks OTLP over HTTP, such as
	// http://127.0.0.1:4318; /v1/traces is added to it.
	Endpoint string
	// Headers go with every request to the collector, to say who sends it. They are secret.
	Headers map[string]string
	// ServiceVersion and Instance tell versions and processes of the service apart.
	ServiceVersion string
	Instance       string
	// SampleRatio is the part of the traces that is recorded, from 0 to 1. It decides on traces that
	// begin here; where the caller's traceparent says whether to record, that is obeyed.
	SampleRatio float64
	Logger      *slog.Logger
}

// Tracing records spans and sends them to a collector. A nil Tracing does nothing: it is what there
// is where none is configured.
type Tracing struct {
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
	queue    sdktrace.SpanProcessor
	exporter sdktrace.SpanExporter
	client   *http.Client
}

// CheckEndpoint returns an error unless traces can be sent to such an address.
func CheckEndpoint(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must be of the form http://host:port, without user and query")
	}
	return nil
}

// NewTracing returns tracing over OTLP. It doesn't need the collector to be there. [Tracing.Shutdown]
// ends it.
//
// All options of the SDK that it would take from OTEL_ variables are set here.
func NewTracing(ctx context.Context, config TracingConfig) (*Tracing, error) {
	if err := CheckEndpoint(config.Endpoint); err != nil {
		return nil, fmt.Errorf("OTLP endpoint: %w", err)
	}
	endpoint, err := url.Parse(config.Endpoint)
	if err != nil {
		return nil, err
	}
	if !(config.SampleRatio >= 0 && config.SampleRatio <= 1) { // NaN neither
		return nil, fmt.Errorf("sample ratio %v: must be from 0 to 1", config.SampleRatio)
	}
	if err := CheckHeaders(config.Headers); err != nil {
		return nil, fmt.Errorf("OTLP headers: %w", err)
	}
	t := &Tracing{client: &http.Client{
		Timeout: sendTimeout,
		// The headers are for this collector only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			ForceAttemptHTTP2:   true,
			IdleConnTimeout:     90 * time.Second,
			TLSHandshakeTimeout: sendTimeout,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		},
	}}
	t.exporter, err = otlptrace.New(ctx, newSending(endpoint.JoinPath("v1", "traces").String(), config.Headers, t.client))
	if err != nil {
		return nil, err
	}
	self := resource.NewWithAttributes(semconv.SchemaURL,
		semconv.ServiceName("enablement"),
		semconv.ServiceVersion(config.ServiceVersion),
		semconv.ServiceInstanceID(config.Instance),
	)
	t.queue = sdktrace.NewBatchSpanProcessor(newExporter(t.exporter, self, endpoint, config),
		sdktrace.WithMaxQueueSize(spanQueue),
		sdktrace.WithMaxExportBatchSize(spanBatch),
		sdktrace.WithBatchTimeout(spanDelay),
		sdktrace.WithExportTimeout(exportTimeout),
	)
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithResource(self),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(config.SampleRatio))),
		// No events and no links: nothing is recorded but the attributes below.
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{AttributeValueLengthLimit: 256, AttributeCountLimit: 16}),
		sdktrace.WithSpanProcessor(t.queue),
	)
	t.tracer = t.provider.Tracer("github.com/cryptomate-go/enablement/server")
	return t, nil
}

// Shutdown sends what was recorded and not sent yet, for as long as the context lasts; what is left
// then is dropped, and the context's error returned. Spans that end later are not recorded.
func (t *Tracing) Shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	always := context.WithoutCancel(ctx)
	// Not by the provider, which does nothing at all where the context is over already.
	err := t.queue.Shutdown(ctx)
	if err != nil {
		// The SDK would go on in the background. This cuts the request that is under way, and any other.
		err = errors.Join(fmt.Errorf("traces were not all sent: %w", err), t.exporter.Shutdown(always))
	}
	err = errors.Join(err, t.provider.Shutdown(always))
	t.client.CloseIdleConnections()
	return err
}

// Handler records a span for each call, as a child of the caller's by its traceparent. It knows
// nothing of the call that [Tracing.ObserveCall] would not tell it.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := t.tracer.Start(withParent(r.Context(), r.Header), "HTTP", trace.WithSpanKind(trace.SpanKindServer))
		defer func() { span.End() }() // deferred by itself, End would record what a panic says
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// withParent puts the caller's span into the context. A tracestate is left out: it is the caller's
// free text.
func withParent(ctx context.Context, request http.Header) context.Context {
	parents := request["Traceparent"]
	if len(parents) != 1 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parents[0]})
}

// ObserveCall is for [server.WithObserver]: it tells the call's span what the call was.
func (t *Tracing) ObserveCall(ctx context.Context, call server.Call) {
	span := trace.SpanFromContext(ctx)
	if t == nil || !span.IsRecording() {
		return
	}
	method, name := call.Method, call.Method
	if method == other {
		method, name = "_OTHER", "HTTP"
	}
	span.SetAttributes(semconv.HTTPRequestMethodKey.String(method))
	if call.Route != "" {
		name += " " + call.Route
		span.SetAttributes(semconv.HTTPRoute(call.Route), operationKey.String(call.Operation))
	}
	span.SetName(name)
	if principal, ok := server.PrincipalFrom(ctx); ok {
		span.SetAttributes(companyKey.String(principal.CompanyID))
	}
	if call.Code != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(string(call.Code)))
	}
	if call.Status == 0 {
		span.SetStatus(codes.Error, "aborted")
		return
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(call.Status))
	if call.Status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// Attributes of our own.
const (
	operationKey         = attribute.Key("enablement.operation")
	companyKey           = attribute.Key("enablement.company_id")
	clientKey            = attribute.Key("enablement.client_id")
	requestKey           = attribute.Key("enablement.request_id")
	productKey           = attribute.Key("enablement.product")
	outcomeKey           = attribute.Key("enablement.outcome")
	fromKey              = attribute.Key("enablement.status_before")
	toKey                = attribute.Key("enablement.status")
	notificationKey      = attribute.Key("enablement.notification_id")
	notificationStateKey = attribute.Key("enablement.notification_state")
)

// ObserveWrite records a write that began at the moment, as a part of its call. Its ids are those
// that were found, never what the caller asked for.
func (t *Tracing) ObserveWrite(ctx context.Context, operation string, started time.Time, change enablement.Change, err error) {
	if t == nil {
		return
	}
	_, span := t.tracer.Start(ctx, operation, trace.WithTimestamp(started))
	defer span.End()
	outcome := outcomeOf(change, err)
	span.SetAttributes(outcomeKey.String(outcome))
	switch outcome {
	case failed:
		span.SetStatus(codes.Error, "")
	case committed:
		if change.Client != nil {
			span.SetAttributes(clientKey.String(change.Client.ID))
		}
		if change.Request.ID == "" {
			return
		}
		span.SetAttributes(
			clientKey.String(change.Request.ClientID),
			requestKey.String(change.Request.ID),
			productKey.String(string(change.Request.Product)),
			fromKey.String(string(change.From)),
			toKey.String(string(change.Request.Status)),
		)
	}
}

// ObserveDelivery records an attempt that was made, as a trace of its own: the call that caused the
// notification is over, and may be so for a day.
func (t *Tracing) ObserveDelivery(d enablement.Delivery) {
	if t == nil {
		return
	}
	_, span := t.tracer.Start(context.Background(), "deliver",
		trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(d.StartedAt))
	span.SetAttributes(
		notificationKey.String(d.NotificationID),
		notificationStateKey.String(string(d.State)),
	)
	if d.StatusCode != 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(d.StatusCode))
	}
	if d.Fault != "" {
		span.SetStatus(codes.Error, d.Fault)
	}
	span.End(trace.WithTimestamp(d.StartedAt.Add(d.Duration)))
}
