package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Ledger is the part of storage that the worker uses.
type Ledger interface {
	NotificationsOf(ctx context.Context, ids []string) ([]enablement.NotificationStatus, error)
	RecordDelivery(ctx context.Context, delivery enablement.Delivery) error
	RequeueStranded(ctx context.Context, lost time.Time, limit int, due func(enablement.NotificationStatus) time.Time) (int, error)
}

// jobArgs is the job in the queue: only ids, since the queue's rows are seen by more people than
// the notification. It is stored: a version that does not know Others delivers the first, and its
// reconciler finds the others without a job.
type jobArgs struct {
	NotificationID string   `json:"notification_id"`
	Others         []string `json:"others,omitempty"`

	// wait is how long after the attempt that just failed the next one is due. Work and NextRetry get the
	// same job one after the other, so it need not be stored.
	wait time.Duration
}

// Kind implements [river.JobArgs]. It is stored: never change it.
func (jobArgs) Kind() string { return "notification_deliver" }

// shared tells whether several notifications have the job.
func (a jobArgs) shared() bool { return len(a.Others) > 0 }

const (
	// beginWithin is how long an attempt may wait for its slot. One that gets none comes again.
	beginWithin = 2 * time.Second
	// jobTimeout leaves time to record an attempt after the provider's own time ran out.
	jobTimeout = beginWithin + AnswerTimeout + 10*time.Second
	// recordTimeout bounds the writing of the ledger row once the attempt is made.
	recordTimeout = 5 * time.Second
	// pause is how long to wait after an attempt that could not be made.
	pause = 5 * time.Second
)

// worker makes one attempt for each notification of a job. The queue repeats a job that one notification has on the
// schedule. Where several share a job, each that was not delivered gets one of its own, with the ledger row that says
// so. Which step of the schedule it is the ledger says, and not River's counter.
type worker struct {
	river.WorkerDefaults[jobArgs]
	ledger   Ledger
	sender   *Sender
	schedule Schedule
	process  string
	clock    func() time.Time
	logger   *slog.Logger
	observe  func(enablement.Delivery) // may be nil
	// slots bounds how many attempts are made at once, and patience how long one waits for a slot.
	slots    chan struct{}
	patience time.Duration
	// wakeIn has the queue look for work after a while.
	wakeIn func(time.Duration)
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
	found, err := w.ledger.NotificationsOf(ctx, append([]string{job.Args.NotificationID}, job.Args.Others...))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return river.JobCancel(enablement.ErrNotificationNotFound)
	}
	due := slices.DeleteFunc(found, func(n enablement.NotificationStatus) bool {
		return n.State != enablement.NotificationPending || // settled by an attempt whose completion did not reach the queue, or cancelled
			job.Args.shared() && n.Failed > 0 // it has a job of its own
	})
	waits, errs := make([]time.Duration, len(due)), make([]error, len(due))
	beginning, cancel := context.WithTimeout(ctx, w.patience)
	defer cancel()
	var attempts sync.WaitGroup
	for i, n := range due {
		attempts.Go(func() {
			defer recovered(&errs[i])
			select {
			case w.slots <- struct{}{}:
				defer func() { <-w.slots }()
				waits[i], errs[i] = w.attempt(ctx, job, n)
			case <-beginning.Done():
				errs[i] = cmp.Or(ctx.Err(), river.JobSnooze(0))
			}
		})
	}
	attempts.Wait()
	for _, wait := range waits {
		job.Args.wait = max(job.Args.wait, wait)
	}
	return errors.Join(errs...)
}

// recovered turns a panic into an error, as the queue does on the one goroutine that is its own.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}

// attempt makes an attempt and records it. It returns what that means for the job, and how long to wait with the next
// one if it is this job's.
func (w *worker) attempt(ctx context.Context, job *river.Job[jobArgs], n enablement.NotificationStatus) (wait time.Duration, err error) {
	started := w.clock()
	answer := w.sender.Send(ctx, n.Notification)
	step := n.Failed + 1
	wait = w.schedule.Wait(step, answer.retryAfter)
	delivery := enablement.Delivery{
		NotificationID: n.ID,
		StartedAt:      started,
		Duration:       max(w.clock().Sub(started), 0), // the clock may have been set meanwhile
		StatusCode:     answer.statusCode,
		Fault:          answer.fault,
		Process:        w.process,
		State:          stateAfter(answer, step >= w.schedule.Attempts()),
	}
	stopped := answer.fault == enablement.FaultStopped
	if job.Args.shared() && delivery.State == enablement.NotificationPending && !stopped {
		delivery.Next = w.clock().Add(wait)
	}
	// The attempt was made, so it goes into the ledger even while the service stops.
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := w.ledger.RecordDelivery(recording, delivery); err != nil {
		// Without the row, the attempt takes no step. River's counter then keeps one and the same step from being
		// repeated without end. By the context's error the queue knows an attempt that was cut by a stop.
		return w.schedule.Wait(max(step, job.Attempt), answer.retryAfter), errors.Join(err, ctx.Err())
	}
	if !delivery.Next.IsZero() {
		w.wakeIn(wait)
	}
	w.log(ctx, delivery, n.Attempts+1, wait)
	if w.observe != nil {
		w.observe(delivery)
	}
	switch {
	case answer.fault == "":
		return 0, nil
	case stopped:
		return 0, ctx.Err() // the queue makes it again, at once
	case job.Args.shared():
		return 0, nil
	case delivery.State == enablement.NotificationDead:
		return 0, river.JobCancel(errors.New(answer.fault))
	default:
		return wait, errors.New(answer.fault)
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
