package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
)

// database is PostgreSQL or SQLite. Both take the same statements, but for what the dialect says.
type database interface {
	dialect() dialect
	// transact runs f in a transaction.
	transact(ctx context.Context, f func(transaction) error) error
	// each reads rows outside of a transaction.
	each(ctx context.Context, scan func(row) error, statement string, args ...any) error
	// work starts the queue.
	work(d *deliveries) error
	close() error
}

type transaction interface {
	each(ctx context.Context, scan func(row) error, statement string, args ...any) error
	exec(ctx context.Context, statement string, args ...any) error
	enqueue(ctx context.Context, job jobArgs) error
}

type row interface{ Scan(places ...any) error }

type dialect struct {
	// lock has a statement that reads a row keep others from changing it.
	lock string
	// list is how ids are stored in one column.
	list func(ids []int64) (any, error)
}

const workers = 100

// newQueue sets River as the service does: its defaults would leave a notification waiting for a second.
func newQueue[T any](driver riverdriver.Driver[T], d *deliveries, poll time.Duration) (*river.Client[T], error) {
	all := river.NewWorkers()
	river.AddWorker(all, d)
	return river.NewClient(driver, &river.Config{
		FetchPollInterval: poll,
		FetchCooldown:     20 * time.Millisecond,
		Logger:            slog.New(slog.DiscardHandler),
		PollOnly:          driver.DatabaseName() == riverdriver.DatabaseNameSQLite, // it gives no notice
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		Workers:           all,
	})
}

// startQueue starts it, and returns what stops it.
func startQueue[T any](queue *river.Client[T]) (stop func() error, err error) {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		return queue.Stop(ctx)
	}, queue.Start(context.Background())
}
