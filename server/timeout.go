package server

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// WithTimeout sets how long the implementation may take for a call, and must be above zero. Without it there is no limit.
// The time starts when the request was read and found valid. When it is over, the implementation's context ends. If it
// returns the context's error, the response is a 503 with Retry-After; whether the call took effect is not known then, as
// with any 5xx. An implementation that doesn't look at its context is not stopped.
func WithTimeout(limit time.Duration) Option {
	return func(s *settings) error {
		if limit <= 0 {
			return fmt.Errorf("WithTimeout: %s is not above zero", limit)
		}
		s.timeout = limit
		return nil
	}
}

// inTime is a generated middleware that ends the context of the implementation when its time is over.
func (h *handler) inTime(next api.StrictHandlerFunc, _ string) api.StrictHandlerFunc {
	if h.timeout == 0 {
		return next
	}
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, request any) (any, error) {
		within := &limited{Context: ctx, until: time.Now().Add(h.timeout)}
		defer within.end()
		return next(within, w, r, request) //nolint:contextcheck // within holds the call's own
	}
}

// limited is a context with a deadline. Its timer is made for the first who waits, as a timer takes a tenth of the time
// of a call that doesn't.
type limited struct {
	context.Context
	until time.Time
	inner atomic.Pointer[ended]
}

// ended is the same context with its timer.
type ended struct {
	context.Context
	cancel context.CancelFunc
}

func (l *limited) timed() *ended {
	if inner := l.inner.Load(); inner != nil {
		return inner
	}
	ctx, cancel := context.WithDeadline(l.Context, l.until)
	inner := &ended{ctx, cancel}
	if !l.inner.CompareAndSwap(nil, inner) {
		cancel()
	}
	return l.inner.Load()
}

// Deadline implements [context.Context].
func (l *limited) Deadline() (time.Time, bool) { return l.timed().Deadline() }

// Done implements [context.Context].
func (l *limited) Done() <-chan struct{} { return l.timed().Done() }

// Err implements [context.Context].
func (l *limited) Err() error { return l.timed().Err() }

// Value implements [context.Context]. Package context finds the timer by it, and so needs no goroutine for a context
// that is derived from this one.
func (l *limited) Value(key any) any {
	if inner := l.inner.Load(); inner != nil {
		return inner.Value(key)
	}
	return l.Context.Value(key)
}

// end stops the timer.
func (l *limited) end() {
	if inner := l.inner.Load(); inner != nil {
		inner.cancel()
	}
}
