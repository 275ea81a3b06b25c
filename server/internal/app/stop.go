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
			// At once: a later step may be one that nothing can cut short.
			s.logger.Warn("not stopped in time", "part", step.part, "err", err)
			errs = append(errs, fmt.Errorf("%s did not stop: %w", step.part, err))
		}
	}
	return errors.Join(errs...)
}

// errAbandoned is the end of a service that waits for something that nothing can cut short.
var errAbandoned = errors.New("not stopped within --shutdown-timeout: what is still under way is abandoned")

// stopWithin calls run, and stop when that returns. It returns no later than the timeout after the context has ended,
// or run has returned, whatever is waited for by then. The context that stop gets ends a little earlier, so
// that what can be cut is cut in order. What can't be is left to the end of the process: a connection
// that is closed while the database is silent, a disk that hangs.
func stopWithin(ctx context.Context, timeout time.Duration, run, stop func(context.Context) error) error {
	stopping, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	ctx, end := context.WithCancel(ctx)
	defer end()
	stopped := make(chan error, 1)
	go func() {
		err := run(ctx)
		end()
		stopped <- errors.Join(err, stop(stopping))
	}()
	<-ctx.Done()
	orderly := time.AfterFunc(timeout-timeout/20, func() { cut(context.DeadlineExceeded) })
	defer orderly.Stop()
	longest := time.NewTimer(timeout)
	defer longest.Stop()
	select {
	case err := <-stopped:
		return err
	case <-longest.C:
		return errAbandoned
	}
}
