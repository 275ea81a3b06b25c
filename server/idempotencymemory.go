package server

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// idempotencyWindow is how long calls under a key get the response of the first one (openapi.yaml, Idempotency-Key).
const idempotencyWindow = 24 * time.Hour

// MemoryIdempotency is an [IdempotencyStore] in memory. It is for tests, and for a service of one process that
// may lose its responses when it ends. It holds every response for 24 hours.
type MemoryIdempotency struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte]*memorized
	// recorded has the keys with a response, the oldest first.
	recorded []*memorized
}

// memorized is the state of a key. It has no response while its first call is running.
type memorized struct {
	key      Idempotency
	response *RecordedResponse
	at       time.Time
	forget   bool // the client was deleted while the call was running
}

var _ IdempotencyStore = (*MemoryIdempotency)(nil)

// NewMemoryIdempotency returns an empty store.
func NewMemoryIdempotency() *MemoryIdempotency {
	return &MemoryIdempotency{keys: make(map[[sha256.Size]byte]*memorized)}
}

// Begin implements [IdempotencyStore].
func (m *MemoryIdempotency) Begin(_ context.Context, key Idempotency) (*RecordedResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	known := m.keys[key.ID]
	switch {
	case known == nil:
		m.keys[key.ID] = &memorized{key: key}
		return nil, nil
	case known.key.Fingerprint != key.Fingerprint:
		return nil, ErrIdempotencyMismatch
	case known.response == nil:
		return nil, ErrIdempotencyInProgress
	}
	return known.response, nil
}

// Finish implements [IdempotencyStore].
func (m *MemoryIdempotency) Finish(_ context.Context, key Idempotency, response RecordedResponse) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if running := m.keys[key.ID]; running != nil && running.forget {
		delete(m.keys, key.ID)
		return nil
	}
	known := &memorized{key: key, response: &response, at: time.Now()}
	m.keys[key.ID] = known
	m.recorded = append(m.recorded, known)
	return nil
}

// Abort implements [IdempotencyStore].
func (m *MemoryIdempotency) Abort(_ context.Context, key Idempotency) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.keys, key.ID)
	return nil
}

// Forget removes the responses that hold data of the client, also those of calls that are running. Call it when the
// client is deleted.
func (m *MemoryIdempotency) Forget(clientID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, known := range m.keys {
		switch {
		case known.key.ClientID != clientID:
		case known.response == nil:
			known.forget = true
		default:
			known.response = nil // it is in the list, too
			delete(m.keys, id)
		}
	}
}

// expire removes what was recorded before the window.
func (m *MemoryIdempotency) expire() {
	since := time.Now().Add(-idempotencyWindow)
	for len(m.recorded) > 0 && !m.recorded[0].at.After(since) {
		if oldest := m.recorded[0]; m.keys[oldest.key.ID] == oldest {
			delete(m.keys, oldest.key.ID)
		}
		m.recorded[0] = nil
		m.recorded = m.recorded[1:]
	}
}
