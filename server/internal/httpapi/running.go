package httpapi

import (
	"crypto/sha256"
	"sync"
)

// running holds the idempotency keys that are in use in this process at the moment.
type running struct {
	mu  sync.Mutex
	ids map[[sha256.Size]byte]bool
}

// enter returns false if the key is in use. Otherwise leave must be called.
func (r *running) enter(id [sha256.Size]byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] {
		return false
	}
	if r.ids == nil {
		r.ids = make(map[[sha256.Size]byte]bool)
	}
	r.ids[id] = true
	return true
}

func (r *running) leave(id [sha256.Size]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ids, id)
}
