package enablement

import (
	"crypto/sha256"
	"time"
)

// IdempotencyWindow is how long calls with an idempotency key get the response of the first one (own rule;
// openapi.yaml, Idempotency-Key).
const IdempotencyWindow = 24 * time.Hour

// Idempotency makes a call repeatable: the store returns the recorded response to calls with the same ID, as long as the
// window lasts. The response to a refused call is not recorded, as nothing has changed: the call is decided again.
type Idempotency struct {
	// ID is a hash of the company, the operation and the caller's key. So two companies may use the same key, and the key
	// itself is not stored.
	ID [sha256.Size]byte
	// Fingerprint is a hash of the rest of the call. The same ID with another Fingerprint is [ErrIdempotencyMismatch].
	Fingerprint [sha256.Size]byte
	// Since is the start of the window: responses that were recorded before it do not count.
	Since time.Time
}
