package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// defaultTimeout bounds one try, from the dial to the last byte of the reply.
const defaultTimeout = 30 * time.Second

// Option sets up a [Client]. A wrong one is an error of [New], which names it.
type Option func(*config) error

type config struct {
	baseURL        string
	httpClient     *http.Client
	userAgent      string
	newKey         func() string
	retry          RetryPolicy
	attemptTimeout time.Duration
	strict         bool
	gateLimit      int
	clock          Clock
	logger         *slog.Logger
	tracers        trace.TracerProvider
	meters         metric.MeterProvider
}

func defaultConfig() config {
	return config{
		baseURL:        Production,
		newKey:         newUUID,
		attemptTimeout: defaultTimeout,
		gateLimit:      gateLimit,
		clock:          systemClock{},
	}
}

// WithBaseURL sends calls to another server than [Production]: to [Sandbox], or to one of your own.
// A path in front of the API's own is kept. Plain http is taken for this machine only (localhost
// and loopback addresses), because the key would be readable on the way.
func WithBaseURL(baseURL string) Option {
	return func(conf *config) error {
		// No message repeats the URL, or a parser's words on it: it may hold a password.
		u, err := url.Parse(baseURL)
		switch {
		case err != nil || u.Hostname() == "":
			return errors.New("WithBaseURL: not an absolute URL; write it like " + Production)
		case u.User != nil:
			return errors.New("WithBaseURL: user and password in the URL are not sent; leave them out")
		case strings.ContainsAny(baseURL, "?#"):
			return errors.New("WithBaseURL: a query or a fragment is not sent; leave it out")
		case u.Scheme == "http" && !loopback(u.Hostname()):
			return errors.New("WithBaseURL: http would send the API key in the clear; use https")
		case u.Scheme != "https" && u.Scheme != "http":
			return fmt.Errorf("WithBaseURL: the scheme is %q; use https", u.Scheme)
		}
		conf.baseURL = baseURL
		return nil
	}
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// WithHTTPClient sends calls through a copy of c, with its transport, timeout and cookie jar. Neither
// c nor its transport is changed. The copy never follows a redirect, whatever c.CheckRedirect says.
//
// The transport sees the API key. One that follows redirects by itself is found out: by the
// connection that it asks for, which the client refuses before anything is sent there, or else by
// the reply; the call is [ErrRedirect]. So is that of one that sends the request to another address
// than it was given: use [WithBaseURL] for that. One that sends a call again by itself is stopped before it
// does, so that every sending is counted. Like net/http's, the transport should keep the request's context
// and so tell its [net/http/httptrace]: if it does not, no error is [NotSent], and nothing is stopped.
//
// Connections of HTTP/2 are kept for the next call, those of HTTP/1 are not: see the package's
// documentation.
func WithHTTPClient(c *http.Client) Option {
	return func(conf *config) error {
		if c == nil {
			return errors.New("WithHTTPClient: the client is nil; leave the option out for the default")
		}
		conf.httpClient = c
		return nil
	}
}

// WithUserAgent adds who calls to the User-Agent header: "enablement-go/0.1.0 suffix". The usual form
// is name/version.
func WithUserAgent(suffix string) Option {
	return func(conf *config) error {
		if suffix == "" || !headerText(suffix) {
			return errors.New("WithUserAgent: the suffix must be visible ASCII and spaces, such as shop/1.2")
		}
		conf.userAgent = " " + suffix
		return nil
	}
}

// WithIdempotencyKeys takes the key of each call from next, in place of a random UUID. next may be
// called from several goroutines at once. [WithIdempotencyKey] names that of one call.
func WithIdempotencyKeys(next func() string) Option {
	return func(conf *config) error {
		if next == nil {
			return errors.New("WithIdempotencyKeys: the function is nil; leave the option out for random UUIDs")
		}
		conf.newKey = next
		return nil
	}
}

// WithRetry repeats calls as the policy says. RetryPolicy{MaxTries: 1} repeats nothing.
func WithRetry(policy RetryPolicy) Option {
	return func(conf *config) error {
		if err := policy.validate(); err != nil {
			return fmt.Errorf("WithRetry: %w", err)
		}
		conf.retry = policy
		return nil
	}
}

// WithAttemptTimeout bounds one try, from the dial to the last byte of the reply. The default is 30
// seconds. A try that takes longer is repeated; what bounds the whole call is the context,
// [WithTimeout] or [RetryPolicy.MaxElapsed].
func WithAttemptTimeout(d time.Duration) Option {
	return func(conf *config) error {
		if d <= 0 {
			return fmt.Errorf("WithAttemptTimeout: %v is no time at all; pass the longest a try may take", d)
		}
		conf.attemptTimeout = d
		return nil
	}
}

// WithStrictResponses makes [ErrInvalidResponse] of every oddity that [Reply.Oddities] would name, although it
// leaves no doubt about the request and its status. The call is [Unknown] then: use it in tests.
func WithStrictResponses() Option {
	return func(conf *config) error {
		conf.strict = true
		return nil
	}
}

// WithRateLimit sends at most n calls a second, in place of the 15 that the API takes.
func WithRateLimit(n int) Option {
	return func(conf *config) error {
		if n < 1 {
			return fmt.Errorf("WithRateLimit: %d calls a second; pass 1 or more, or WithoutRateGate", n)
		}
		conf.gateLimit = n
		return nil
	}
}

// WithoutRateGate sends every call at once, also while the API refuses all of them. Use it where
// something else keeps to the limit, or where there is none.
func WithoutRateGate() Option {
	return func(conf *config) error {
		conf.gateLimit = 0
		return nil
	}
}

// WithLogger logs every try: at debug level, and at warn level one that is repeated.
func WithLogger(logger *slog.Logger) Option {
	return func(conf *config) error {
		if logger == nil {
			return errors.New("WithLogger: the logger is nil; leave the option out for none")
		}
		conf.logger = logger
		return nil
	}
}

// WithTracerProvider makes a span of every call, with an event for every try, and sends its W3C
// trace context along.
func WithTracerProvider(provider trace.TracerProvider) Option {
	return func(conf *config) error {
		if provider == nil {
			return errors.New("WithTracerProvider: the provider is nil; leave the option out for none")
		}
		conf.tracers = provider
		return nil
	}
}

// WithMeterProvider measures calls: enablement.client.duration in seconds, by outcome and status, and
// enablement.client.tries, by status.
func WithMeterProvider(provider metric.MeterProvider) Option {
	return func(conf *config) error {
		if provider == nil {
			return errors.New("WithMeterProvider: the provider is nil; leave the option out for none")
		}
		conf.meters = provider
		return nil
	}
}

// WithClock goes by another clock than the system's, for tests.
func WithClock(clock Clock) Option {
	return func(conf *config) error {
		// Clients share a rate gate only under the same clock, so it is compared.
		if clock == nil || !reflect.TypeOf(clock).Comparable() {
			return errors.New("WithClock: the clock must be a value that can be compared, such as a pointer")
		}
		conf.clock = clock
		return nil
	}
}
