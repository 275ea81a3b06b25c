package notification

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Option sets up a [Verifier]. A wrong one is an error of [New], which names it.
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

// WithTolerance takes notifications that were signed up to past ago, or up to future ahead. The
// default is 5 minutes for both.
func WithTolerance(past, future time.Duration) Option {
	return with(past > 0 && future >= 0, fmt.Sprintf("WithTolerance: %v and %v; pass how old and how far ahead one may be", past, future),
		func(conf *config) { conf.past, conf.future = past, future })
}

// WithClock goes by another clock than [time.Now], for tests.
func WithClock(now func() time.Time) Option {
	return with(now != nil, "WithClock: the function is nil; leave the option out for the system's clock",
		func(conf *config) { conf.now = now })
}

// WithSeen remembers what was handled in s, in place of the program's memory: see [NewDatabase].
func WithSeen(s Seen) Option {
	return with(s != nil, "WithSeen: it is nil; leave the option out for the program's memory",
		func(conf *config) { conf.seen = s })
}

// WithLogger logs what [Verifier.Handler] refuses, and what the handler's errors are, which no caller
// is told.
func WithLogger(logger *slog.Logger) Option {
	return with(logger != nil, "WithLogger: the logger is nil; leave the option out for none",
		func(conf *config) { conf.logger = logger })
}
