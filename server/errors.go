package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Error is an error that the specification documents. An implementation returns one, as it is or
// wrapped, to respond with it. An [Authenticator] may do so, too.
//
// The status must be a 4xx or 5xx that the operation declares, and the code must be known. Any other
// Error becomes a 500 and is logged.
type Error struct {
	// Status is the HTTP status of the response.
	Status int
	// Code is the response's code.
	Code api.ErrorCode
	// Message tells the caller what is wrong. If it is empty, the response has the usual text of the status.
	Message string
	// RetryAfter is sent as Retry-After, rounded up to whole seconds, at most a day. A 429 and a 503
	// always have one of at least a second. With another status, zero means no such header.
	RetryAfter time.Duration
	// Err is the cause. It goes to the log and never to the caller.
	Err error
}

// NotFound is the response to a call about something that doesn't exist, or that belongs to another company.
func NotFound(message string) *Error {
	return &Error{Status: http.StatusNotFound, Code: api.CodeNotFound, Message: message}
}

// Conflict is the response to a call that doesn't fit the present state, such as that of the request.
func Conflict(code api.ErrorCode, message string) *Error {
	return &Error{Status: http.StatusConflict, Code: code, Message: message}
}

// Unavailable is the response to a call that can't be finished now, because of err. It does not promise
// that nothing has changed: a commit may have succeeded although its answer was lost.
func Unavailable(retryAfter time.Duration, err error) *Error {
	return &Error{
		Status:     http.StatusServiceUnavailable,
		Code:       api.CodeServiceUnavailable,
		RetryAfter: retryAfter,
		Err:        err,
	}
}

// Error returns status, code, message and cause. The text is for logs, not for callers.
func (e *Error) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.Code)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// The chain's own responses to what no operation takes.
var (
	errNoRoute     = NotFound("There is no such operation")
	errWrongMethod = &Error{
		Status:  http.StatusMethodNotAllowed,
		Code:    api.CodeMethodNotAllowed,
		Message: "The operation takes another method",
	}
)

func badRequest(message string, cause error) *Error {
	return &Error{Status: http.StatusBadRequest, Code: api.CodeBadRequest, Message: message, Err: cause}
}

func sentTwice(header string) *Error {
	return badRequest(fmt.Sprintf("header %q: must be sent once", header), nil)
}

func bodyTooLarge(limit int64) *Error {
	return &Error{
		Status:  http.StatusRequestEntityTooLarge,
		Code:    api.CodePayloadTooLarge,
		Message: fmt.Sprintf("The request body is larger than %d bytes", limit),
	}
}

// restTooLarge is about a body that may have large photos, in the fields for them: elsewhere they are none.
func restTooLarge(limit int64) *Error {
	err := bodyTooLarge(limit)
	err.Message = fmt.Sprintf("The request body without its photos is larger than %d bytes", limit)
	return err
}

func internal(cause error) *Error {
	return &Error{Status: http.StatusInternalServerError, Code: api.CodeServerError, Err: cause}
}

// panicError is a recovered panic. It unwraps to nothing: a panic with an error is no response.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// refuse is the response to a request that the generated code couldn't read.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h.fail(w, r, unreadable(err))
}

// fail is the one place where an error becomes the response. It takes back what was written before.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	c := w.(*call)
	e := documentedError(err, c.operation)
	h.logCause(r.Context(), c, e)

	c.reset()
	c.failed, c.code = true, e.Code
	c.header.Set("Content-Type", "application/json")
	message := e.Message
	if seconds := retryAfter(e); seconds > 0 {
		c.header.Set("Retry-After", strconv.Itoa(seconds))
		if message == "" && e.Status == http.StatusTooManyRequests {
			message = fmt.Sprintf("Rate limit exceeded. Retry after %d seconds", seconds)
		}
	}
	if message == "" {
		message = usualMessage(e.Status)
	}
	body := api.Error{Code: e.Code, Message: message, TraceID: c.traceID}
	if e.Status == http.StatusTooManyRequests {
		body.ErrorCode = e.Code
	}
	c.status = e.Status
	c.body, _ = json.Marshal(body) // strings only: it can't fail
}

// documentedError finds the one that stands for any error.
func documentedError(err error, op *operation) *Error {
	var documented *Error
	switch {
	case errors.As(err, &documented):
		if reason := undocumented(documented, op); reason != "" {
			return internal(fmt.Errorf("the error is not as described: %s", reason))
		}
		return documented
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Unavailable(time.Second, err)
	default:
		return internal(err)
	}
}

// undocumented says why e may not be the response, or nothing if it may.
func undocumented(e *Error, op *operation) string {
	switch {
	case e == nil:
		return "it is a nil *Error"
	case e.Status < 400 || e.Status > 599:
		return fmt.Sprintf("status %d is no error: %v", e.Status, e)
	case op != nil && !op.declares(e.Status):
		return fmt.Sprintf("status %d is not declared: %v", e.Status, e)
	case !e.Code.Valid():
		return fmt.Sprintf("code %q is unknown: %v", e.Code, e)
	default:
		return ""
	}
}

// longestRetryAfter is the specification's maximum.
const longestRetryAfter = 24 * time.Hour

// retryAfter is in seconds, and zero for no such header.
func retryAfter(e *Error) int {
	wait := e.RetryAfter
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		wait = max(wait, time.Second)
	}
	if wait <= 0 {
		return 0
	}
	return int((min(wait, longestRetryAfter) + time.Second - 1) / time.Second)
}

func usualMessage(status int) string {
	switch status {
	case http.StatusInternalServerError:
		return "Internal server error"
	case http.StatusServiceUnavailable:
		return "The service is temporarily unavailable"
	default:
		return http.StatusText(status)
	}
}
