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

// start begins to tell of a call, and sends the trace context of its span along. It returns the context that the call's
// attempts belong to.
func (c *Client) start(ctx context.Context, call *call) context.Context {
	call.began = time.Now()
	if c.tracer == nil {
		return ctx
	}
	attributes := []attribute.KeyValue{attribute.String("server.address", c.base.Hostname())}
	if call.ids > 0 {
		attributes = append(attributes, attribute.String("enablement.client_id", c.key.Mask(call.asked.ClientID)))
	}
	if call.ids > 1 {
		attributes = append(attributes, attribute.String("enablement.request_id", c.key.Mask(call.asked.RequestID)))
	}
	ctx, call.span = c.tracer.Start(ctx, call.title, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(call.req.Header))
	return ctx
}

// attempted tells of a call's last attempt; failed is nil where it succeeded, again says whether another one follows. What it
// tells was masked before.
func (call *call) attempted(ctx context.Context, failed *Error, again bool) {
	n := len(call.attempts)
	attempt := call.attempts[n-1]
	status := attribute.Int("http.response.status_code", attempt.StatusCode)
	if call.counter != nil {
		call.counter.Add(ctx, 1, metric.WithAttributes(status))
	}
	if call.span != nil {
		call.span.AddEvent("attempt", trace.WithAttributes(attribute.Int("number", n), status,
			attribute.String("cause", attempt.Cause), attribute.String("reason", attempt.Reason)))
	}
	level := slog.LevelDebug
	if again {
		level = slog.LevelWarn
	}
	if call.logger == nil || !call.logger.Enabled(ctx, level) {
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
	call.logger.LogAttrs(ctx, level, call.title+message, attrs...)
}

// end tells of the call; failed is nil where it succeeded.
func (call *call) end(ctx context.Context, failed *Error) {
	outcome, status := "done", call.received.status
	if failed != nil {
		outcome, status = failed.Outcome.String(), failed.StatusCode
	}
	attributes := []attribute.KeyValue{
		attribute.String("enablement.outcome", outcome), attribute.Int("http.response.status_code", status),
	}
	if call.duration != nil {
		call.duration.Record(ctx, time.Since(call.began).Seconds(), metric.WithAttributes(attributes...))
	}
	if call.span == nil {
		return
	}
	call.span.SetAttributes(attributes...)
	if failed != nil {
		call.span.SetAttributes(attribute.String("enablement.trace_id", failed.TraceID), attribute.Int("enablement.attempts", len(failed.Attempts)))
		call.span.SetStatus(codes.Error, failed.Error())
	}
	call.span.End()
}
