package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Kinds of [*Error], for [errors.Is]. A status that is not among them, such as 413 or 422, is in
// [Error.StatusCode].
var (
	// ErrInvalidInput: an argument is not what the API takes. Nothing was sent.
	ErrInvalidInput = errors.New("invalid input")
	// ErrBadRequest: 400.
	ErrBadRequest = errors.New("bad request")
	// ErrUnauthorized: 401, the key is unknown, expired or revoked, or may not do this.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrNotFound: 404, the key's company has no such client, or the client no such request.
	ErrNotFound = errors.New("not found")
	// ErrNotPending: 409 with the code VAL, the request was submitted, enabled or rejected before.
	ErrNotPending = errors.New("not pending documentation")
	// ErrRateLimited: 429. [Error.RetryAfter] says how long to wait.
	ErrRateLimited = errors.New("rate limited")
	// ErrServer: any 5xx.
	ErrServer = errors.New("server error")
	// ErrRedirect: any 3xx. Redirects are not followed; look at the base URL.
	ErrRedirect = errors.New("redirect")
	// ErrInvalidResponse: a reply of success that is not what the API describes: another media type,
	// empty, cut off, too large, not JSON, or about another request.
	ErrInvalidResponse = errors.New("invalid response")
)

// Error is why a call did not succeed.
type Error struct {
	// StatusCode is the HTTP status, 0 where there was no reply.
	StatusCode int
	// Code is the server's code, "" where it sent none. There may be values that are not known yet.
	Code api.ErrorCode
	// Message is the server's, for a person.
	Message string
	// TraceID finds the call in the server's log. It is in the body or the X-Trace-Id header.
	TraceID string
	// RetryAfter is how long the server asks to wait, 0 where it does not.
	RetryAfter time.Duration
	// Body is the start of the reply, up to 16 KiB, for debugging. It may hold whatever the server
	// sent; only the API key is masked in it.
	Body []byte
	// Err is the cause where it is not the server's answer: the transport, the context, an argument
	// or what is wrong with the reply. It is left out of JSON: it may be of any type, and hold anything.
	Err error `json:"-"`
}

// Error says it in one line, with the trace id.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("submit product")
	if e.StatusCode != 0 {
		fmt.Fprintf(&text, ": %d", e.StatusCode)
		if e.Code != "" {
			fmt.Fprintf(&text, " %s", e.Code)
		}
	}
	switch {
	case e.Err != nil:
		fmt.Fprintf(&text, ": %v", e.Err)
	case e.Message != "":
		fmt.Fprintf(&text, ": %s", e.Message)
	case http.StatusText(e.StatusCode) != "":
		fmt.Fprintf(&text, ": %s", http.StatusText(e.StatusCode))
	}
	if e.TraceID != "" {
		fmt.Fprintf(&text, " (trace %s)", e.TraceID)
	}
	return oneLine(text.String())
}

// Format implements [fmt.Formatter]: every verb is about the text, so that none dumps what a cause
// holds.
func (e *Error) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), e.Error())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether the status is one of the kind. [ErrInvalidInput] and [ErrInvalidResponse] are in
// the cause.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrBadRequest:
		return e.StatusCode == http.StatusBadRequest
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrNotPending:
		return e.StatusCode == http.StatusConflict && e.Code == api.CodeVal
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrServer:
		return e.StatusCode >= 500 && e.StatusCode <= 599
	case ErrRedirect:
		return e.StatusCode >= 300 && e.StatusCode <= 399
	}
	return false
}

// replyError describes a reply that is no success. The body is read as far as it can be: proxies
// answer HTML, or nothing.
func replyError(resp *http.Response, body []byte, cause error) *Error {
	// The type of the 429 has the code under both names. A field of another type stays empty, a body
	// that is no JSON leaves all empty.
	var reply api.RateLimitError
	_ = json.Unmarshal(body, &reply)
	failure := &Error{
		StatusCode: resp.StatusCode,
		Code:       reply.Code,
		Message:    reply.Message,
		TraceID:    reply.TraceID,
		RetryAfter: retryAfter(resp.Header),
		Body:       bytes.Clone(body[:min(len(body), maxErrorReply)]),
		Err:        cause,
	}
	if failure.Code == "" {
		failure.Code = reply.ErrorCode
	}
	if failure.TraceID == "" {
		failure.TraceID = resp.Header.Get("X-Trace-Id")
	}
	return failure
}

// retryAfter reads the header of this name, in seconds or as a date. A date is held against the
// server's own clock where it tells it, so that a wrong clock here does no harm.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) { // of what is out of range, the largest value
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(0, at.Sub(now))
}

// masked takes the API key out of everything that the server or the transport had a hand in.
func (c *Client) masked(e *Error) *Error {
	if !e.Code.Valid() {
		e.Code = api.ErrorCode(c.key.mask(string(e.Code)))
	}
	e.Message = c.key.mask(e.Message)
	e.TraceID = c.key.mask(e.TraceID)
	e.Body = []byte(c.key.mask(string(e.Body)))
	e.Err = c.key.maskError(e.Err)
	return e
}

// maxText is the most that an error says; [Error.Message] has all of it.
const maxText = 1000

// oneLine makes one line of limited length, whatever a server put into its message.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
