package server

import "context"

// TraceIDFrom returns the trace id of the call that ctx belongs to: 32 lower-case hexadecimal
// digits, which the caller gets as X-Trace-Id and the log as trace_id. It is that of the
// OpenTelemetry span in whose context the request came to the handler, if there is one; else that
// of the request's W3C traceparent if that is valid; else a random one. Outside of a call it is
// empty.
func TraceIDFrom(ctx context.Context) string {
	if c := callFrom(ctx); c != nil {
		return c.traceID
	}
	return ""
}
