// Package group lets calls that arrive while others are running share the next transaction. One transaction costs the
// database nearly the same for many calls as for one.
package group

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// ErrClosed is the error of a call after Close.
var ErrClosed = errors.New("the database is closed")

const (
	// limit is how many calls run together at most, which bounds how long that takes.
	limit = 64
	// crowd is how many calls must wait for another lane to open: fewer are better off together.
	crowd = 8
	// timeout bounds what callers share, who have bounds of their own.
	timeout = 15 * time.Second
)

// Call is one call of [Group.Do], with its result.
type Call[I, O any] struct {
	In  I
	Out O
	Err error

	answered chan struct{}
}

// Ins returns the inputs of the calls, in their order.
func Ins[I, O any](calls []*Call[I, O]) []I {
	ins := make([]I, len(calls))
	for i, call := range calls {
		ins[i] = call.In
	}
	return ins
}

// Config says how calls run together.
type Config[I, O any] struct {
	// Lanes is how many times Run runs at once at most.
	Lanes int
	// Run sets the results of the calls. If it returns an error, that is the result of all of them. Its context is not
	// that of a caller.
	Run func(ctx context.Context, calls []*Call[I, O]) error
	// Turn waits before the calls are chosen, so that calls that come meanwhile run, too. It may be nil.
	Turn func(ctx context.Context) (done func(), err error)
}

// Group collects calls and runs them together.
type Group[I, O any] struct {
	config Config[I, O]

	mu      sync.Mutex
	waiting []*Call[I, O]
	lanes   int
	closed  bool
	running sync.WaitGroup
}

// New returns a Group. Close it when it is no longer needed.
func New[I, O any](config Config[I, O]) *Group[I, O] {
	if config.Turn == nil {
		config.Turn = func(context.Context) (func(), error) { return func() {}, nil }
	}
	return &Group[I, O]{config: config}
}

// Do makes a call. If the context ends first, Do returns its error; the call may still run then.
func (g *Group[I, O]) Do(ctx context.Context, in I) (out O, err error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	call := &Call[I, O]{In: in, answered: make(chan struct{})}
	if err := g.enter(call); err != nil {
		return out, err
	}
	select {
	case <-call.answered:
		return call.Out, call.Err
	case <-ctx.Done():
		g.leave(call)
		return out, ctx.Err()
	}
}

// enter lines a call up, and opens a lane for it where there may be one more.
func (g *Group[I, O]) enter(call *Call[I, O]) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.waiting = append(g.waiting, call)
	if g.lanes == 0 || g.lanes < g.config.Lanes && len(g.waiting) >= crowd {
		g.lanes++
		g.running.Go(g.lane)
	}
	return nil
}

// leave takes a call back that nobody waits for, unless it runs by now.
func (g *Group[I, O]) leave(call *Call[I, O]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(c *Call[I, O]) bool { return c == call })
}

// lane runs for as long as calls wait.
func (g *Group[I, O]) lane() {
	for g.more() {
		g.round()
	}
}

func (g *Group[I, O]) more() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.lanes--
		return false
	}
	return true
}

func (g *Group[I, O]) round() {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	done, err := g.config.Turn(ctx)
	if err == nil {
		defer done()
	}
	calls := g.take()
	if len(calls) == 0 {
		return // all have left
	}
	if err == nil {
		err = g.run(ctx, calls)
	}
	for _, call := range calls {
		if err != nil {
			var none O
			call.Out, call.Err = none, err
		}
		close(call.answered)
	}
}

// run turns a panic into an error: it would be on no caller's goroutine, and end the program.
func (g *Group[I, O]) run(ctx context.Context, calls []*Call[I, O]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return g.config.Run(ctx, calls)
}

func (g *Group[I, O]) take() []*Call[I, O] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), limit)
	calls := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return calls
}

// Close refuses further calls, and waits until earlier ones have ended.
func (g *Group[I, O]) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.running.Wait()
}
