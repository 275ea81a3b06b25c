package servertest

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
)

// Option adjusts a [Server].
type Option func(*config)

type config struct {
	clock     func() time.Time
	rateLimit int
	schedule  delivery.Schedule
	faults    bool
	logger    *slog.Logger
	provider  func(http.Handler) http.Handler
}

func configFrom(opts []Option) config {
	c := config{
		clock:    time.Now,
		schedule: delivery.Schedule{20 * time.Millisecond, 20 * time.Millisecond, 20 * time.Millisecond, 20 * time.Millisecond},
		faults:   true,
		logger:   slog.New(slog.DiscardHandler),
		provider: func(provider http.Handler) http.Handler { return provider },
	}
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// WithClock sets the clock; [time.Now] by default. It is used for evaluations, the times of requests and of
// the audit, the expiry of keys, the 24 hours of an idempotency key, rate limits, and the times in the
// signatures of notifications. It must be safe for concurrent use. The waits between deliveries and all
// timeouts use real time.
func WithClock(now func() time.Time) Option { return func(c *config) { c.clock = now } }

// WithRateLimit limits the calls a second of an address, and of a company, as the API does. The default is
// no limit.
func WithRateLimit(perSecond int) Option { return func(c *config) { c.rateLimit = perSecond } }

// WithDeliverySchedule sets the waits between the attempts to deliver a notification. There is one attempt
// more than there are waits. The default is four waits of 20 ms.
func WithDeliverySchedule(waits ...time.Duration) Option {
	return func(c *config) { c.schedule = waits }
}

// WithFaults turns faults on demand on or off; the default is on.
func WithFaults(on bool) Option { return func(c *config) { c.faults = on } }

// WithProviderHandler puts a handler in front of the provider, such as one that checks the notifications.
func WithProviderHandler(wrap func(provider http.Handler) http.Handler) Option {
	return func(c *config) { c.provider = wrap }
}

// WithLogger sets the service's logger. By default, nothing is logged. Goroutines of the service may log until
// the test's cleanup has ended.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }
