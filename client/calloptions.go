package client

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client/internal/visible"
)

// CallOption sets up one call. A wrong one is [ErrInvalidInput], and nothing is sent.
type CallOption func(*call) error

// call is one call with all its tries.
type call struct {
	clientID, productRequestID string
	idempotencyKey             string
	mayRepeat                  bool // an earlier call may have had the key
	strict                     bool // no oddity is taken
	header                     map[string]string
	tries                      int           // 0: as the client's policy says
	timeout                    time.Duration // 0: none of its own
	reply                      *Reply        // nil: not asked for
}

// WithIdempotencyKey names the submission: for 24 hours, the server answers a repeat under the same
// key what it answered first. The key is 1 to 255 visible ASCII characters, and unique per intended
// submission; a UUID does. Without this option every call has a key of its own, the same on all its
// tries. Name it yourself to submit again what ended [Unknown], or if you keep it and call again after a
// restart.
//
// A call under a named key may be such a repeat, and a server that honors no key then answers that the
// request is not pending. So [ErrNotPending] is [Unknown] under a named key, and never [Refused]. Any other
// refusal is about this call alone, and says nothing of an earlier one. To choose the keys of new calls only,
// see [WithIdempotencyKeys].
func WithIdempotencyKey(key string) CallOption {
	return func(call *call) error {
		if err := checkIdempotencyKey(key); err != nil {
			return fmt.Errorf("WithIdempotencyKey: %w", err)
		}
		call.idempotencyKey, call.mayRepeat = key, true
		return nil
	}
}

func checkIdempotencyKey(key string) error {
	if len(key) < 1 || len(key) > 255 || !visibleASCII(key) {
		return errors.New("the key must be 1 to 255 visible ASCII characters, without spaces; a UUID does")
	}
	return nil
}

// newUUID returns a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 36)
	for i, v := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = append(text, digits[v>>4], digits[v&0x0f])
	}
	return string(text)
}

// WithHeader sends another header along, as a gateway in front of the API may want one. What the
// client or the connection sets itself is refused.
func WithHeader(name, value string) CallOption {
	return func(call *call) error {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !token(name):
			return errors.New("WithHeader: the name is not one of a header")
		case ownHeaders[canonical]:
			return fmt.Errorf("WithHeader: %s is not for callers; the client or the connection sets it", canonical)
		case !headerText(value):
			return fmt.Errorf("WithHeader: the value of %s must be visible ASCII and spaces", canonical)
		}
		if call.header == nil {
			call.header = make(map[string]string)
		}
		call.header[canonical] = value
		return nil
	}
}

// ownHeaders would change whom the call is from, what it is, or how it travels. X-Idempotency-Key
// among them makes net/http repeat a call by itself.
var ownHeaders = map[string]bool{
	"X-Api-Key": true, "Idempotency-Key": true, "X-Idempotency-Key": true, "User-Agent": true, "Accept": true,
	"Accept-Encoding": true, "Host": true, "Content-Length": true, "Content-Type": true, "Content-Encoding": true,
	"Transfer-Encoding": true, "Connection": true, "Keep-Alive": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Upgrade": true, "Expect": true,
}

// token tells whether text is a header's name (RFC 9110, 5.6.2).
func token(text string) bool {
	for _, r := range text {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("!#$%&'*+-.^_`|~", r):
		default:
			return false
		}
	}
	return text != ""
}

// headerText tells whether text is visible ASCII with spaces in it, not around it.
func headerText(text string) bool {
	return visibleASCII(strings.ReplaceAll(text, " ", "")) && strings.TrimSpace(text) == text
}

// WithAttempts sends the call at most n times, whatever [RetryPolicy.MaxTries] says. 1 repeats
// nothing.
func WithAttempts(n int) CallOption {
	return func(call *call) error {
		if n < 1 || n > maxTries {
			return fmt.Errorf("WithAttempts: %d; pass 1 to %d", n, maxTries)
		}
		call.tries = n
		return nil
	}
}

// WithTimeout bounds the whole call, with all tries and the waits between them. The context's
// deadline counts if it is earlier.
func WithTimeout(d time.Duration) CallOption {
	return func(call *call) error {
		if d <= 0 {
			return fmt.Errorf("WithTimeout: %v is no time at all; pass the longest the call may take", d)
		}
		call.timeout = d
		return nil
	}
}

// WithReply fills reply with what the call came to, whether it succeeds or fails.
func WithReply(reply *Reply) CallOption {
	return func(call *call) error {
		if reply == nil {
			return errors.New("WithReply: the pointer is nil; pass that of a Reply")
		}
		call.reply = reply
		return nil
	}
}

// Reply is what a call came to, beyond the submission: see [WithReply].
type Reply struct {
	// StatusCode and TraceID are those of the last reply; 0 and "" where there was none.
	StatusCode int
	TraceID    string
	// IdempotencyKey is what all tries were sent under.
	IdempotencyKey string
	// Body is the JSON of a submission as the server sent it, with fields that this version of the
	// package does not know; of an error, [Error.Body]. The API key is masked in it.
	Body []byte
	// Attempts are all tries, the successful one too.
	Attempts []Attempt
	// Oddities is how a response of success differs from what the API describes, in words: a field that is
	// missing or of another type, a timestamp of another form, another media type. What could not be read is
	// left out of the submission. [WithStrictResponses] makes an error of them.
	Oddities []string
}

func (r *Reply) succeed(key secret, reply reply) {
	r.StatusCode = reply.resp.StatusCode
	r.TraceID = visible.Line(key.mask(reply.resp.Header.Get("X-Trace-Id")))
	r.Body = key.maskJSON(reply.body)
	for _, oddity := range reply.oddities {
		r.Oddities = append(r.Oddities, oneLine(key.mask(oddity)))
	}
}

// fail notes an error; nil has nobody to tell.
func (r *Reply) fail(failed *Error) {
	if r == nil {
		return
	}
	r.StatusCode, r.TraceID, r.Body = failed.StatusCode, failed.TraceID, failed.Body
	r.Attempts = slices.Clone(failed.Attempts)
}
