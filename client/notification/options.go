package notification

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Option adjusts a [Verifier]. [New] returns an error that names a wrong one.
type Option func(*config) error

type config struct {
	past, future time.Duration
	now          func() time.Time
	seen         Seen
	logger       *slog.Logger
}

func defaultConfig() config {
	return config{past: 5 * time.Minute, future: 5 * time.Minute, now: time.Now, logger: slog.New(slog.DiscardHandler)}
}

// with returns an option that sets what was given, or says what is wrong with it.
func with(right bool, wrong string, set func(conf *config)) Option {
	return func(conf *config) error {
		if !right {
			return errors.New(wrong)
		}
		set(conf)
		return nil
	}
}

// WithTolerance accepts notifications that were signed up to past ago, or up to future ahead. The default is 5
// minutes for both.
func WithTolerance(past, future time.Duration) Option {
	return with(past > 0 && future >= 0, fmt.Sprintf("WithTolerance: %v and %v; pass how old and how far ahead one may be", past, future),
		func(conf *config) { conf.past, conf.future = past, future })
}

// WithClock sets the clock, for tests; [time.Now] by default.
func WithClock(now func() time.Time) Option {
	return with(now != nil, "WithClock: the function is nil; leave the option out for the system's clock",
		func(conf *config) { conf.now = now })
}

// WithSeen uses s to remember what was handled, in place of the memory of the program: see [NewDatabase].
func WithSeen(s Seen) Option {
	return with(s != nil, "WithSeen: it is nil; leave the option out for the program's memory",
		func(conf *config) { conf.seen = s })
}

// WithLogger logs why [Verifier.Handler] refuses a notification, and the errors of the handler. The caller is
// not told either.
func WithLogger(logger *slog.Logger) Option {
	return with(logger != nil, "WithLogger: the logger is nil; leave the option out for none",
		func(conf *config) { conf.logger = logger })
}
