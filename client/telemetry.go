package client

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// scope is what traces and metrics say of their origin.
const scope = "github.com/cryptomate-go/enablement/client"

// telemetry tells of calls to whom the options name. What it tells was masked before.
type telemetry struct {
	logger   *slog.Logger
	tracer   trace.Tracer
	duration metric.Float64Histogram
	tries    metric.Int64Counter
}

func newTelemetry(conf config) (telemetry, error) {
	t := telemetry{logger: conf.logger}
	if conf.tracers != nil {
		t.tracer = conf.tracers.Tracer(scope, trace.WithInstrumentationVersion(version))
	}
	if conf.meters == nil {
		return t, nil
	}
	meter := conf.meters.Meter(scope, metric.WithInstrumentationVersion(version))
	var err error
	t.duration, err = meter.Float64Histogram("enablement.client.duration", metric.WithUnit("s"),
		metric.WithDescription("How long calls took, with all tries and waits."))
	if err != nil {
		return t, err
	}
	t.tries, err = meter.Int64Counter("enablement.client.tries", metric.WithUnit("{try}"),
		metric.WithDescription("How often calls were sent."))
	return t, err
}

// inject sends the trace context of the call's span along.
func (t telemetry) inject(ctx context.Context, header http.Header) {
	if t.tracer != nil {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	}
}

// observed is a call that telemetry tells of.
type observed struct {
	telemetry
	ctx   context.Context
	clock Clock
	began time.Time
	call  *call
	span  trace.Span // nil without a tracer
}

// start begins to observe a call. It returns the context that the call's tries belong to.
func (t telemetry) start(ctx context.Context, c *Client, call *call) (context.Context, observed) {
	o := observed{telemetry: t, ctx: ctx, clock: c.clock, call: call}
	if t.duration != nil {
		o.began = c.clock.Now()
	}
	if t.tracer != nil {
		o.ctx, o.span = t.tracer.Start(ctx, "submit product", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("server.address", c.base.Hostname()),
			attribute.String("enablement.client_id", c.key.mask(call.clientID)),
			attribute.String("enablement.request_id", c.key.mask(call.productRequestID)),
		))
	}
	return o.ctx, o
}

// tried tells of a try; failed is nil where it succeeded, again says whether another one follows.
func (o observed) tried(n int, attempt Attempt, failed *Error, again bool) {
	if o.tries != nil {
		o.tries.Add(o.ctx, 1, metric.WithAttributes(attribute.Int("http.response.status_code", attempt.StatusCode)))
	}
	if o.span != nil {
		o.span.AddEvent("try", trace.WithAttributes(
			attribute.Int("number", n),
			attribute.Int("http.response.status_code", attempt.StatusCode),
			attribute.String("cause", attempt.Cause),
			attribute.String("reason", attempt.Reason),
		))
	}
	if o.logger == nil {
		return
	}
	level := slog.LevelDebug
	if again {
		level = slog.LevelWarn
	}
	if !o.logger.Enabled(o.ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.Int("try", n),
		slog.Duration("took", attempt.Duration),
		slog.Int("status", attempt.StatusCode),
	}
	message := "submit product: done"
	if failed != nil {
		message = "submit product: failed"
		attrs = append(attrs, slog.String("cause", attempt.Cause), slog.String("outcome", attempt.Outcome.String()),
			slog.String("reason", attempt.Reason), slog.String("idempotency_key", failed.IdempotencyKey))
	}
	if again {
		message = "submit product: failed, trying again"
		attrs = append(attrs, slog.Duration("wait", attempt.Wait))
	}
	o.logger.LogAttrs(o.ctx, level, message, attrs...)
}

// end tells of the call; failed is nil where it succeeded.
func (o observed) end(failed *Error) {
	outcome, status := "done", http.StatusOK
	if failed != nil {
		outcome, status = failed.Outcome.String(), failed.StatusCode
	}
	attributes := []attribute.KeyValue{
		attribute.String("enablement.outcome", outcome),
		attribute.Int("http.response.status_code", status),
	}
	if o.duration != nil {
		o.duration.Record(o.ctx, o.clock.Now().Sub(o.began).Seconds(), metric.WithAttributes(attributes...))
	}
	if o.span == nil {
		return
	}
	o.span.SetAttributes(attributes...)
	if failed != nil {
		o.span.SetAttributes(
			attribute.String("enablement.trace_id", failed.TraceID),
			attribute.Int("enablement.tries", len(failed.Attempts)),
		)
		o.span.SetStatus(codes.Error, failed.Error())
	}
	o.span.End()
}
