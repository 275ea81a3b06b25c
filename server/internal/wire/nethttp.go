package wire

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// plainText is what net/http writes right after the status line of what it answers by itself, and
// nothing else does: an answer of a handler has a Date there.
const plainText = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// notTLS is how net/http answers HTTP on a port that speaks HTTPS, as it stands on the connection.
const notTLS = "HTTP/1.0 400 Bad Request\r\n\r\n"

// inOurForm turns what net/http answers by itself, before any handler is asked, into an error of the
// API's form; nil is anything else. net/http has no hook for it, but writes each of these answers at
// once and closes the connection after it, so that there is no other answer to mix it up with.
//
// It sees nothing of what is said within TLS.
func inOurForm(b []byte, logger *slog.Logger) []byte {
	status, reason := ownAnswer(b)
	if status == 0 {
		return nil
	}
	id := randomTraceID() // the request could not be read
	logger.Info("refused", "trace_id", id, "status", status)
	body := errorBody(status, messageOf(status, reason), id)
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-Trace-Id: %s\r\n"+
		"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nDate: %s\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), id, time.Now().UTC().Format(http.TimeFormat), body)
}

// ownAnswer returns the status of an answer of net/http's own, with the reason where it gives one.
func ownAnswer(b []byte) (status int, reason string) {
	const line = "HTTP/1.1 400"
	if len(b) < len(line) || b[0] != 'H' || b[9] != '4' && b[9] != '5' {
		return 0, ""
	}
	if bytes.HasPrefix(b, []byte(notTLS)) {
		return http.StatusBadRequest, "HTTP on a port of HTTPS"
	}
	first, rest, _ := bytes.Cut(b, []byte("\r\n"))
	status, err := strconv.Atoi(string(b[len("HTTP/1.1 "):len(line)]))
	own := bytes.HasPrefix(b[len(first):], []byte(plainText)) ||
		status == http.StatusExpectationFailed && bytes.HasPrefix(rest, []byte("Connection: close\r\n"))
	if err != nil || !own {
		return 0, ""
	}
	_, reason, _ = strings.Cut(string(first), ": ")
	return status, reason
}

// messageOf puts in words what net/http says by a status.
func messageOf(status int, reason string) string {
	switch {
	case status == http.StatusRequestHeaderFieldsTooLarge:
		return "The request's line and headers are larger than the server reads"
	case status == http.StatusExpectationFailed:
		return "Expect: the server knows 100-continue only"
	case status == http.StatusNotImplemented:
		return "Transfer-Encoding: the server knows chunked only"
	case status == http.StatusHTTPVersionNotSupported:
		return "The server does not speak this version of HTTP"
	case reason != "":
		return "The request is malformed: " + reason
	default:
		return "The request is malformed"
	}
}
