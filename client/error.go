package client

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client/internal/visible"
	"github.com/cryptomate-go/enablement/gen/api"
)

// The kinds of [*Error], for [errors.Is]. Other statuses, such as 413 or 422, have no kind: look at Error.StatusCode.
//
// A 4xx is [Refused], or [Unknown] after an attempt that may have taken effect. A 408, a 460, a 499, and a 409 because an
// earlier call with the Idempotency-Key is still running are Unknown by themselves. Any error status is Refused if not all
// of a document was sent, as it was not stored then. The API's documents do not agree on the code of a 409. So a 409 is
// ErrNotPending or ErrActive whatever its code, unless the code is about the Idempotency-Key.
var (
	ErrInvalidInput = errors.New("invalid input")             // an argument is not what the API takes: NotSent
	ErrBadRequest   = errors.New("bad request")               // 400
	ErrUnauthorized = errors.New("unauthorized")              // 401: the key is unknown, expired or revoked, or may not do this
	ErrNotFound     = errors.New("not found")                 // 404: the key's company has no such client, or the client no such request
	ErrNotPending   = errors.New("not pending documentation") // 409 of a submit or a document: it was submitted before
	ErrActive       = errors.New("already active")            // 409 of a request for a product: there is one that is not rejected
	ErrExists       = errors.New("client already exists")     // 400 VAL of a create or an update: another client has the e-mail
	ErrPrecondition = errors.New("precondition failed")       // 412: a state of another country, no such product or kind of document
	ErrRateLimited  = errors.New("rate limited")              // 429, or held back here (NotSent): Error.RetryAfter says how long to wait
	ErrServer       = errors.New("server error")              // any 5xx: Unknown
	ErrRedirect     = errors.New("redirect")                  // any 3xx: Unknown; none is followed, look at the base URL
	// ErrInvalidResponse is a success that is not the API's: empty, cut off, too large, not JSON, without an id or a status,
	// or about another request. It is Unknown. With [WithStrictResponses], any oddity is one, too.
	ErrInvalidResponse = errors.New("invalid response")
)

// Error says why a call did not succeed, and whether it may have taken effect.
type Error struct {
	Operation  string        // operationId in openapi.yaml, such as submitProduct
	Outcome    Outcome       // whether the operation may have taken effect, after all attempts of the call
	StatusCode int           // of the last attempt, as all that follows; 0 where there was no response
	Code       api.ErrorCode // the server's, "" where it sent none; there may be values that are not known yet
	Message    string        // the server's, for a person; it may hold any character, of which Error shows visible ones only
	TraceID    string        // finds the call in the server's log
	// RetryAfter is how long the server asks to wait; 0 if it does not. After a 429 that does not say, it is a second, the
	// API's shortest block. After a 429, the rate gate holds back all calls for this time.
	RetryAfter     time.Duration
	IdempotencyKey string    // what all attempts were sent under, for a call again: see WithIdempotencyKey
	Attempts       []Attempt // in order; none where nothing was even attempted
	// Body is the start of the response, up to 16 KiB, for debugging. It may have anything that the server sent; only the
	// API key is masked.
	Body []byte
	// Err is the cause if that is not the status: an error of the transport or the context, or what is wrong with an
	// argument or the response. JSON leaves it out, as it may have anything in it.
	Err error `json:"-"`

	// asked returns what the call asked for. It is a function, which nothing that prints or dumps looks into.
	asked func() Call

	// What only the retry policy wants to know.
	ended     bool          // the caller's context ended
	dontRetry bool          // the server asks not to repeat the call
	held      time.Duration // how long the rate gate holds the next call back at least
}

// Attempt is one sending of a call.
type Attempt struct {
	At         time.Time     // when it began
	Duration   time.Duration // until the last byte of the response
	StatusCode int           // 0 where there was no response
	Outcome    Outcome       // what is known of this attempt alone; it means nothing where Cause is empty
	Cause      string        // what went wrong, in words; "" for a success
	Wait       time.Duration // how long the client decided to wait before the next attempt, 0 where it stopped
	Reason     string        // why it decided so; "" for a success
}

