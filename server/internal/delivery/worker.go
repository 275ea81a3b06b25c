package delivery

import (
	"cmp"
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
	RequeueStranded(ctx context.Context, lost time.Time, limit int, due func(enablement.NotificationStatus) time.Time) (int, error)
}

// jobArgs is the job in the queue: only ids, since the queue's rows are seen by more people than
// the notification.
type jobArgs struct {
	NotificationID string `json:"notification_id"`

	// wait is how long after the attempt that just failed the next one is due. Work and NextRetry get the
	// same job one after the other, so it need not be stored.
	wait time.Duration
}

// Kind implements [river.JobArgs]. It is stored: never change it.
func (jobArgs) Kind() string { return "notification_deliver" }

// jobTimeout leaves time to record an attempt after the provider's own time ran out.
const jobTimeout = AnswerTimeout + 10*time.Second

// recordTimeout bounds the writing of the ledger row once the attempt is made.
const recordTimeout = 5 * time.Second

// pause is how long to wait after an attempt that could not be made.
const pause = 5 * time.Second

// worker makes one attempt a job run; the queue repeats it on the schedule. Which step of the schedule it
// is the ledger says, and not River's counter.
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
	return w.clock().Add(cmp.Or(job.Args.wait, pause))
}

// Work implements [river.Worker]. Delivery is at least once: should the process die between the
// provider's answer and the ledger row, the next attempt repeats the same webhook-id.
func (w *worker) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	notification, err := w.ledger.Notification(ctx, job.Args.NotificationID)
	if errors.Is(err, enablement.ErrNotificationNotFound) {
		return river.JobCancel(err)
	}
	if err != nil {
		return err
	}
	if notification.State != enablement.NotificationPending {
		return nil // settled by an attempt whose completion did not reach the queue, or cancelled
	}
	started := w.clock()
	answer := w.sender.Send(ctx, notification.Notification)
	step := notification.Failed + 1
	delivery := enablement.Delivery{
		NotificationID: notification.ID,
		StartedAt:      started,
		Duration:       max(w.clock().Sub(started), 0), // the clock may have been set meanwhile
		StatusCode:     answer.statusCode,
		Fault:          answer.fault,
		Process:        w.process,
		State:          stateAfter(answer, step >= w.schedule.Attempts()),
	}
	// Should the ledger not be written, the attempt takes no step. River's counter then keeps one and the same
	// step from being repeated without end.
	job.Args.wait = w.schedule.Wait(max(step, job.Attempt), answer.retryAfter)
	// The attempt was made, so it goes into the ledger even while the service stops.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := w.ledger.RecordDelivery(recording, delivery); err != nil {
		return errors.Join(err, ctx.Err()) // by which the queue knows an attempt that was cut by a stop
	}
	job.Args.wait = w.schedule.Wait(step, answer.retryAfter)
	w.log(ctx, delivery, notification.Attempts+1, job.Args.wait)
	if w.observe != nil {
		w.observe(delivery)
	}
	switch {
	case answer.fault == "":
		return nil
	case answer.fault == enablement.FaultStopped:
		return ctx.Err() // the queue makes it again, at once
	case delivery.State == enablement.NotificationDead:
		return river.JobCancel(errors.New(answer.fault))
	default:
		return errors.New(answer.fault)
	}
}

func stateAfter(a answer, last bool) enablement.NotificationState {
	switch {
	case a.fault == "":
		return enablement.NotificationDelivered
	case a.fault == enablement.FaultStopped:
		return enablement.NotificationPending
	case a.gone || last:
		return enablement.NotificationDead
	default:
		return enablement.NotificationPending
	}
}

func (w *worker) log(ctx context.Context, d enablement.Delivery, attempt int, wait time.Duration) {
	level, message := slog.LevelInfo, "notification delivered"
	attributes := []any{
		"notification", d.NotificationID, "attempt", attempt, "status", d.StatusCode,
		"fault", d.Fault, "duration", d.Duration,
	}
	switch {
	case d.State == enablement.NotificationDead:
		level, message = slog.LevelError, "notification given up"
	case d.Fault == enablement.FaultStopped:
		level, message = slog.LevelWarn, "notification not delivered, will be tried again"
	case d.State == enablement.NotificationPending:
		level, message = slog.LevelWarn, "notification not delivered, will be tried again"
		attributes = append(attributes, "wait", wait)
	}
	w.logger.Log(ctx, level, message, attributes...)
}
