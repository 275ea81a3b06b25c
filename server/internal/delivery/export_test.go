package delivery

import (
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
)

// JobArgs is the job in the queue.
type JobArgs = jobArgs

// NewTestQueue is NewQueue on a clock of the test's.
func NewTestQueue[TTx any](driver riverdriver.Driver[TTx], config Config, test river.TestConfig) (*Queue[TTx], error) {
	return newQueue(driver, config, test)
}

// SetTimeout makes the sender less patient than a provider may expect.
func (s *Sender) SetTimeout(d time.Duration) { s.timeout = d }
