package enablement

import (
	"crypto/sha256"
	"sync"
	"time"
)

// IdempotencyWindow is how long an idempotency key answers what its first submission was answered
// (own rule; openapi.yaml, Idempotency-Key).
const IdempotencyWindow = 24 * time.Hour

// Idempotency makes a submission repeatable: under the same ID a store answers the recorded reply
// for as long as the window lasts. Only what was answered to a submission that was decided is
// recorded; a refusal changed nothing and is found anew.
type Idempotency struct {
	// ID is a hash of the company, the operation and the caller's key, so that companies don't meet
	// and the key is not kept.
	ID [sha256.Size]byte
	// Fingerprint is a hash of what is asked. The same ID with another one is
	// [ErrIdempotencyMismatch].
	Fingerprint [sha256.Size]byte
	// Since is the start of the window: what was recorded before it does not count any more.
	Since time.Time
}

// NewIdempotency returns the idempotency of a submission under the caller's key.
func NewIdempotency(s Submission, key string) *Idempotency {
	return &Idempotency{
		ID:          hash(s.CompanyID, "submitProduct", key),
		Fingerprint: hash(s.ClientID, s.RequestID),
	}
}

// hash is over the parts with their lengths, so that no two lists of parts run into each other.
func hash(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range parts {
		length := len(part)
		h.Write([]byte{byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length)})
		h.Write([]byte(part))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

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
