package client

import (
	"net/http"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Outcome says what an [*Error] knows of the effect of a call. If this is not certain, it is Unknown.
type Outcome int

const (
	// Unknown means that the call may have taken effect. [Client.Settle] finds out. Or repeat the call, with
	// [WithIdempotencyKey] and [Error.IdempotencyKey] if there is one: nothing happens twice. If the error is
	// [ErrNotPending], [ErrActive] or [ErrExists], another call gives no new information.
	Unknown Outcome = iota
	// NotSent means that no server got the call, or only a part of a document, which has no effect.
	NotSent
	// Refused means that the server responded that it has changed nothing.
	Refused
)

// String returns "unknown", "not sent" or "refused".
func (o Outcome) String() string {
	switch o {
	case NotSent:
		return "not sent"
	case Refused:
		return "refused"
	}
	return "unknown"
}

// MarshalText writes what String returns.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// outcomeOf tells what a response with an error status says of its own attempt.
func outcomeOf(status int, code api.ErrorCode) Outcome {
	switch {
	case status < 400 || status > 499:
		// The real API has a 302 for warnings, which say nothing of what was done. A server or a
		// proxy that fails with a 5xx may have done its work before.
		return Unknown
	case status == http.StatusConflict && aboutIdempotency(code) && code != api.CodeIdempotencyMismatch:
		return Unknown // an earlier call with this Idempotency-Key still runs
	case status == http.StatusRequestTimeout || status == 499 || status == 460:
		return Unknown // proxies say so of calls that they passed on
	default:
		return Refused
	}
}

// aboutIdempotency tells whether a 409 with this code is about the Idempotency-Key. Any other one is about the
// state of what was asked for: the API's documents do not agree on its code.
func aboutIdempotency(code api.ErrorCode) bool {
	return strings.Contains(strings.ToUpper(string(code)), "IDEMPOTEN")
}

// and returns what two attempts of one call come to: a refusal does not undo what an earlier one may
// have done, and what was refused was sent.
func (o Outcome) and(other Outcome) Outcome {
	if o == Unknown || other == Unknown {
		return Unknown
	}
	return max(o, other) // Refused is more than NotSent
}
