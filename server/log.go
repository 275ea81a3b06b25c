package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// logCall writes the one line of a call. Nothing in it was chosen by the caller but the trace id.
// Status 0 is an aborted call.
func (h *handler) logCall(c *call, r *http.Request) {
	attrs := make([]slog.Attr, 0, 7)
	attrs = append(attrs,
		slog.String("trace_id", c.traceID),
		slog.String("operation", c.operationID()),
		slog.String("method", knownMethod(r.Method)),
		slog.Int("status", c.status),
		slog.Duration("duration", time.Since(c.started)),
	)
	if c.authenticated {
		attrs = append(attrs,
			slog.String("company_id", c.principal.CompanyID),
			slog.String("key_prefix", c.principal.KeyPrefix),
		)
	}
	h.logger.LogAttrs(r.Context(), slog.LevelInfo, "call", attrs...)
}

// logCause writes what the caller isn't told: why a call failed, and why one was refused if there
// is more to it than the answer says.
func (h *handler) logCause(ctx context.Context, c *call, answer *Error) {
	var cause error = answer
	if answer.Err != nil {
		cause = answer.Err
	}
	level, message := slog.LevelError, "call failed"
	switch {
	case answer.Status < http.StatusInternalServerError && answer.Err == nil:
		return
	case answer.Status < http.StatusInternalServerError:
		level, message = slog.LevelWarn, "call refused"
	case errors.Is(ctx.Err(), context.Canceled) && errors.Is(cause, context.Canceled):
		level, message = slog.LevelInfo, "call left by its caller" // no fault of the service
	}
	attrs := []slog.Attr{
		slog.String("trace_id", c.traceID),
		slog.String("operation", c.operationID()),
		slog.String("err", cause.Error()),
	}
	var panicked *panicError
	if errors.As(cause, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.stack)))
	}
	h.logger.LogAttrs(ctx, level, message, attrs...)
}

// knownMethod keeps a method of the caller's invention out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	default:
		return "other"
	}
}
