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
	maxBody      int64
	seen         Seen
	logger       *slog.Logger
}

func defaultConfig() config {
	return config{
		past: 5 * time.Minute, future: 5 * time.Minute, now: time.Now, maxBody: 64 << 10,
		logger: slog.New(slog.DiscardHandler),
	}
}

// WithTolerance takes notifications that were signed up to past ago, or up to future ahead. The
// default is 5 minutes for both.
func WithTolerance(past, future time.Duration) Option {
	return func(conf *config) error {
		if past <= 0 || future < 0 {
			return fmt.Errorf("WithTolerance: %v and %v; pass how old and how far ahead one may be", past, future)
		}
		conf.past, conf.future = past, future
		return nil
	}
}

// WithClock goes by another clock than [time.Now], for tests.
func WithClock(now func() time.Time) Option {
	return func(conf *config) error {
		if now == nil {
			return errors.New("WithClock: the function is nil; leave the option out for the system's clock")
		}
		conf.now = now
		return nil
	}
}

// WithMaxBody takes bodies of up to n bytes. The default is 64 KiB, far more than a notification needs.
func WithMaxBody(n int64) Option {
	return func(conf *config) error {
		if n < 1 {
			return fmt.Errorf("WithMaxBody: %d bytes; pass 1 or more", n)
		}
		conf.maxBody = n
		return nil
	}
}

// WithSeen remembers what was handled in s, in place of the program's memory: see [NewDatabase].
func WithSeen(s Seen) Option {
	return func(conf *config) error {
		if s == nil {
			return errors.New("WithSeen: it is nil; leave the option out for the program's memory")
		}
		conf.seen = s
		return nil
	}
}

// WithLogger logs what [Verifier.Handler] refuses, and what the handler's errors are, which no caller
// is told.
func WithLogger(logger *slog.Logger) Option {
	return func(conf *config) error {
		if logger == nil {
			return errors.New("WithLogger: the logger is nil; leave the option out for none")
		}
		conf.logger = logger
		return nil
	}
}
