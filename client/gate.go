package client

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// gateLimit is how many calls the API takes in a gateWindow.
	gateLimit  = 15
	gateWindow = time.Second
	// defaultBlock is how long nothing is sent after a 429 without Retry-After: the shortest block.
	defaultBlock = time.Second
)

// gate holds calls back that the API would refuse, and punish, for coming too fast: its blocks
// double with every violation. Clients of this process with the same key, base URL and clock share
// one, so that they share the limit and the knowledge of a block.
//
// A call counts from when it is sent until a window after its reply. The server counted it at some
// moment between the two, so however long it was on its way, no window of the server's ever holds
// more than the limit. A token bucket, which counts at the sending only, can't promise that.
type gate struct {
	mu sync.Mutex
	// blockedUntil is when the last penalty ends that a server told of.
	blockedUntil time.Time
	// flying is how many calls wait for their reply, cooling is when those stop counting that had
	// theirs, in order.
	flying  int
	cooling []time.Time
	// queue holds those who wait, in order. Only the first one watches the time.
	queue []*waiter
}

// waiter is woken when it is the first of the queue and something changed.
type waiter struct{ wake chan struct{} }

// gates are those of the process. One is some hundred bytes, and is kept: forgetting a block would
// lengthen the next one.
var gates = struct {
	sync.Mutex
	byID map[gateID]*gate
}{byID: make(map[gateID]*gate)}

type gateID struct {
	key     [sha256.Size]byte // of the API key
	baseURL string
	clock   Clock
}

func sharedGate(key, baseURL string, clock Clock) *gate {
	id := gateID{key: sha256.Sum256([]byte(key)), baseURL: baseURL, clock: clock}
	gates.Lock()
	defer gates.Unlock()
	g, ok := gates.byID[id]
	if !ok {
		g = new(gate)
		gates.byID[id] = g
	}
	return g
}

// gateError says that a call can't be sent before its deadline.
type gateError struct{ wait time.Duration }

func (e *gateError) Error() string {
	return fmt.Sprintf("%v: held back here, because the next call may be sent in %v, after the deadline",
		ErrRateLimited, roundedUp(e.wait))
}

func (e *gateError) Unwrap() error { return ErrRateLimited }

// enter returns once the call may be sent, and counts it: leave must follow. It returns a
// [*gateError] as soon as it is certain that the call can't be sent before the deadline, and the
// context's error when that ends.
func (g *gate) enter(ctx context.Context, clock Clock, limit int, deadline time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := clock.Now()
	if len(g.queue) == 0 && g.take(now, limit) {
		return nil
	}
	w := &waiter{wake: make(chan struct{}, 1)}
	g.queue = append(g.queue, w)
	defer g.drop(w)
	for {
		place := slices.Index(g.queue, w)
		if place == 0 && g.take(now, limit) {
			return nil
		}
		next := g.earliest(now, limit, place)
		if !next.Before(deadline) {
			return &gateError{wait: next.Sub(now)}
		}
		// The first one looks again when its turn may have come; the others when they are first.
		until := deadline
		if place == 0 {
			until = next
		}
		if err := g.sleep(ctx, clock, w, until.Sub(now)); err != nil {
			return err
		}
		now = clock.Now()
	}
}

// sleep gives the lock up for d, or until w is woken or the context ends.
func (g *gate) sleep(ctx context.Context, clock Clock, w *waiter, d time.Duration) error {
	g.mu.Unlock()
	defer g.mu.Lock()
	fires, stop := clock.NewTimer(d)
	defer stop()
	select {
	case <-fires:
		return nil
	case <-w.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forget lets those stop counting that have cooled.
func (g *gate) forget(now time.Time) {
	// One that cools for longer than a window is of another time: of a test with a clock of its own.
	for len(g.cooling) > 0 && (!now.Before(g.cooling[0]) || g.cooling[0].After(now.Add(gateWindow))) {
		g.cooling = g.cooling[1:]
	}
}

// take counts a call in if it may be sent now.
func (g *gate) take(now time.Time, limit int) bool {
	g.forget(now)
	if now.Before(g.blockedUntil) || g.flying+len(g.cooling) >= limit {
		return false
	}
	g.flying++
	return true
}

// earliest returns a moment before which the call at this place of the queue can't be sent. It may
// be later: nobody knows when the replies under way come.
func (g *gate) earliest(now time.Time, limit, place int) time.Time {
	at := now
	if over := place + g.flying + len(g.cooling) - limit; over >= 0 { // it takes the place of another one
		at = now.Add(gateWindow) // of one that is under way or not yet sent, at the earliest
		if index := over % limit; index < len(g.cooling) {
			at = g.cooling[index]
		}
		at = at.Add(time.Duration(over/limit) * gateWindow)
	}
	if at.Before(g.blockedUntil) {
		at = g.blockedUntil
	}
	return at
}

// hold returns for how long the next call can't be sent, at least. Those who wait are not counted: they
// may give up.
func (g *gate) hold(now time.Time, limit int) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(now)
	return g.earliest(now, limit, 0).Sub(now)
}

// leave notes that the call had its reply, or never will.
func (g *gate) leave(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flying--
	g.cooling = append(g.cooling, now.Add(gateWindow))
	g.wakeFirst()
}

// block notes a penalty. It ends later than the server's own, which began before the reply came.
func (g *gate) block(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.blockedUntil) {
		g.blockedUntil = until
		g.wakeFirst()
	}
}

// drop takes w out of the queue, and lets the next one see whether it is first.
func (g *gate) drop(w *waiter) {
	if i := slices.Index(g.queue, w); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
	g.wakeFirst()
}

func (g *gate) wakeFirst() {
	if len(g.queue) == 0 {
		return
	}
	select {
	case g.queue[0].wake <- struct{}{}:
	default: // it will look anyway
	}
}
