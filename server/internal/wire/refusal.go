// Package wire is what the service's listeners need around net/http: errors in the API's form for requests that reach no
// operation, a check of the Host header, limits on connections, and where a connection must be closed.
package wire

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Refuse answers a request that is no call of an operation with an error in the API's form. The log
// has a line with the same trace id.
func Refuse(w http.ResponseWriter, r *http.Request, logger *slog.Logger, status int, message string) {
	id := TraceID(r)
	body := errorBody(status, message, id)
	header := w.Header()
	for _, name := range []string{"Content-Encoding", "Etag", "Last-Modified"} { // of what would have been answered
		header.Del(name)
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Trace-Id", id)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if EndUnclear(r, false) {
		header.Set("Connection", "close")
	}
	logger.LogAttrs(r.Context(), slog.LevelInfo, "refused", slog.String("trace_id", id), slog.Int("status", status))
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever asked is gone
}

func errorBody(status int, message, traceID string) []byte {
	body, _ := json.Marshal(api.Error{Code: codeOf(status), Message: message, TraceID: traceID}) // strings only: it can't fail
	return body
}

// codeOf is for statuses of which most are not an operation's.
func codeOf(status int) api.ErrorCode {
	switch status {
	case http.StatusForbidden:
		return api.CodeAPIError
	case http.StatusNotFound:
		return api.CodeNotFound
	case http.StatusMethodNotAllowed:
		return api.CodeMethodNotAllowed
	case http.StatusConflict:
		return api.CodeVal
	case http.StatusRequestEntityTooLarge:
		return api.CodePayloadTooLarge
	case http.StatusServiceUnavailable:
		return api.CodeServiceUnavailable
	case http.StatusInternalServerError:
		return api.CodeServerError
	default:
		return api.CodeBadRequest
	}
}

// Errors gives the errors that next answers as plain text or without a body, as net/http's own
// handlers do, the API's form. The text becomes the message.
func Errors(next http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := &errorWriter{ResponseWriter: w}
		next.ServeHTTP(held, r)
		if held.status == 0 {
			return
		}
		message := strings.TrimSpace(string(held.text))
		if message == "" {
			message = http.StatusText(held.status)
		}
		Refuse(w, r, logger, held.status, message)
	})
}

// errorWriter holds back the status and the text of an error, and nothing else.
type errorWriter struct {
	http.ResponseWriter
	status int // of an error that was not sent
	text   []byte
}

// longestText is how much of an error's text is kept.
const longestText = 1 << 10

// WriteHeader implements [http.ResponseWriter].
func (w *errorWriter) WriteHeader(status int) {
	switch {
	case w.status != 0: // the first one counts
	case status >= 400:
		w.status = status
	default:
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements [http.ResponseWriter].
func (w *errorWriter) Write(b []byte) (int, error) {
	kind := w.Header().Get("Content-Type")
	switch {
	case w.status == 0:
	case kind == "", strings.HasPrefix(kind, "text/plain"):
		w.text = append(w.text, b[:min(len(b), longestText-len(w.text))]...)
		return len(b), nil
	default: // has a form of its own
		w.ResponseWriter.WriteHeader(w.status)
		w.status = 0
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets an [http.ResponseController] find what is beneath.
func (w *errorWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
