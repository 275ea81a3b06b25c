package delivery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Schedule holds the waits between attempts: attempt n is followed by the n-th wait, and the last
// attempt by none.
type Schedule []time.Duration

// DefaultSchedule is the one that openapi.yaml promises the provider, the steps that Standard
// Webhooks recommends: ten attempts over three days.
var DefaultSchedule = Schedule{
	5 * time.Second,
	5 * time.Minute,
	30 * time.Minute,
	2 * time.Hour,
	5 * time.Hour,
	10 * time.Hour,
	14 * time.Hour,
	20 * time.Hour,
	24 * time.Hour,
}

// spread is how far a wait may lie from the schedule to either side, so that attempts which failed
// together are not repeated together.
const spread = 0.2

// longestWait is far more than anybody needs, and far from what a duration can hold.
const longestWait = 365 * 24 * time.Hour

// Check returns an error unless the schedule has waits, of a millisecond to a year each. They may rise and
// fall.
func (s Schedule) Check() error {
	if len(s) == 0 {
		return errors.New("must have at least one wait")
	}
	for _, wait := range s {
		if wait < time.Millisecond || wait > longestWait {
			return fmt.Errorf("%s: a wait must be a millisecond or more, and a year or less", wait)
		}
	}
	return nil
}

// Attempts is how often a notification is tried before it is given up.
func (s Schedule) Attempts() int { return len(s) + 1 }

// Wait returns how long to wait after the failed attempt, counted from 1. A provider that asks for
// more time with Retry-After gets it, up to the longest wait of the schedule.
func (s Schedule) Wait(attempt int, retryAfter time.Duration) time.Duration {
	step := s[min(max(attempt, 1), len(s))-1]
	jitter := 1 - spread + 2*spread*rand.Float64()
	return max(time.Duration(float64(step)*jitter), min(retryAfter, slices.Max(s)))
}
