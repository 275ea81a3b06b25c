package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Ledger is what the worker needs of storage.
type Ledger interface {
	Notification(ctx context.Context, id string) (enablement.NotificationStatus, error)
	RecordDelivery(ctx context.Context, delivery enablement.Delivery) error
}

// jobArgs is the job in the queue: only ids, since the queue's rows are seen by more people than
// the notification.
type jobArgs struct {
	NotificationID string `json:"notification_id"`

	// retryAfter is what the provider asked for in the attempt that just failed. Work and
	// NextRetry get the same job one after the other, so it need not be stored.
	retryAfter time.Duration
}

// Kind implements [river.JobArgs]. It is stored: never change it.
func (jobArgs) Kind() string { return "notification_deliver" }

// jobTimeout leaves time to record an attempt after the provider's own time ran out.
const jobTimeout = AnswerTimeout + 10*time.Second

// recordTimeout bounds the writing of the ledger row once the attempt is made.
const recordTimeout = 5 * time.Second

// worker makes one attempt a job run; the queue repeats it on the schedule.
type worker struct {
	river.WorkerDefaults[jobArgs]
	ledger   Ledger
	sender   *Sender
	schedule Schedule
	process  string
	clock    func() time.Time
	logger   *slog.Logger
	observe  func(enablement.Delivery) // may be nil
}

// Timeout implements [river.Worker].
func (w *worker) Timeout(*river.Job[jobArgs]) time.Duration { return jobTimeout }

// NextRetry implements [river.Worker].
func (w *worker) NextRetry(job *river.Job[jobArgs]) time.Time {
	return w.clock().Add(w.schedule.Wait(job.Attempt, job.Args.retryAfter))
}

// Work implements [river.Worker]. Delivery is at least once: should the process die between the
// provider's answer and the ledger row, the next attempt repeats the same webhook-id.
func (w *worker) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	notification, err := w.ledger.Notification(ctx, job.Args.NotificationID)
	if err != nil {
		return err
	}
	if notification.State != enablement.NotificationPending {
		return nil // settled by an attempt whose completion did not reach the queue
	}
	started := w.clock()
	answer := w.sender.Send(ctx, notification.Notification)
	job.Args.retryAfter = answer.retryAfter
	delivery := enablement.Delivery{
		NotificationID: notification.ID,
		StartedAt:      started,
		Duration:       w.clock().Sub(started),
		StatusCode:     answer.statusCode,
		Fault:          answer.fault,
		Process:        w.process,
		State:          stateAfter(answer, job.Attempt >= job.MaxAttempts),
	}
	// An attempt that was cut because the service stops does not count: the queue makes it again.
	interrupted := answer.statusCode == 0 && errors.Is(ctx.Err(), context.Canceled)
	if interrupted {
		delivery.State = enablement.NotificationPending
	}
	// The attempt was made, so it goes into the ledger even while the service stops.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := w.ledger.RecordDelivery(recording, delivery); err != nil {
		return err
	}
	w.log(ctx, delivery, notification.Attempts+1)
	if w.observe != nil {
		w.observe(delivery)
	}
	switch {
	case answer.fault == "":
		return nil
	case interrupted:
		return ctx.Err()
	case answer.gone:
		return river.JobCancel(errors.New(answer.fault))
	default:
		return errors.New(answer.fault)
	}
}

func stateAfter(a answer, last bool) enablement.NotificationState {
	switch {
	case a.fault == "":
		return enablement.NotificationDelivered
	case a.gone || last:
		return enablement.NotificationDead
	default:
		return enablement.NotificationPending
	}
}

func (w *worker) log(ctx context.Context, d enablement.Delivery, attempt int) {
	level, message := slog.LevelInfo, "notification delivered"
	switch d.State {
	case enablement.NotificationPending:
		level, message = slog.LevelWarn, "notification not delivered, will be tried again"
	case enablement.NotificationDead:
		level, message = slog.LevelError, "notification given up"
	}
	w.logger.Log(ctx, level, message,
		"notification", d.NotificationID, "attempt", attempt, "status", d.StatusCode,
		"fault", d.Fault, "duration", d.Duration)
}
