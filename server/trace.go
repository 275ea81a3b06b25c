package server

import "context"

// TraceIDFrom returns the trace id of the call that ctx belongs to: 32 lower-case hexadecimal digits. The
// caller gets it as X-Trace-Id, and the log has it as trace_id. It is taken from the OpenTelemetry span
// in the context of the request, or else from a valid W3C traceparent header, or else it is random.
// Outside of a call, it is empty.
func TraceIDFrom(ctx context.Context) string {
	if c := callFrom(ctx); c != nil {
		return c.traceID
	}
	return ""
}
