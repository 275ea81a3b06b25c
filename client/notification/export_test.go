package notification

import "time"

// NewMemory returns what is the default, of another size.
func NewMemory(ids int, ttl time.Duration) Seen { return newMemory(ids, ttl) }
