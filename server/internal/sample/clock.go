package sample

import (
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// mostAhead is how far ahead of the real time a clock may be: beyond it are years that the API can't write.
const mostAhead = 100 * 365 * 24 * time.Hour

// Clock is the sample's. It goes with the real time until it is moved, and only forward: what is stored has the times that
// it told. It is safe for concurrent use; the zero value tells the real time.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now is the present moment.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Ahead()) }

// Ahead is how far it was moved.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// Forward moves the clock by so long. Its error, as that of Set, is an [*enablement.FieldError].
func (c *Clock) Forward(by time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if by <= 0 || by > mostAhead-c.ahead {
		return &enablement.FieldError{Field: "forward", Rule: "must be above zero, and all of it together at most 100 years"}
	}
	c.ahead += by
	return nil
}

// Set moves the clock to a moment.
func (c *Clock) Set(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := time.Until(now)
	if ahead < c.ahead || ahead > mostAhead {
		return &enablement.FieldError{Field: "now", Rule: "must not be before the clock's present, and at most 100 years ahead of the real time"}
	}
	c.ahead = ahead
	return nil
}
