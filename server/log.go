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
//
// It does what [slog.Logger.LogAttrs] does, but knows the time and its own place without looking.
func (h *handler) logCall(c *call, r *http.Request, took time.Duration) {
	logger, bound := h.logger, c.operation != nil && c.operation.route.Method == r.Method // HEAD may come to GET's
	if bound {
		logger = c.operation.logger
	}
	if !logger.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	line := slog.NewRecord(c.started.Add(took), slog.LevelInfo, "call", h.logPC)
	line.AddAttrs(
		slog.String("trace_id", c.traceID),
		slog.Int("status", c.status),
		slog.Duration("duration", took),
	)
	if c.authenticated {
		line.AddAttrs(
			slog.String("company_id", c.principal.CompanyID),
			slog.String("key_prefix", c.principal.KeyPrefix),
		)
	}
	if !bound {
		line.AddAttrs(slog.String("operation", c.operationID()), slog.String("method", knownMethod(r.Method)))
	}
	_ = logger.Handler().Handle(r.Context(), line) // what can't be logged is lost, as in slog
}

// logCause writes what the caller isn't told: why a call failed, and why one was refused if there
// is more to it than the response says.
func (h *handler) logCause(ctx context.Context, c *call, e *Error) {
	var cause error = e
	if e.Err != nil {
		cause = e.Err
	}
	level, message := slog.LevelError, "call failed"
	switch {
	case e.Status < http.StatusInternalServerError && e.Err == nil:
		return
	case e.Status < http.StatusInternalServerError:
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
