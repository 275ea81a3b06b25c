package wire

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// TraceID returns the id under which the log has a request: 32 lower-case hexadecimal digits. It is
// that of the OpenTelemetry span in the request's context, if there is one; else that of its W3C
// traceparent, if there is one and it is valid; else a random one.
func TraceID(r *http.Request) string {
	if span := trace.SpanContextFromContext(r.Context()); span.IsValid() {
		return span.TraceID().String()
	}
	if parents := r.Header["Traceparent"]; len(parents) == 1 {
		if id, ok := parseTraceparent(parents[0]); ok {
			return id
		}
	}
	return randomTraceID()
}

func randomTraceID() string {
	var id [16]byte // random, not secret
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	var text [2 * len(id)]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}

// parseTraceparent reads version-traceid-parentid-flags (https://www.w3.org/TR/trace-context/).
// A later version than 00 may have more to say after the flags.
func parseTraceparent(text string) (traceID string, ok bool) {
	const length = 55
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return "", false
	}
	version, traceID, parentID, flags := text[:2], text[3:35], text[36:52], text[53:length]
	if version == "ff" || len(text) > length && (version == "00" || text[length] != '-') {
		return "", false
	}
	if !isLowerHex(version) || !isLowerHex(flags) || !isID(traceID) || !isID(parentID) {
		return "", false
	}
	return traceID, true
}

func isID(text string) bool {
	return isLowerHex(text) && strings.Trim(text, "0") != "" // all zero means: none
}

func isLowerHex(text string) bool {
	return strings.Trim(text, "0123456789abcdef") == ""
}
