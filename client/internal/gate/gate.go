// Package gate delays calls that come too fast. The API would refuse them, and block for twice as long with every
// violation.
package gate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// Limit is how many calls the API takes in a second.
	Limit  = 15
	window = time.Second
	// Block is how long nothing is sent after a 429 without Retry-After: the shortest block.
	Block = time.Second
)

// Gate lets a limited number of calls pass in a window.
//
// A call counts from when it is sent until a window after its response. The server counted it at some
// moment between the two, so however long it was on its way, no window of the server's ever holds
// more than the limit. A token bucket, which counts at the sending only, can't promise that.
type Gate struct {
	mu sync.Mutex
	// blockedUntil is when the last penalty ends that a server told of.
	blockedUntil time.Time
	// flying is how many calls wait for their response, cooling is when those stop counting that had
	// theirs, in order.
	flying  int
	cooling []time.Time
	// queue holds those who wait, in order: each is woken when it is the first and something changed. Only the
	// first one watches the time.
	queue []chan struct{}
}

// gates are those of the process. One is some hundred bytes, and is kept: forgetting a block would
// lengthen the next one.
var gates sync.Map

// Shared returns the gate of an API key and a base URL. All clients of the process share it, and so the limit
// and the knowledge of a block.
func Shared(key, baseURL string) *Gate {
	type id struct {
		key     [sha256.Size]byte
		baseURL string
	}
	g, _ := gates.LoadOrStore(id{sha256.Sum256([]byte(key)), baseURL}, new(Gate))
	return g.(*Gate)
}

// HeldError says that a call can't be sent before its deadline.
type HeldError struct{ Wait time.Duration }

func (e *HeldError) Error() string {
	return fmt.Sprintf("held back here, because the next call may be sent in %v, after the deadline", RoundUp(e.Wait))
}

// RoundUp returns a wait as texts have it, to the millisecond: it is not over sooner than was said.
func RoundUp(wait time.Duration) time.Duration {
	return (min(wait, math.MaxInt64-time.Millisecond) + time.Millisecond - 1).Truncate(time.Millisecond)
}

// Enter returns once the call may be sent, and counts it: Leave must follow. It returns a [*HeldError] as
// soon as it is certain that the call can't be sent before the deadline, and the context's error when that
// ends.
func (g *Gate) Enter(ctx context.Context, limit int, deadline time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if len(g.queue) == 0 && g.take(now, limit) {
		return nil
	}
	wake := make(chan struct{}, 1)
	g.queue = append(g.queue, wake)
	defer g.drop(wake)
	for {
		place := slices.Index(g.queue, wake)
		if place == 0 && g.take(now, limit) {
			return nil
		}
		next := g.earliest(now, limit, place)
		if !next.Before(deadline) {
			return &HeldError{Wait: next.Sub(now)}
		}
		// The first one looks again when its turn may have come; the others when they are first.
		until := deadline
		if place == 0 {
			until = next
		}
		if err := g.sleep(ctx, wake, until.Sub(now)); err != nil {
			return err
		}
		now = time.Now()
	}
}

// sleep gives the lock up for d, or until it is woken or the context ends.
func (g *Gate) sleep(ctx context.Context, wake <-chan struct{}, d time.Duration) error {
	g.mu.Unlock()
	defer g.mu.Lock()
	select {
	case <-time.After(d):
	case <-wake:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// take counts a call in if it may be sent now.
func (g *Gate) take(now time.Time, limit int) bool {
	g.forget(now)
	if now.Before(g.blockedUntil) || g.flying+len(g.cooling) >= limit {
		return false
	}
	g.flying++
	return true
}

// forget lets those stop counting that have cooled.
func (g *Gate) forget(now time.Time) {
	for len(g.cooling) > 0 && !now.Before(g.cooling[0]) {
		g.cooling = g.cooling[1:]
	}
}

// earliest returns a moment before which the call at this place of the queue can't be sent. It may
// be later: nobody knows when the responses under way come.
func (g *Gate) earliest(now time.Time, limit, place int) time.Time {
	at := now
	if over := place + g.flying + len(g.cooling) - limit; over >= 0 { // it takes the place of another one
		at = now.Add(window) // of one that is under way or not yet sent, at the earliest
		if index := over % limit; index < len(g.cooling) {
			at = g.cooling[index]
		}
		at = at.Add(time.Duration(over/limit) * window)
	}
	if at.Before(g.blockedUntil) {
		at = g.blockedUntil
	}
	return at
}

// Leave notes that the call had its response, or never will, and a penalty where the server told of one; it ends
// later than the server's own, which began before the response came. It returns for how long the next call can't
// be sent, at least. Those who wait are not counted: they may give up.
func (g *Gate) Leave(limit int, block time.Duration) (held time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.flying--
	g.cooling = append(g.cooling, now.Add(window))
	if until := now.Add(block); block > 0 && until.After(g.blockedUntil) {
		g.blockedUntil = until
	}
	g.wakeFirst()
	g.forget(now)
	return g.earliest(now, limit, 0).Sub(now)
}

// drop takes one out of the queue, and lets the next one see whether it is first.
func (g *Gate) drop(wake chan struct{}) {
	if i := slices.Index(g.queue, wake); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
	g.wakeFirst()
}

func (g *Gate) wakeFirst() {
	if len(g.queue) == 0 {
		return
	}
	select {
	case g.queue[0] <- struct{}{}:
	default: // it will look anyway
	}
}
