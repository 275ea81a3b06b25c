package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// stopStep stops a part that was started.
type stopStep struct {
	part string
	stop func(context.Context) error
}

// onStop says how to stop what was started just now.
func (s *service) onStop(part string, stop func(context.Context) error) {
	s.stops = append(s.stops, stopStep{part, stop})
}

// stop stops what was started, the last first. All share the context: what one step leaves of the time is the
// next one's.
func (s *service) stop(ctx context.Context) error {
	var errs []error
	for _, step := range slices.Backward(s.stops) {
		if err := step.stop(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s did not stop: %w", step.part, err))
		}
	}
	return errors.Join(errs...)
}

// errAbandoned is the end of a service that waits for something that nothing can cut short.
var errAbandoned = errors.New("not stopped within --shutdown-timeout: what is still under way is abandoned")

// stopWithin runs f until it returns, but no longer than the timeout once its context has ended. f ends that
// itself when it begins to stop by itself. The context that it stops in ends a little before the
// timeout, so that what can be cut is cut in order. What can't be is left to the end of the process: a connection that is being closed while the
// database is silent, a disk that hangs.
func stopWithin(ctx context.Context, timeout time.Duration, f func(ctx context.Context, end func() context.Context) error) error {
	stopping, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- f(ctx, func() context.Context { cancel(); return stopping })
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	orderly := time.AfterFunc(timeout-timeout/20, func() { cut(context.DeadlineExceeded) })
	defer orderly.Stop()
	longest := time.NewTimer(timeout)
	defer longest.Stop()
	select {
	case err := <-ended:
		return err
	case <-longest.C:
		return errAbandoned
	}
}
