package client

import (
	"context"
	"log/slog"
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
	attempts metric.Int64Counter
}

func newTelemetry(conf config) (t telemetry, err error) {
	t.logger = conf.logger
	if conf.tracers != nil {
		t.tracer = conf.tracers.Tracer(scope, trace.WithInstrumentationVersion(version))
	}
	if conf.meters == nil {
		return t, nil
	}
	meter := conf.meters.Meter(scope, metric.WithInstrumentationVersion(version))
	t.duration, err = meter.Float64Histogram("enablement.client.duration", metric.WithUnit("s"),
		metric.WithDescription("How long calls took, with all attempts and waits."))
	if err == nil {
		t.attempts, err = meter.Int64Counter("enablement.client.attempts", metric.WithUnit("{attempt}"),
			metric.WithDescription("How often calls were sent."))
	}
	return t, err
}

// observed is a call that telemetry tells of.
type observed struct {
	telemetry
	ctx   context.Context
	began time.Time
	call  *call
	span  trace.Span // nil without a tracer
}

// start begins to observe a call, and sends the trace context of its span along. It returns the context that the
// call's attempts belong to.
func (t telemetry) start(ctx context.Context, c *Client, call *call) (context.Context, observed) {
	o := observed{telemetry: t, ctx: ctx, call: call, began: time.Now()}
	if t.tracer != nil {
		attributes := []attribute.KeyValue{attribute.String("server.address", c.base.Hostname())}
		for _, id := range call.ids() {
			attributes = append(attributes, attribute.String("enablement."+id.attribute, c.key.Mask(id.value)))
		}
		o.ctx, o.span = t.tracer.Start(ctx, call.title, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
		propagation.TraceContext{}.Inject(o.ctx, propagation.HeaderCarrier(call.req.Header))
	}
	return o.ctx, o
}

// attempted tells of an attempt; failed is nil where it succeeded, again says whether another one follows.
func (o observed) attempted(n int, attempt Attempt, failed *Error, again bool) {
	status := attribute.Int("http.response.status_code", attempt.StatusCode)
	if o.attempts != nil {
		o.attempts.Add(o.ctx, 1, metric.WithAttributes(status))
	}
	if o.span != nil {
		o.span.AddEvent("attempt", trace.WithAttributes(attribute.Int("number", n), status,
			attribute.String("cause", attempt.Cause), attribute.String("reason", attempt.Reason)))
	}
	level := slog.LevelDebug
	if again {
		level = slog.LevelWarn
	}
	if o.logger == nil || !o.logger.Enabled(o.ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.Int("attempt", n), slog.Duration("took", attempt.Duration), slog.Int("status", attempt.StatusCode)}
	message := ": done"
	if failed != nil {
		message = ": failed"
		attrs = append(attrs, slog.String("cause", attempt.Cause), slog.String("outcome", attempt.Outcome.String()),
			slog.String("reason", attempt.Reason), slog.String("idempotency_key", failed.IdempotencyKey))
	}
	if again {
		message = ": failed, goes on"
		attrs = append(attrs, slog.Duration("wait", attempt.Wait))
	}
	o.logger.LogAttrs(o.ctx, level, o.call.title+message, attrs...)
}

// end tells of the call; failed is nil where it succeeded.
func (o observed) end(failed *Error) {
	outcome, status := "done", o.call.received.status
	if failed != nil {
		outcome, status = failed.Outcome.String(), failed.StatusCode
	}
	attributes := []attribute.KeyValue{
		attribute.String("enablement.outcome", outcome), attribute.Int("http.response.status_code", status),
	}
	if o.duration != nil {
		o.duration.Record(o.ctx, time.Since(o.began).Seconds(), metric.WithAttributes(attributes...))
	}
	if o.span == nil {
		return
	}
	o.span.SetAttributes(attributes...)
	if failed != nil {
		o.span.SetAttributes(attribute.String("enablement.trace_id", failed.TraceID), attribute.Int("enablement.attempts", len(failed.Attempts)))
		o.span.SetStatus(codes.Error, failed.Error())
	}
	o.span.End()
}
