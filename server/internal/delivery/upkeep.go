package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	// upkeepEvery is how often what has had its time is removed.
	upkeepEvery = 15 * time.Minute
	// upkeepTimeout bounds a run. One that is cut fails, and the queue soon starts another, which goes on.
	upkeepTimeout = 15 * time.Minute
	// keepDocuments is how long an upload may take until its document is the client's. One that was superseded, and was
	// not submitted, is kept as long.
	keepDocuments = time.Hour
)

// Pruner is the part of storage that the upkeep uses.
type Pruner interface {
	PruneIdempotency(ctx context.Context, before time.Time) (int64, error)
	PruneDeliveries(ctx context.Context, before time.Time) (int64, error)
	PruneJobs(ctx context.Context, before time.Time) (int64, error)
	PruneDocuments(ctx context.Context, before time.Time) (int64, error)
}

// upkeepArgs is the job in the queue: one process of all has it.
type upkeepArgs struct{}

// Kind implements [river.JobArgs]. It is stored: never change it.
func (upkeepArgs) Kind() string { return "upkeep" }

// upkeep removes what has had its time.
type upkeep struct {
	river.WorkerDefaults[upkeepArgs]
	pruner                   Pruner
	keepJobs, keepDeliveries time.Duration
	clock                    func() time.Time
	logger                   *slog.Logger
}

// Timeout implements [river.Worker].
func (u *upkeep) Timeout(*river.Job[upkeepArgs]) time.Duration { return upkeepTimeout }

// Work implements [river.Worker]. What takes all of its time does not keep the rest from being removed: the next run
// has less of it.
func (u *upkeep) Work(ctx context.Context, _ *river.Job[upkeepArgs]) error {
	responses, responsesErr := u.pruner.PruneIdempotency(ctx, u.clock().Add(-enablement.IdempotencyWindow))
	jobs, jobsErr := u.pruner.PruneJobs(ctx, u.clock().Add(-u.keepJobs))
	deliveries, deliveriesErr := u.pruner.PruneDeliveries(ctx, u.clock().Add(-u.keepDeliveries))
	documents, documentsErr := u.pruner.PruneDocuments(ctx, u.clock().Add(-keepDocuments))
	if responses+jobs+deliveries+documents > 0 {
		u.logger.Info("what has had its time was removed",
			"responses", responses, "jobs", jobs, "deliveries", deliveries, "documents", documents)
	}
	return errors.Join(responsesErr, jobsErr, deliveriesErr, documentsErr)
}

// upkeepSchedule queues the job at the start and then again and again.
func upkeepSchedule() []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(
		river.PeriodicInterval(upkeepEvery),
		func() (river.JobArgs, *river.InsertOpts) { return upkeepArgs{}, nil },
		&river.PeriodicJobOpts{ID: "upkeep", RunOnStart: true},
	)}
}
