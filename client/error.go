package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client/internal/visible"
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
	// ErrNotPending: 409, the request was submitted, enabled or rejected before. Only a 409 with a code about
	// the Idempotency-Key is something else.
	ErrNotPending = errors.New("not pending documentation")
	// ErrRateLimited: 429. [Error.RetryAfter] says how long to wait.
	ErrRateLimited = errors.New("rate limited")
	// ErrServer: any 5xx.
	ErrServer = errors.New("server error")
	// ErrRedirect: any 3xx. Redirects are not followed; look at the base URL.
	ErrRedirect = errors.New("redirect")
	// ErrInvalidResponse: a response of success that is not the API's: empty, cut off, too large, not JSON,
	// without an id or a status, or about another request. With [WithStrictResponses], any oddity, too.
	ErrInvalidResponse = errors.New("invalid response")
)

// Error is why a call did not succeed.
type Error struct {
	// Outcome says whether the request may have been submitted. It is about all tries of the call.
	Outcome Outcome
	// StatusCode is the HTTP status, 0 where there was no reply. This and what follows is about the
	// last try.
	StatusCode int
	// Code is the server's code, "" where it sent none. There may be values that are not known yet.
	Code api.ErrorCode
	// Message is the server's, for a person, and may hold any character; Error shows visible ones only.
	Message string
	// TraceID finds the call in the server's log. It is in the body or the X-Trace-Id header.
	TraceID string
	// RetryAfter is how long the server asks to wait, 0 where it does not. It is also how long the rate
	// gate holds back what comes next: a second after a 429 that does not say, its shortest block.
	RetryAfter time.Duration
	// IdempotencyKey is what all tries were sent under. A later call under the same key belongs to
	// the same submission: see [WithIdempotencyKey].
	IdempotencyKey string
	// Attempts are the tries, in order. There are none where the call was not even tried.
	Attempts []Attempt
	// Body is the start of the reply, up to 16 KiB, for debugging. It may hold whatever the server
	// sent; only the API key is masked in it.
	Body []byte
	// Err is the cause where it is not the server's answer: the transport, the context, an argument
	// or what is wrong with the reply. It is left out of JSON: it may be of any type, and hold anything.
	Err error `json:"-"`
}

// Attempt is one try of a call.
type Attempt struct {
	// At is when it began, Duration how long it took to its last byte.
	At       time.Time
	Duration time.Duration
	// StatusCode is the HTTP status, 0 where there was no reply.
	StatusCode int
	// Outcome is what is known of this try alone. It means nothing where Cause is empty.
	Outcome Outcome
	// Cause is what went wrong, in words; "" for a success.
	Cause string
	// Wait is how long the client decided to wait before the next try, 0 where it stopped.
	Wait time.Duration
	// Reason is why it decided so; "" for a success.
	Reason string
}

// failure is a try that did not succeed, with what only the retry policy wants to know.
type failure struct {
	*Error
	// ended: the caller's context ended.
	ended bool
	// timedOut: the attempt timeout was over.
	timedOut bool
	// dontRetry: the server asks not to repeat the call.
	dontRetry bool
	// held is how long the rate gate holds the next call back at least.
	held time.Duration
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
	text.WriteString(e.hint())
	return oneLine(text.String())
}

// hint is what the caller can go by next, empty where the error says all.
func (e *Error) hint() string {
	switch {
	case e.Outcome == Unknown && e.Is(ErrNotPending):
		return unknownHint
	case e.Outcome == NotSent && !errors.Is(e.Err, ErrInvalidInput):
		return "; nothing was sent"
	case e.Code == "" && e.Err == nil && noSuchPlace(e.StatusCode):
		return "; this is not a response of the API: " + checkBaseURL
	}
	return ""
}

const checkBaseURL = "check the base URL"

// noSuchPlace tells whether a server that is not the API's answers the API's paths so. The API itself always
// gives a code with it.
func noSuchPlace(status int) bool {
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusMisdirectedRequest
}

