// Package delivery delivers notifications to the provider. It has the queue, the worker that makes the attempts, the
// schedule between attempts, and the signed request.
package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
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
	// pollInterval is how long a job waits for which nobody wakes the queue: two seconds, as River adds up to a tenth.
	// Twenty looks a second would cost an idle process more than all the rest of it.
	pollInterval = 1800 * time.Millisecond
	// fetchCooldown is between two looks. Jobs that are found together share more transactions: with 20 ms, a submission
	// under load took a fifth more of them.
	fetchCooldown = 50 * time.Millisecond
	// rescueAfter is for what else may be stuck in the queue. Deliveries are seen to by the reconciler, long
	// before: River's rescuer goes by the process's clock, and one that is ahead would take a job from its worker.
	rescueAfter = 24 * time.Hour
	// maxWorkers is how many jobs are worked at once, and how many attempts are made at once: a job may have many.
	maxWorkers = 100
	// keepForGood is River's word for a period.
	keepForGood = -1
	// softStop is how long running attempts may take to finish when the service stops.
	softStop = 5 * time.Second
)

// Migrate brings the queue's own tables up to date. River's migrations must not run in two processes at once, so the
// caller must hold a lock.
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

// Inserter queues deliveries.
type Inserter[TTx any] struct{ client *river.Client[TTx] }

// NewInserter returns an Inserter. It runs no jobs itself.
func NewInserter[TTx any](driver riverdriver.Driver[TTx], logger *slog.Logger) (*Inserter[TTx], error) {
	client, err := river.NewClient(silent[TTx]{driver}, &river.Config{Hooks: hooks(driver), Logger: quiet(logger)})
	if err != nil {
		return nil, err
	}
	return &Inserter[TTx]{client}, nil
}

// maxAttempts is as high as River goes. Its counter decides nothing: it counts attempts that a kill or an
// outage of the database kept from being made.
const maxAttempts = math.MaxInt16

// EnqueueTx queues deliveries within the transaction: they are made only after it commits. After an error, the
// transaction must be rolled back. Each delivery is one job for all its notifications, as the queue writes the row of a
// job three times.
func (i *Inserter[TTx]) EnqueueTx(ctx context.Context, tx TTx, deliveries []enablement.Due) error {
	jobs := make([]river.InsertManyParams, len(deliveries))
	for n, d := range deliveries {
		jobs[n] = river.InsertManyParams{
			Args:       jobArgs{NotificationID: d.NotificationIDs[0], Others: d.NotificationIDs[1:]},
			InsertOpts: &river.InsertOpts{MaxAttempts: maxAttempts, ScheduledAt: d.At},
		}
	}
	_, err := i.client.InsertManyTx(ctx, tx, jobs)
	return err
}

// Config has the settings of a queue.
type Config struct {
	Ledger   Ledger
	Pruner   Pruner
	Sender   *Sender
	Schedule Schedule
	// KeepJobs is how long finished jobs are kept, and KeepDeliveries how long rows of the ledger are.
	KeepJobs, KeepDeliveries time.Duration
	// Process names this process in the ledger.
	Process string
	Clock   func() time.Time
	// DatabaseTime returns the time of the database, which is used in place of Clock. It is nil if the database uses the
	// clock of this process.
	DatabaseTime func(context.Context) (time.Time, error)
	Logger       *slog.Logger
	// Background logs faults outside of attempts, which mostly mean that the database is away; nil: Logger.
	Background *slog.Logger
	// Observe is called for every attempt after it was recorded in the ledger. The worker waits for it. It may be nil.
	Observe func(enablement.Delivery)
	// ObserveRequeued is called with the number of notifications that had lost their job and were queued again. It may be
	// nil.
	ObserveRequeued func(n int)
}

// Queue runs the jobs that deliver notifications.
type Queue[TTx any] struct {
	client     *river.Client[TTx]
	pilot      *pilot
	running    atomic.Bool
	clock      *clock // nil where the database has the process's
	reconciler *reconciler
	// stopReconciler ends the reconciler, which is reconciled once it has ended.
	stopReconciler func()
	reconciled     chan struct{}
}

