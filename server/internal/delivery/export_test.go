package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
)

// LostAfter is how long after its begin an attempt counts as lost.
const LostAfter = lostAfter

// NewTestInserter is NewInserter on a clock of the test's.
func NewTestInserter[TTx any](driver riverdriver.Driver[TTx], test river.TestConfig) (*Inserter[TTx], error) {
	client, err := river.NewClient(driver, &river.Config{Logger: slog.New(slog.DiscardHandler), Test: test})
	return &Inserter[TTx]{client}, err
}

// Reconcile looks for stranded notifications once.
func (q *Queue[TTx]) Reconcile(ctx context.Context) error { return q.reconciler.reconcile(ctx) }

// NewTestQueue is NewQueue on a clock of the test's.
func NewTestQueue[TTx any](driver riverdriver.Driver[TTx], config Config, test river.TestConfig) (*Queue[TTx], error) {
	return newQueue(driver, config, test)
}

// SetTimeout makes the sender less patient than a provider may expect.
func (s *Sender) SetTimeout(d time.Duration) { s.timeout = d }
