package client

import (
	"context"
	"time"
)

// Clock is the time that a [Client] goes by: when it waits, for how long, and whether a deadline
// allows it. [WithClock] replaces it in tests. What happens on the network, an attempt's timeout
// for one, is timed by the real clock.
type Clock interface {
	Now() time.Time
	// NewTimer returns a channel that receives once, after d, and a function that gives the timer up.
	NewTimer(d time.Duration) (fires <-chan time.Time, stop func())
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) NewTimer(d time.Duration) (<-chan time.Time, func()) {
	timer := time.NewTimer(d)
	return timer.C, func() { timer.Stop() }
}

// wait returns after d, or with the context's error as soon as that ends.
func wait(ctx context.Context, clock Clock, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	fires, stop := clock.NewTimer(d)
	defer stop()
	select {
	case <-fires:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
