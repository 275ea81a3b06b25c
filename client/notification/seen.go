package notification

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Seen remembers which notifications were handled.
//
// Once calls handle and returns its error. It remembers the id only if handle returned nil. If the id is known,
// Once returns nil without calling handle. Of two calls for the same id at the same time, one waits for the
// other, or fails.
type Seen interface {
	Once(ctx context.Context, id string, handle func(ctx context.Context) error) error
}

// What the program remembers by default. The sender goes on for about 76 hours.
const (
	defaultIDs  = 100_000
	defaultTime = 5 * 24 * time.Hour
)

// memory is a [Seen] that lasts as long as the program.
type memory struct {
	max int
	ttl time.Duration

	mu sync.Mutex
	// running holds a channel for each id that is being handled; it is closed when that ended.
	running map[string]chan struct{}
	// done has the ids of order, where the oldest is first.
	done  map[string]bool
	order []remembered
}

type remembered struct {
	id    string
	until time.Time
}

// newMemory returns a memory of the last ids, at most so many and for no longer than ttl.
func newMemory(ids int, ttl time.Duration) *memory {
	return &memory{max: ids, ttl: ttl, running: make(map[string]chan struct{}), done: make(map[string]bool)}
}

// errAborted is what the waiting see of a handler that panicked.
var errAborted = errors.New("notification: the handler did not return")

// Once implements [Seen]. A second call for an id waits for the first.
func (m *memory) Once(ctx context.Context, id string, handle func(ctx context.Context) error) error {
	for {
		ended, begun := m.begin(id)
		switch {
		case ended == nil:
			return nil
		case begun:
			return m.run(ctx, id, ended, handle)
		}
		select {
		case <-ended: // and if it failed, it is our turn
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin returns nil for an id that was handled; else the channel that tells when it was, and whether
// the caller is the one to handle it.
func (m *memory) begin(id string) (ended chan struct{}, begun bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for len(m.order) > 0 && !now.Before(m.order[0].until) {
		m.forgetOldest()
	}
	if m.done[id] {
		return nil, false
	}
	if ended, ok := m.running[id]; ok {
		return ended, false
	}
	ended = make(chan struct{})
	m.running[id] = ended
	return ended, true
}

func (m *memory) run(ctx context.Context, id string, ended chan struct{}, handle func(ctx context.Context) error) error {
	err := errAborted
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.running, id)
		close(ended)
		if err != nil {
			return
		}
		m.done[id] = true
		m.order = append(m.order, remembered{id: id, until: time.Now().Add(m.ttl)})
		if len(m.order) > m.max {
			m.forgetOldest()
		}
	}()
	err = handle(ctx)
	return err
}

func (m *memory) forgetOldest() {
	delete(m.done, m.order[0].id)
	m.order = m.order[1:]
}
