package enablement

import (
	"crypto/sha256"
	"time"
)

// IdempotencyWindow is how long an idempotency key is answered what its first call was answered
// (own rule; openapi.yaml, Idempotency-Key).
const IdempotencyWindow = 24 * time.Hour

// Idempotency makes a call repeatable: under the same ID a store returns the recorded response for as
// long as the window lasts. Only the response to a call that was decided is recorded; a refusal
// changed nothing and is found anew.
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