// unknownHint tells what to do about a request that is not pending any more after an attempt, of this call
// or of an earlier one under its key, that may have submitted it.
const unknownHint = "; an earlier attempt under this idempotency key may have submitted it: list the client's products to see its status, " +
	"in_kyc means that it was submitted"

// Format implements [fmt.Formatter]: every verb is about the text, so that none dumps what a cause
// holds.
func (e *Error) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), e.Error())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether the status is one of the kind. [ErrInvalidInput], [ErrInvalidResponse] and what
// the client found before or without a status are in the cause.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrBadRequest:
		return e.StatusCode == http.StatusBadRequest
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrNotPending:
		return e.StatusCode == http.StatusConflict && !aboutIdempotency(e.Code)
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrServer:
		return e.StatusCode >= 500 && e.StatusCode <= 599
	case ErrRedirect:
		return e.StatusCode >= 300 && e.StatusCode <= 399
	}
	return false
}

// failure describes a reply that is no success. The body is read as far as it can be: proxies
// answer HTML, or nothing.
func (r reply) failure(cause error, now time.Time) *failure {
	// A field of another type stays empty, a body that is no JSON leaves all empty.
	type message struct {
		api.Error
		Product *struct{} `json:"product"`
	}
	var said message
	if _, err := api.DecodeLenientJSON(r.body, &said); err != nil {
		said = message{}
	}
	header := r.resp.Header
	if cause == nil {
		cause = redirectError(header, said.Message)
	}
	failed := &failure{
		Error: &Error{
			StatusCode: r.resp.StatusCode,
			Code:       said.Code,
			Message:    said.Message,
			TraceID:    said.TraceID,
			RetryAfter: api.RetryAfter(header, now),
			Body:       bytes.Clone(r.body[:min(len(r.body), maxErrorReply)]),
			Err:        cause,
		},
		timedOut:  errors.Is(cause, context.DeadlineExceeded),
		dontRetry: strings.EqualFold(header.Get("X-Should-Retry"), "false"),
	}
	if failed.Code == "" {
		failed.Code = said.ErrorCode
	}
	if failed.TraceID == "" {
		failed.TraceID = header.Get("X-Trace-Id")
	}
	// With a product in it, this is a success whose status was changed on the way.
	if said.Product == nil {
		failed.Outcome = outcomeOf(failed.StatusCode, failed.Code)
	}
	return failed
}

// redirectError says where a redirect leads to, nil for what does not say so. It keeps the server's words:
// the real API warns with a 302.
func redirectError(header http.Header, message string) error {
	to := header[redirectHost] //nolint:staticcheck // not canonical, so that no server can send it
	if len(to) == 0 {
		return nil
	}
	text := "redirected to " + to[0] + ", which is not followed; " + checkBaseURL
	if message != "" {
		text += ": " + message
	}
	return errors.New(text)
}

// masked takes the API key out of everything that the server or the transport had a hand in. What is an
// identifier is made visible, too, as [Error.Error] is: it may be shown by itself.
func (c *Client) masked(e *Error) *Error {
	if !e.Code.Valid() {
		e.Code = api.ErrorCode(visible.Line(c.key.mask(string(e.Code))))
	}
	e.Message = c.key.mask(e.Message)
	e.TraceID = visible.Line(c.key.mask(e.TraceID))
	body := c.key.maskJSON(e.Body)
	if len(e.Body) == maxErrorReply {
		body = []byte(c.key.maskCut(string(body)))
	}
	e.Body = body
	e.IdempotencyKey = c.key.mask(e.IdempotencyKey)
	e.Err = c.key.maskError(e.Err)
	return e
}

// maxText is the most that an error says; [Error.Message] has all of it.
const maxText = 1000

// oneLine makes one visible line of limited length, whatever a server put into its message. The key was
// masked before: half of it, left at the cut, would not be found.
func oneLine(text string) string {
	text = visible.Line(text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
