package client

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/cryptomate-go/enablement/client/internal/gate"
)

// Option adjusts a [Client]. [New] returns an error that names a wrong one.
type Option interface{ setClient(conf *config) error }

// CallOption adjusts one call. If it is wrong, the error is [ErrInvalidInput], and nothing is sent.
type CallOption interface{ setCall(conf *config) error }

// AnyOption is an option for a client, and so for all its calls, or for one call.
type AnyOption interface {
	Option
	CallOption
}

// config is what options set. Each call has a copy of its client's.
type config struct {
	base           *url.URL
	httpClient     *http.Client
	middleware     []func(next RoundTripperFunc) RoundTripperFunc
	userAgent      string
	retry          RetryPolicy
	attemptTimeout time.Duration // 0: the default
	strict         bool
	gateLimit      int
	logger         *slog.Logger
	tracer         trace.Tracer            // nil without one
	duration       metric.Float64Histogram // nil without a meter
	counter        metric.Int64Counter     // the same

	// What follows is of a call only.
	key      string // the Idempotency-Key, "" for one of its own
	header   http.Header
	timeout  time.Duration // 0: none of its own
	response *Response     // nil: not asked for
	progress func(sent, total int64)
}

func defaultConfig() config {
	base, _ := url.Parse(Production)
	return config{base: base, userAgent: "enablement-go/" + version, gateLimit: gate.Limit}
}

type option func(conf *config) error

func (set option) setClient(conf *config) error { return set(conf) }
func (set option) setCall(conf *config) error   { return set(conf) }

// with returns an option that sets what was given, or says what is wrong with it.
func with(right bool, wrong string, set func(conf *config)) option {
	return func(conf *config) error {
		if !right {
			return errors.New(wrong)
		}
		set(conf)
		return nil
	}
}

// WithBaseURL sends calls to another server than [Production]: to [Sandbox], or to your own. A path in the URL is put in
// front of the API's. Plain http is accepted only for this machine (localhost and loopback addresses), as it would show
// the key.
func WithBaseURL(baseURL string) Option { return withBaseURL("WithBaseURL: ", baseURL) }

func withBaseURL(source, baseURL string) Option {
	return option(func(conf *config) error {
		// No message repeats the URL, or a parser's words on it: it may hold a password.
		u, err := url.Parse(baseURL)
		switch {
		case err != nil || u.Hostname() == "":
			return errors.New(source + "not an absolute URL; write it like " + Production)
		case u.User != nil:
			return errors.New(source + "user and password in the URL are not sent; leave them out")
		case strings.ContainsAny(baseURL, "?#"):
			return errors.New(source + "a query or a fragment is not sent; leave it out")
		case u.Scheme == "http" && !loopback(u.Hostname()):
			return errors.New(source + "http would send the API key in the clear; use https")
		case u.Scheme != "https" && u.Scheme != "http":
			return fmt.Errorf("%sthe scheme is %q; use https", source, u.Scheme)
		}
		conf.base = u
		return nil
	})
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// WithHTTPClient sends calls with a copy of c, with its transport, timeout and cookie jar. Neither c nor its transport is
// changed. The copy never follows a redirect, whatever c.CheckRedirect says.
//
// The transport sees the API key. It must send each request once, to the URL of the request. If it follows redirects by
// itself, it may send the key to another host, and the client can't prevent that. Like the transport of net/http, it
// should keep the request's context and call its [net/http/httptrace] hooks. Otherwise a failed connection is not [NotSent],
// and the client can't stop it from sending a request again.
func WithHTTPClient(c *http.Client) Option {
	return with(c != nil, "WithHTTPClient: the client is nil; leave the option out for the default",
		func(conf *config) { conf.httpClient = c })
}

// WithUserAgent adds a suffix to the header User-Agent: "enablement-go/0.1.0 suffix". The usual form is name/version.
func WithUserAgent(suffix string) Option {
	return with(suffix != "" && headerText(suffix), "WithUserAgent: the suffix must be visible ASCII and spaces, such as shop/1.2",
		func(conf *config) { conf.userAgent = "enablement-go/" + version + " " + suffix })
}

// WithRetry sets how calls are repeated. RetryPolicy{MaxAttempts: 1} repeats nothing.
func WithRetry(policy RetryPolicy) Option {
	return with(policy.wrong() == "", "WithRetry: "+policy.wrong(), func(conf *config) { conf.retry = policy })
}

// WithAttemptTimeout limits one attempt, from the dial to the last byte of the response. The default is 30 seconds, and a
// second more for each 32 KiB of photos: up to a quarter of an hour. An attempt that takes longer is repeated. The whole
// call is limited by the context, [WithTimeout] or [RetryPolicy].MaxElapsed.
func WithAttemptTimeout(d time.Duration) Option {
	return with(d > 0, fmt.Sprintf("WithAttemptTimeout: %v is no time at all; pass the longest an attempt may take", d),
		func(conf *config) { conf.attemptTimeout = d })
}

// WithStrictResponses is for tests. It turns every oddity that [Response].Oddities would have into [ErrInvalidResponse],
// with the outcome Unknown, even if there is no doubt about the effect of the call.
func WithStrictResponses() Option {
	return with(true, "", func(conf *config) { conf.strict = true })
}

// WithRateLimit sends at most n calls a second. The default is 15, the limit of the API.
func WithRateLimit(n int) Option {
	return with(n > 0, fmt.Sprintf("WithRateLimit: %d calls a second; pass 1 or more, or WithoutRateGate", n),
		func(conf *config) { conf.gateLimit = n })
}

// WithoutRateGate sends every call at once, even while the API refuses all of them. Use it if something else keeps to the
// limit, or if there is none.
func WithoutRateGate() Option {
	return with(true, "", func(conf *config) { conf.gateLimit = 0 })
}

// WithLogger logs every attempt, at level debug, or at level warn if it is repeated.
func WithLogger(logger *slog.Logger) Option {
	return with(logger != nil, "WithLogger: the logger is nil; leave the option out for none",
		func(conf *config) { conf.logger = logger })
}

// WithTracerProvider makes a span for every call, with an event for every attempt, and sends its W3C trace context.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return with(provider != nil, "WithTracerProvider: the provider is nil; leave the option out for none",
		func(conf *config) { conf.tracer = provider.Tracer(scope, trace.WithInstrumentationVersion(version)) })
}

