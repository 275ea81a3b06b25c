package delivery

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Schedule has the waits between attempts: the n-th wait is between attempt n and the next one.
type Schedule []time.Duration

// DefaultSchedule is the schedule that openapi.yaml promises to the provider: ten attempts over three days, as Standard
// Webhooks recommends.
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

// Check returns an error unless there are waits, each of a millisecond to a year. They need not increase.
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

// Attempts returns how many attempts are made before a notification is given up.
func (s Schedule) Attempts() int { return len(s) + 1 }

// Wait returns how long to wait after a failed attempt, which is counted from 1. If the provider asks for more time with
// Retry-After, it gets that, up to the longest wait of the schedule.
func (s Schedule) Wait(attempt int, retryAfter time.Duration) time.Duration {
	step := s[min(max(attempt, 1), len(s))-1]
	jitter := 1 - spread + 2*spread*rand.Float64()
	return max(time.Duration(float64(step)*jitter), min(retryAfter, slices.Max(s)))
}
