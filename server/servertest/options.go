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

// WithClock goes by another clock than [time.Now]: evaluations, the times of requests and of the
// audit, keys that expire, the 24 hours of an idempotency key, rate limits, and the times that
// notifications are signed with. It must be safe for concurrent use. The waits between deliveries and
// all timeouts are of real time, whatever the clock tells.
func WithClock(now func() time.Time) Option { return func(c *config) { c.clock = now } }

// WithRateLimit limits calls as the API does, to so many a second of an address and of a company. The
// default is no limit.
func WithRateLimit(perSecond int) Option { return func(c *config) { c.rateLimit = perSecond } }

// WithDeliverySchedule sets the waits between the attempts to deliver a notification; one attempt more
// than waits is made. The default is four waits of 20 ms.
func WithDeliverySchedule(waits ...time.Duration) Option {
	return func(c *config) { c.schedule = waits }
}

// WithFaults turns faults on demand on or off; the default is on.
func WithFaults(on bool) Option { return func(c *config) { c.faults = on } }

// WithProviderHandler puts a handler in front of the provider, such as one that checks what the provider
// is sent.
func WithProviderHandler(wrap func(provider http.Handler) http.Handler) Option {
	return func(c *config) { c.provider = wrap }
}

// WithLogger has the service's log, which is dropped by default. What ends up in it may come from
// goroutines up to the end of the test's cleanup.
func WithLogger(logger *slog.Logger) Option { return func(c *config) { c.logger = logger } }