// WithMeterProvider measures calls: enablement.client.duration in seconds, by outcome and status, and
// enablement.client.attempts, by status.
func WithMeterProvider(provider metric.MeterProvider) Option {
	return option(func(conf *config) (err error) {
		if provider == nil {
			return errors.New("WithMeterProvider: the provider is nil; leave the option out for none")
		}
		meter := provider.Meter(scope, metric.WithInstrumentationVersion(version))
		conf.duration, err = meter.Float64Histogram("enablement.client.duration", metric.WithUnit("s"),
			metric.WithDescription("How long calls took, with all attempts and waits."))
		if err == nil {
			conf.counter, err = meter.Int64Counter("enablement.client.attempts", metric.WithUnit("{attempt}"),
				metric.WithDescription("How often calls were sent."))
		}
		if err != nil {
			return fmt.Errorf("WithMeterProvider: %w", err)
		}
		return nil
	})
}

const defaultAttemptTimeout = 30 * time.Second

// WithIdempotencyKey sets the Idempotency-Key. For 24 hours, the server repeats its first response to calls with the same
// key. The key is 1 to 255 visible ASCII characters, and must be different for each intended effect; a UUID is good.
// Without this option, every call gets a new key. Use the option to repeat a call that ended Unknown, or to repeat it
// after a restart.
//
// A call with this option may repeat an earlier one, and a server that ignores keys refuses such a repeat. So
// [ErrNotPending], [ErrActive] and [ErrExists] are Unknown with this option, never Refused. Another refusal says nothing
// of an earlier call. Operations that take no key, as they can be repeated without one, refuse this option.
func WithIdempotencyKey(key string) CallOption {
	return with(1 <= len(key) && len(key) <= 255 && visibleASCII(key),
		"WithIdempotencyKey: the key must be 1 to 255 visible ASCII characters, without spaces; a UUID does",
		func(conf *config) { conf.key = key })
}

// newUUID returns a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	text := hex.EncodeToString(b[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// WithHeader sends one more header, for example for a gateway. Headers that the client or the connection sets are refused.
func WithHeader(name, value string) CallOption {
	canonical := http.CanonicalHeaderKey(name)
	wrong := ""
	switch {
	case name == "" || strings.Trim(name, idCharacters+"!#$%&'*+.^`|~") != "":
		wrong = "WithHeader: the name is not one of a header" // RFC 9110, 5.6.2
	case slices.Contains(ownHeaders, canonical):
		wrong = fmt.Sprintf("WithHeader: %s is not for callers; the client or the connection sets it", canonical)
	case !headerText(value):
		wrong = fmt.Sprintf("WithHeader: the value of %s must be visible ASCII and spaces", canonical)
	}
	return with(wrong == "", wrong, func(conf *config) {
		if conf.header == nil {
			conf.header = make(http.Header)
		}
		conf.header[canonical] = []string{value}
	})
}

// ownHeaders would change whom the call is from, what it is, or how it travels. X-Idempotency-Key among them makes net/http
// repeat a call by itself.
var ownHeaders = []string{
	"X-Api-Key", "Idempotency-Key", "X-Idempotency-Key", "User-Agent", "Accept", "Accept-Encoding", "Host", "Content-Length",
	"Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
	"Upgrade", "Expect",
}

// WithAttempts sends the call at most n times. It overrides [RetryPolicy].MaxAttempts.
func WithAttempts(n int) CallOption {
	return with(1 <= n && n <= mostAttempts, fmt.Sprintf("WithAttempts: %d; pass 1 to %d", n, mostAttempts),
		func(conf *config) { conf.retry.MaxAttempts = n })
}

// WithTimeout limits the time of the whole call, with all attempts and the waits between them. An earlier deadline of the
// context counts.
func WithTimeout(d time.Duration) CallOption {
	return with(d > 0, fmt.Sprintf("WithTimeout: %v is no time at all; pass the longest the call may take", d),
		func(conf *config) { conf.timeout = d })
}

// WithResponse fills response, whether the call succeeds or fails.
func WithResponse(response *Response) CallOption {
	return with(response != nil, "WithResponse: the pointer is nil; pass that of a Response",
		func(conf *config) { *response, conf.response = Response{}, response })
}

// visibleASCII tells whether text has no space, no control character and nothing beyond ASCII.
func visibleASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// headerText tells whether text is visible ASCII with spaces in it, not around it.
func headerText(text string) bool {
	return visibleASCII(strings.ReplaceAll(text, " ", "")) && strings.TrimSpace(text) == text
}
