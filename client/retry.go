package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/client/internal/gate"
	"github.com/cryptomate-go/enablement/gen/api"
)

// RetryPolicy says how often and when a call is repeated. A zero field has its default.
type RetryPolicy struct {
	// MaxAttempts is how often a call is sent at most, 1 to 10. The default is 3; 1 repeats nothing.
	MaxAttempts int
	// BaseDelay and MaxDelay limit the wait before the nth repetition, if the server does not ask for a longer one. It is
	// random between zero and BaseDelay·2ⁿ⁻¹, at most MaxDelay. The defaults are 200 milliseconds and 5 seconds.
	BaseDelay, MaxDelay time.Duration
	// MaxElapsed limits the whole call with its waits, if neither the context nor [WithTimeout] does. The default is 2
	// minutes, and for each attempt the additional time for photos: see [WithAttemptTimeout].
	MaxElapsed time.Duration
	// OnlyKnown does not repeat an attempt that may have taken effect, such as one whose connection broke after it was
	// sent. Set it if you want to look before you call again. What only reads is repeated all the same.
	OnlyKnown bool
}

const (
	mostAttempts      = 10
	defaultMaxElapsed = 2 * time.Minute
)

func (p RetryPolicy) withDefaults() RetryPolicy {
	p.MaxAttempts = cmp.Or(p.MaxAttempts, 3)
	p.BaseDelay = cmp.Or(p.BaseDelay, 200*time.Millisecond)
	p.MaxDelay = cmp.Or(p.MaxDelay, max(5*time.Second, p.BaseDelay))
	return p
}

// wrong says what is, "" if all is right.
func (p RetryPolicy) wrong() string {
	switch full := p.withDefaults(); {
	case p.MaxAttempts < 0 || p.MaxAttempts > mostAttempts:
		return fmt.Sprintf("MaxAttempts is %d; pass 1 to %d, or 0 for the default", p.MaxAttempts, mostAttempts)
	case p.BaseDelay < 0:
		return "BaseDelay is negative; pass 0 for the default"
	case p.MaxDelay < 0:
		return "MaxDelay is negative; pass 0 for the default"
	case full.MaxDelay < full.BaseDelay:
		return fmt.Sprintf("MaxDelay is %v, less than the BaseDelay of %v", p.MaxDelay, full.BaseDelay)
	case p.MaxElapsed < 0:
		return "MaxElapsed is negative; pass 0 for the default"
	}
	return ""
}

// decide is the whole retry policy: what comes after the nth attempt of a call, which failed so and has
// left time for more. The wait is before the next attempt. It has no effect and no state; random is in [0,1).
func decide(p RetryPolicy, n int, failed *Error, left time.Duration, random float64) (again bool, wait time.Duration, reason string) {
	again, reason = worthRepeating(failed)
	switch {
	case !again:
		return false, 0, reason
	case failed.dontRetry:
		return false, 0, reason + "; the server asks not to repeat the call"
	case p.OnlyKnown && failed.Outcome == Unknown:
		return false, 0, reason + "; not repeated, because the call may have taken effect"
	case n >= p.MaxAttempts:
		return false, 0, fmt.Sprintf("%s; that was attempt %d of %d", reason, n, p.MaxAttempts)
	}
	// "Full jitter": callers that failed together do not come back together.
	backoff := random * min(float64(p.MaxDelay), math.Ldexp(float64(p.BaseDelay), n-1))
	// Not before the gate opens, or it would make the wait longer than was said.
	wait = max(cmp.Or(failed.RetryAfter, time.Duration(backoff)), failed.held)
	if wait >= left {
		return false, 0, fmt.Sprintf("%s; the deadline is before the next attempt, in %v", reason, gate.RoundUp(wait))
	}
	return true, wait, reason
}

// worthRepeating tells whether the same call may end better another time.
func worthRepeating(failed *Error) (bool, string) {
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](failed.Err)
	switch status := failed.StatusCode; {
	case failed.ended:
		return false, "the context ended"
	case errors.Is(failed.Err, ErrInvalidInput):
		return false, "an argument is wrong"
	case badCertificate:
		return false, "the server's certificate is not valid"
	case status == 0 && failed.Outcome == NotSent:
		return true, "the call was not sent"
	case status == 0 && errors.Is(failed.Err, context.DeadlineExceeded):
		return true, "no response within the attempt timeout"
	case status == 0:
		return true, "the connection broke"
	case status == operations[failed.Operation].success:
		// What is not there because it was cut on its way may come with the next attempt.
		if errors.Is(failed.Err, errRead) || errors.Is(failed.Err, io.ErrUnexpectedEOF) {
			return true, "the response is not intact"
		}
		return false, "the response is not the API's"
	case slices.Contains(passing, status), status >= 520 && status <= 530: // those of proxies in front of a server that fails
		return true, fmt.Sprintf("status %d may pass", status)
	case failed.Is(ErrServer) && failed.RetryAfter > 0:
		return true, fmt.Sprintf("status %d says when to come back", status)
	case status == http.StatusExpectationFailed: // RFC 9110, 10.1.1
		return true, "status 417 may pass without the header Expect"
	case status == http.StatusConflict && failed.Code == api.CodeIdempotencyInProgress:
		return true, "an earlier attempt still runs on the server"
	}
	return false, fmt.Sprintf("status %d is final", failed.StatusCode)
}

// passing are the statuses that may be others the next time, without the server saying so.
var passing = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// budget bounds the repetitions of all calls of a client together, so that many callers do not multiply the load of a
// server that is down. As in the AWS SDKs: 100 repetitions at once, one more for every five successes.
type budget struct {
	mu    sync.Mutex
	spent int
}

const (
	budgetSize      = 500
	budgetPerRetry  = 5
	budgetPerResult = 1
)

// take tells whether there is enough left for a repetition, and takes it.
func (b *budget) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+budgetPerRetry > budgetSize {
		return false
	}
	b.spent += budgetPerRetry
	return true
}

// give notes a success. A repetition that succeeded is paid back in full.
func (b *budget) give(attempts int) {
	amount := budgetPerResult
	if attempts > 1 {
		amount = budgetPerRetry
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-amount)
}