// NewQueue returns a queue that is not started.
func NewQueue[TTx any](driver riverdriver.Driver[TTx], config Config) (*Queue[TTx], error) {
	return newQueue(driver, config, river.TestConfig{}, pollInterval)
}

func newQueue[TTx any](driver riverdriver.Driver[TTx], config Config, test river.TestConfig, poll time.Duration) (*Queue[TTx], error) {
	config.Background = cmp.Or(config.Background, config.Logger)
	var databaseClock *clock
	if config.DatabaseTime != nil {
		databaseClock = &clock{read: config.DatabaseTime}
		config.Clock, test.Time = databaseClock.Now, databaseClock
	}
	wake := &pilot{inSteps: driver.DatabaseName() == riverdriver.DatabaseNameSQLite}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{
		ledger:   config.Ledger,
		sender:   config.Sender,
		schedule: config.Schedule,
		process:  config.Process,
		clock:    config.Clock,
		logger:   config.Logger,
		observe:  config.Observe,
		slots:    make(chan struct{}, maxWorkers),
		patience: beginWithin,
		wakeIn:   wake.wakeIn,
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
	client, err := river.NewClient(waking[TTx]{silent[TTx]{driver}, wake}, &river.Config{
		// River would remove finished jobs 10,000 at a time, for which SQLite's one writer stops for half a second. The
		// upkeep does so in smaller steps.
		CancelledJobRetentionPeriod: keepForGood,
		CompletedJobRetentionPeriod: keepForGood,
		DiscardedJobRetentionPeriod: keepForGood,
		FetchPollInterval:           poll,
		FetchCooldown:               fetchCooldown,
		Hooks:                       hooks(driver),
		ID:                          config.Process,
		JobTimeout:                  jobTimeout,
		Logger:                      quiet(config.Background),
		PeriodicJobs:                upkeepSchedule(),
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}},
		RescueStuckJobsAfter:        rescueAfter,
		SoftStopTimeout:             softStop,
		Test:                        test,
		Workers:                     workers,
	})
	if err != nil {
		return nil, err
	}
	q := &Queue[TTx]{client: client, pilot: wake, clock: databaseClock, reconciler: &reconciler{
		ledger:     config.Ledger,
		schedule:   config.Schedule,
		clock:      config.Clock,
		logger:     config.Logger,
		background: config.Background,
		observe:    config.ObserveRequeued,
	}}
	wake.queue = q
	return q, nil
}

// hooks see to when a job is due.
func hooks[TTx any](driver riverdriver.Driver[TTx]) []rivertype.Hook {
	if driver.DatabaseName() == riverdriver.DatabaseNamePostgres {
		return []rivertype.Hook{dueSoon, dueByDatabase}
	}
	return []rivertype.Hook{dueSoon}
}

// setClock looks what time it is at the database.
func (q *Queue[TTx]) setClock(ctx context.Context) error {
	if q.clock == nil {
		return nil
	}
	return q.clock.set(ctx)
}

// Start starts the workers, which run until Stop. The context limits only the start.
func (q *Queue[TTx]) Start(ctx context.Context) error {
	if err := q.setClock(ctx); err != nil {
		return err
	}
	working, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	started := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	if err := q.client.Start(working); err != nil {
		return err
	}
	if !started() {
		return errors.Join(context.Cause(ctx), q.client.Stop(context.WithoutCancel(ctx)))
	}
	reconciling, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stopReconciler, q.reconciled = stop, make(chan struct{})
	go func() {
		defer close(q.reconciled)
		q.reconciler.run(reconciling, q.setClock)
	}()
	q.running.Store(true)
	return nil
}

// Ready returns an error unless the queue is working.
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

// Stop starts no further delivery, gives running attempts a few seconds, and then ends them. It returns when all workers
// have stopped, or when the context ends. What was not finished stays in the queue.
func (q *Queue[TTx]) Stop(ctx context.Context) error {
	q.running.Store(false)
	if q.stopReconciler == nil {
		return nil // it was never started
	}
	q.stopReconciler()
	err := q.client.Stop(ctx)
	select {
	case <-q.reconciled:
	case <-ctx.Done():
	}
	return err
}