// failure describes a response that is no success. The body is read as far as it can be: proxies
// answer HTML, or nothing.
func (call *call) failure(cause error) *Error {
	r := call.received
	var said api.Error // a field of another type stays empty, a body that is no JSON leaves all empty
	if _, err := api.DecodeLenientJSON(r.body, &said); err != nil {
		said = api.Error{}
	}
	if to := r.header[redirectHost]; len(to) > 0 { //nolint:staticcheck // not canonical, so that no server can send it
		delete(r.header, redirectHost)
		redirected := "redirected to " + to[0] + ", which is not followed; " + checkBaseURL
		switch {
		case cause != nil: // its body is cut
			cause = fmt.Errorf("%s: %w", redirected, cause)
		case said.Message != "": // the real API warns with a 302
			cause = errors.New(redirected + ": " + said.Message)
		default:
			cause = errors.New(redirected)
		}
	}
	failed := &Error{
		Operation:  call.asked.Operation,
		StatusCode: r.status,
		Code:       cmp.Or(said.Code, said.ErrorCode),
		Message:    said.Message,
		TraceID:    cmp.Or(said.TraceID, r.header.Get(traceHeader)),
		RetryAfter: api.RetryAfter(r.header, time.Now()),
		Body:       bytes.Clone(r.body[:min(len(r.body), maxErrorBody)]),
		Err:        cause,
		dontRetry:  strings.EqualFold(r.header.Get("X-Should-Retry"), "false"),
	}
	// A body as a success has it is one whose status was changed on the way.
	if _, err := call.decode(); err != nil {
		failed.Outcome = outcomeOf(failed.StatusCode, failed.Code)
	}
	return failed
}

// Error returns all of it in one line, with the trace id.
func (e *Error) Error() string {
	o := operations[e.Operation]
	text := cmp.Or(o.title, e.Operation, "call")
	if e.StatusCode != 0 {
		text += fmt.Sprintf(": %d", e.StatusCode)
		if e.Code != "" {
			text += " " + string(e.Code)
		}
	}
	switch message := cmp.Or(e.Message, http.StatusText(e.StatusCode)); {
	case e.Err != nil:
		text += fmt.Sprintf(": %v", e.Err)
	case message != "":
		text += ": " + message
	}
	if e.TraceID != "" {
		text += " (trace " + e.TraceID + ")"
	}
	switch {
	case e.Outcome == Unknown && e.own() != nil && o.keyed:
		text += "; an earlier attempt under this idempotency key " + o.hint
	case e.Outcome == Unknown && e.own() != nil:
		text += "; an earlier attempt " + o.hint
	case e.Outcome == Unknown && o.once:
		text += "; it " + o.hint
	case e.Outcome == NotSent && !errors.Is(e.Err, ErrInvalidInput) && !errors.Is(e.Err, errCut):
		text += "; nothing was sent"
	case e.Code == "" && e.Err == nil && slices.Contains([]int{404, 405, 421}, e.StatusCode): // with which the API gives a code
		text += "; this is not a response of the API: " + checkBaseURL
	}
	return oneLine(text)
}

const checkBaseURL = "check the base URL"

// Format implements [fmt.Formatter]. Every verb formats the text, so that none prints the content of a cause.
func (e *Error) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), e.Error())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the status is of the kind target. Kinds without a status, such as [ErrInvalidInput] and
// [ErrInvalidResponse], are in the cause.
func (e *Error) Is(target error) bool { return target != nil && target == e.kind() }

// kinds are those of every operation, by status.
var kinds = map[int]error{
	http.StatusBadRequest: ErrBadRequest, http.StatusUnauthorized: ErrUnauthorized, http.StatusNotFound: ErrNotFound,
	http.StatusPreconditionFailed: ErrPrecondition, http.StatusTooManyRequests: ErrRateLimited,
}

func (e *Error) kind() error {
	switch own := e.own(); {
	case own != nil:
		return own
	case e.StatusCode >= 300 && e.StatusCode <= 399:
		return ErrRedirect
	case e.StatusCode >= 500 && e.StatusCode <= 599:
		return ErrServer
	}
	return kinds[e.StatusCode]
}

// own returns the kind if it is one of the operation alone, about the state of what it is to change.
func (e *Error) own() error {
	for _, kind := range operations[e.Operation].kinds {
		if kind.status == e.StatusCode && (kind.code == e.Code || kind.code == "" && !aboutIdempotency(e.Code)) {
			return kind.err
		}
	}
	return nil
}

// gone tells whether the API, and not just any server, answered that there is no such client.
func (e *Error) gone() bool { return e.StatusCode == http.StatusNotFound && e.Code == api.CodeNotFound }

// masked takes the API key out of everything that the server or the transport had a hand in. What is an
// identifier is made visible, too, as [Error.Error] is: it may be shown by itself.
func (c *Client) masked(e *Error) *Error {
	e.Code = api.ErrorCode(visible.Line(c.key.Mask(string(e.Code))))
	e.Message = c.key.Mask(e.Message)
	e.TraceID = visible.Line(c.key.Mask(e.TraceID))
	cut := len(e.Body) == maxErrorBody
	if e.Body = c.key.MaskJSON(e.Body); cut {
		e.Body = []byte(c.key.MaskCut(string(e.Body)))
	}
	e.IdempotencyKey = c.key.Mask(e.IdempotencyKey)
	e.Err = c.key.MaskError(e.Err)
	return e
}

// oneLine makes one visible line of limited length, whatever a server put into its message. The key was
// masked before: half of it, left at the cut, would not be found.
func oneLine(text string) string {
	const most = 1000 // [Error.Message] has all of it
	text = visible.Line(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
