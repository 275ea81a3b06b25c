package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	// reconcileEvery is how often stranded notifications are looked for. It is less often where that takes
	// long, with very many that are pending.
	reconcileEvery = 30 * time.Second
	// reconcileShare is the part of the time, one in so many, that looking may take.
	reconcileShare = 20
	// reconcileTimeout bounds one look.
	reconcileTimeout = time.Minute
	// requeueAtOnce bounds a transaction.
	requeueAtOnce = 1000
	// lostAfter is how long after its begin an attempt counts as lost, with the process that made it. It must
	// stay above what an attempt and its recording may take, or a slow one would be made twice.
	lostAfter = jobTimeout + recordTimeout + 5*time.Second
)

// reconciler sees to it that a pending notification always has a job. A process that is killed leaves its
// attempts without a worker, and a job can be cancelled or deleted in the queue. The notification is
// queued again: the worker decides, by the ledger, whether what comes next is the last attempt. It runs
// in each process and not in the queue, so that it needs nothing of what it mends.
type reconciler struct {
	ledger   Ledger
	schedule Schedule
	clock    func() time.Time
	logger   *slog.Logger
	// background is for a database that is away.
	background *slog.Logger
	observe    func(n int) // may be nil
}

// run reconciles at once, and again and again until the context ends.
func (r *reconciler) run(ctx context.Context, before func(context.Context) error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		started := time.Now()
		err := r.bounded(ctx, before)
		if err != nil && ctx.Err() == nil {
			r.background.Warn("stranded notifications could not be looked for", "err", err)
		}
		timer.Reset(max(reconcileEvery, reconcileShare*time.Since(started)))
	}
}

func (r *reconciler) bounded(ctx context.Context, before func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, reconcileTimeout)
	defer cancel()
	if err := before(ctx); err != nil {
		return err
	}
	return r.reconcile(ctx)
}

func (r *reconciler) reconcile(ctx context.Context) error {
	for {
		n, err := r.ledger.RequeueStranded(ctx, r.clock().Add(-lostAfter), requeueAtOnce, r.due)
		if err != nil {
			return err
		}
		if n > 0 {
			if r.observe != nil { // before the log: who reads the line finds the number
				r.observe(n)
			}
			r.logger.Warn("pending notifications had no job and were queued again", "notifications", n)
		}
		if n < requeueAtOnce {
			return nil
		}
	}
}

// due is when the schedule has the next attempt: at once, unless the last one was made and failed.
func (r *reconciler) due(n enablement.NotificationStatus) time.Time {
	if n.Failed == 0 || n.LastFault == enablement.FaultStopped {
		return time.Time{}
	}
	now, wait := r.clock(), r.schedule.Wait(n.Failed, 0)
	at := n.LastAttempt.Add(wait)
	if !at.After(now) {
		return time.Time{}
	}
	if latest := now.Add(wait); at.After(latest) { // the last attempt is from a clock that was ahead
		return latest
	}
	return at
}
