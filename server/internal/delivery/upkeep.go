package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	// upkeepEvery is how often what has had its time is removed.
	upkeepEvery = time.Hour
	// upkeepTimeout bounds a run: minutes are enough for what thousands of submissions a second leave in
	// an hour.
	upkeepTimeout = 15 * time.Minute
)

// Pruner is what the upkeep needs of storage.
type Pruner interface {
	PruneIdempotency(ctx context.Context, before time.Time) (int64, error)
	PruneDeliveries(ctx context.Context, before time.Time) (int64, error)
}

// upkeepArgs is the job in the queue: one process of all has it.
type upkeepArgs struct{}

// Kind implements [river.JobArgs]. It is stored: never change it.
func (upkeepArgs) Kind() string { return "upkeep" }

// upkeep removes what has had its time.
type upkeep struct {
	river.WorkerDefaults[upkeepArgs]
	pruner Pruner
	keep   time.Duration
	clock  func() time.Time
	logger *slog.Logger
}

// Timeout implements [river.Worker].
func (u *upkeep) Timeout(*river.Job[upkeepArgs]) time.Duration { return upkeepTimeout }

// Work implements [river.Worker].
func (u *upkeep) Work(ctx context.Context, _ *river.Job[upkeepArgs]) error {
	replies, err := u.pruner.PruneIdempotency(ctx, u.clock().Add(-enablement.IdempotencyWindow))
	if err != nil {
		return err
	}
	deliveries, err := u.pruner.PruneDeliveries(ctx, u.clock().Add(-u.keep))
	if err != nil {
		return err
	}
	if replies+deliveries > 0 {
		u.logger.Info("what has had its time was removed", "replies", replies, "deliveries", deliveries)
	}
	return nil
}

// upkeepSchedule queues the job at the start and every hour.
func upkeepSchedule() []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(
		river.PeriodicInterval(upkeepEvery),
		func() (river.JobArgs, *river.InsertOpts) { return upkeepArgs{}, nil },
		&river.PeriodicJobOpts{ID: "upkeep", RunOnStart: true},
	)}
}
