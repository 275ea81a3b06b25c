// Package delivery hands notifications over to the provider: the queue that holds them, the worker
// that makes the attempts, the schedule between attempts, and the signed request.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// What the queue is tuned to; River's defaults would let a notification wait for a second, and that
// of a killed process for an hour.
const (
	fetchPollInterval = 100 * time.Millisecond
	fetchCooldown     = 20 * time.Millisecond
	// onlyPollInterval is for a database that gives no notice of jobs.
	onlyPollInterval = 50 * time.Millisecond
	// rescueAfter must stay above jobTimeout, or a slow attempt would be made twice.
	rescueAfter = jobTimeout + 5*time.Second
	maxWorkers  = 100
	// keepForGood is River's word for a period.
	keepForGood = -1
	// softStop is how long running attempts may take to finish when the service stops.
	softStop = 5 * time.Second
)

// Migrate brings the queue's own tables up to date. River's migrations must not run in two processes at once:
// the caller holds a lock.
func Migrate[TTx any](ctx context.Context, driver riverdriver.Driver[TTx], logger *slog.Logger) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet(logger)})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrating the queue: %w", err)
	}
	return nil
}

// quiet keeps the queue's own everyday news out of the log.
func quiet(logger *slog.Logger) *slog.Logger {
	return slog.New(levelHandler{logger.Handler()})
}

type levelHandler struct{ slog.Handler }

func (h levelHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// Inserter puts deliveries into the queue.
type Inserter[TTx any] struct {
	client      *river.Client[TTx]
	maxAttempts int
}

// NewInserter returns an inserter; it works nothing itself.
func NewInserter[TTx any](driver riverdriver.Driver[TTx], schedule Schedule, logger *slog.Logger) (*Inserter[TTx], error) {
	client, err := river.NewClient(driver, &river.Config{Logger: quiet(logger)})
	if err != nil {
		return nil, err
	}
	return &Inserter[TTx]{client: client, maxAttempts: schedule.Attempts()}, nil
}

// EnqueueTx queues the deliveries of notifications as part of the transaction: they happen if that
// commits, and not before. On an error the transaction must be rolled back.
func (i *Inserter[TTx]) EnqueueTx(ctx context.Context, tx TTx, notificationIDs []string) error {
	jobs := make([]river.InsertManyParams, len(notificationIDs))
	for n, id := range notificationIDs {
		jobs[n] = river.InsertManyParams{Args: jobArgs{NotificationID: id}, InsertOpts: &river.InsertOpts{MaxAttempts: i.maxAttempts}}
	}
	_, err := i.client.InsertManyTx(ctx, tx, jobs)
	return err
}

// Config is what a queue works with.
type Config struct {
	Ledger   Ledger
	Pruner   Pruner
	Sender   *Sender
	Schedule Schedule
	// KeepJobs is how long finished jobs are kept, KeepDeliveries how long rows of the ledger are.
	KeepJobs, KeepDeliveries time.Duration
	// Process names this process in the ledger.
	Process string
	Clock   func() time.Time
	Logger  *slog.Logger
	// Observe is called for every attempt once it is in the ledger; it may be nil. The worker waits
	// for it.
	Observe func(enablement.Delivery)
}

// Queue works the deliveries.
type Queue[TTx any] struct {
	client  *river.Client[TTx]
	running atomic.Bool
}

// NewQueue returns a queue; Start starts it.
func NewQueue[TTx any](driver riverdriver.Driver[TTx], config Config) (*Queue[TTx], error) {
	return newQueue(driver, config, river.TestConfig{})
}

func newQueue[TTx any](driver riverdriver.Driver[TTx], config Config, test river.TestConfig) (*Queue[TTx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{
		ledger:   config.Ledger,
		sender:   config.Sender,
		schedule: config.Schedule,
		process:  config.Process,
		clock:    config.Clock,
		logger:   config.Logger,
		observe:  config.Observe,
	}); err != nil {
		return nil, err
	}
	if err := river.AddWorkerSafely(workers, &upkeep{
		pruner:         config.Pruner,
		keepJobs:       config.KeepJobs,
		keepDeliveries: config.KeepDeliveries,
		clock:          config.Clock,
		logger:         config.Logger,
	}); err != nil {
		return nil, err
	}
	// SQLite gives no notice: River's listener polls there as well. Kept waiting for 5 s while the process
	// starts, it hangs for good, and Start and Stop with it (River v0.49.0).
	pollOnly, interval := driver.DatabaseName() == riverdriver.DatabaseNameSQLite, fetchPollInterval
	if pollOnly {
		interval = onlyPollInterval
	}
	client, err := river.NewClient(driver, &river.Config{
		// River would remove finished jobs 10,000 at a time, for which SQLite's one writer stops for half a second. The
		// upkeep does so in smaller steps.
		CancelledJobRetentionPeriod: keepForGood,
		CompletedJobRetentionPeriod: keepForGood,
		DiscardedJobRetentionPeriod: keepForGood,
		FetchPollInterval:           interval,
		FetchCooldown:               fetchCooldown,
		ID:                          config.Process,
		JobTimeout:                  jobTimeout,
		Logger:                      quiet(config.Logger),
		PeriodicJobs:                upkeepSchedule(),
		PollOnly:                    pollOnly,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		RescueStuckJobsAfter:        rescueAfter,
		SoftStopTimeout:             softStop,
		Test:                        test,
		Workers:                     workers,
	})
	if err != nil {
		return nil, err
	}
	return &Queue[TTx]{client: client}, nil
}

// Start begins to work. The context bounds the start only: the workers live until Stop.
func (q *Queue[TTx]) Start(ctx context.Context) error {
	working, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	started := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	if err := q.client.Start(working); err != nil {
		return err
	}
	if !started() {
		return errors.Join(context.Cause(ctx), q.client.Stop(context.WithoutCancel(ctx)))
	}
	q.running.Store(true)
	return nil
}

// Ready returns an error unless deliveries are worked.
func (q *Queue[TTx]) Ready(ctx context.Context) error {
	if !q.running.Load() {
		return errors.New("deliveries are not worked")
	}
	queue, err := q.client.QueueGet(ctx, river.QueueDefault)
	switch {
	case errors.Is(err, rivertype.ErrNotFound): // not noted there yet
		return nil
	case err != nil:
		return err
	case queue.PausedAt != nil:
		return errors.New("the queue is paused: resume it in /riverui/")
	}
	return nil
}

// Stop takes no new delivery, gives running attempts a few seconds, ends what is still running, and
// returns when all is still, or when the context ends. What did not finish stays in the queue.
func (q *Queue[TTx]) Stop(ctx context.Context) error {
	q.running.Store(false)
	return q.client.Stop(ctx)
}
