package delivery_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// kill leaves the job as a process does that is killed in the middle of an attempt.
func (o *outage) kill() {
	o.t.Helper()
	_, err := o.db.Writer().Exec(`
		UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_at = ?, finalized_at = NULL
		WHERE id = (SELECT max(id) FROM river_job WHERE kind = 'notification_deliver')`,
		o.clock.Now().UTC().Format("2006-01-02 15:04:05.000"))
	require.NoError(o.t, err)
}

// jobs counts the jobs of deliveries that are in a state, or in any where it is empty.
func (o *outage) jobs(state string) (n int) {
	o.t.Helper()
	require.NoError(o.t, o.db.Writer().QueryRow(
		`SELECT count(*) FROM river_job WHERE kind = 'notification_deliver' AND ? IN ('', state)`, state).Scan(&n))
	return n
}

// reconcile looks for stranded notifications once.
func (o *outage) reconcile() {
	o.t.Helper()
	queue, err := delivery.NewTestQueue(riversqlite.New(o.db.Writer()), o.config(), river.TestConfig{Time: o.clock})
	require.NoError(o.t, err)
	require.NoError(o.t, queue.Reconcile(o.t.Context()))
}

// TestReconcile_killed: attempts that a kill cut take no step of the schedule, however many they are, and
// the notification is delivered, or given up, as if they had not been.
func TestReconcile_killed(t *testing.T) {
	t.Parallel()
	var sent atomic.Int32
	s := provider(t, func(w http.ResponseWriter, _ *http.Request) {
		sent.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	})
	o := newOutage(t, s.URL)
	last := delivery.DefaultSchedule.Attempts()
	for attempt := range last {
		for range 3 {
			o.kill()
			o.clock.advance(delivery.LostAfter - time.Second)
			o.reconcile()
			require.Equal(t, 1, o.jobs("running"), "it may still be worked")
			o.clock.advance(2 * time.Second)
			o.reconcile()
			require.Zero(t, o.jobs("running"))
		}
		if attempt > 0 {
			o.clock.advance(max(o.due(), 0) + time.Second)
		}
		want := enablement.NotificationPending
		if attempt+1 == last {
			want = enablement.NotificationDead
		}
		require.Equal(t, want, o.work(attempt+1).State)
	}
	require.EqualValues(t, last, sent.Load())
	o.reconcile()
	require.Equal(t, 1+3*last, o.jobs(""), "nobody queues again what was given up")
	require.Equal(t, last, o.status().Attempts)
}

// TestReconcile_due: a notification that lost its job is due when the schedule has it, no earlier.
func TestReconcile_due(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lose  func(o *outage)
		fault string
		due   time.Duration // after the attempt; 0: at once
	}{
		"killed before the queue heard of the attempt": {func(o *outage) {
			o.kill()
			o.clock.advance(delivery.LostAfter + time.Second)
		}, "", delivery.DefaultSchedule[1]},
		"cancelled": {func(o *outage) {
			queue, err := river.NewClient(riversqlite.New(o.db.Writer()), &river.Config{})
			require.NoError(o.t, err)
			_, err = queue.JobCancel(o.t.Context(), o.job())
			require.NoError(o.t, err)
		}, "", delivery.DefaultSchedule[1]},
		"deleted": {func(o *outage) {
			_, err := o.db.Writer().Exec(`DELETE FROM river_job`)
			require.NoError(o.t, err)
		}, "", delivery.DefaultSchedule[1]},
		"discarded by an older version": {func(o *outage) {
			_, err := o.db.Writer().Exec(`UPDATE river_job SET state = 'discarded', attempt = 2, max_attempts = 2, finalized_at = scheduled_at`)
			require.NoError(o.t, err)
		}, "", delivery.DefaultSchedule[1]},
		"long ago": {func(o *outage) {
			_, err := o.db.Writer().Exec(`DELETE FROM river_job`)
			require.NoError(o.t, err)
			o.clock.advance(time.Hour)
		}, "", 0},
		"stopped": {func(o *outage) {
			_, err := o.db.Writer().Exec(`DELETE FROM river_job`)
			require.NoError(o.t, err)
		}, enablement.FaultStopped, 0},
		"an attempt of a clock that was ahead": {func(o *outage) {
			_, err := o.db.Writer().Exec(`DELETE FROM river_job`)
			require.NoError(o.t, err)
			o.clock.advance(-24 * time.Hour)
		}, "", delivery.DefaultSchedule[1] - 24*time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := provider(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
			o := newOutage(t, s.URL)
			o.work(1)
			o.clock.advance(o.due() + time.Second)
			o.work(2)
			made := o.clock.Now()
			if test.fault != "" {
				require.NoError(t, o.store.RecordDelivery(t.Context(), enablement.Delivery{
					NotificationID: o.id, StartedAt: made, Fault: test.fault, State: enablement.NotificationPending,
				}))
			}
			test.lose(o)
			o.reconcile()
			if test.due == 0 {
				require.Equal(t, 1, o.jobs("available"))
				require.LessOrEqual(t, o.due(), time.Duration(0))
				return
			}
			require.Equal(t, 1, o.jobs("scheduled"))
			step := delivery.DefaultSchedule[1].Seconds()
			require.InDelta(t, made.Add(test.due).Sub(o.clock.Now()).Seconds(), o.due().Seconds(), 0.2*step+1)
		})
	}
}

// TestReconcile_cancelledInAttempt: who cancels a job that is worked cuts an attempt, which is a failed one.
func TestReconcile_cancelledInAttempt(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 10)
	var answering atomic.Bool
	b := newBench(t, delivery.Schedule{time.Millisecond, time.Millisecond}, func(_ http.ResponseWriter, r *http.Request) {
		if !answering.Load() {
			_, _ = io.ReadAll(r.Body)
			reached <- struct{}{}
			<-r.Context().Done()
		}
	})
	stop := b.start()
	id := b.submit(t)
	<-reached
	var job int64
	require.NoError(t, b.db.Writer().QueryRow(`SELECT id FROM river_job WHERE kind = 'notification_deliver'`).Scan(&job))
	queue, err := river.NewClient(riversqlite.New(b.db.Writer()), &river.Config{})
	require.NoError(t, err)
	_, err = queue.JobCancel(t.Context(), job)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return b.jobState(t) == "cancelled" }, time.Minute, 5*time.Millisecond)
	stop()
	status, err := b.store.Notification(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, enablement.NotificationPending, status.State)
	require.Equal(t, "the attempt was cancelled in the queue", status.LastFault)
	require.Equal(t, 1, status.Failed)

	answering.Store(true)
	defer b.start()() // which reconciles
	require.Equal(t, enablement.NotificationDelivered, b.settled(t, id).State)
}

// TestWorker_ledgerAway: an attempt that can't be recorded takes no step, and the waits grow by the
// queue's own count.
func TestWorker_ledgerAway(t *testing.T) {
	t.Parallel()
	s := provider(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	o := newOutage(t, s.URL)
	_, err := o.db.Writer().Exec(`CREATE TRIGGER broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	require.NoError(t, err)
	for _, step := range []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute} {
		o.workUntil(func() bool { return o.due() > 0 })
		require.InDelta(t, step.Seconds(), o.due().Seconds(), 0.2*step.Seconds()+1)
		o.clock.advance(o.due() + time.Second)
	}
	require.Zero(t, o.status().Attempts)
	_, err = o.db.Writer().Exec(`DROP TRIGGER broken`)
	require.NoError(t, err)
	o.work(1)
	o.requireDue(1)
}

func (o *outage) job() (id int64) {
	o.t.Helper()
	require.NoError(o.t, o.db.Writer().QueryRow(`SELECT max(id) FROM river_job WHERE kind = 'notification_deliver'`).Scan(&id))
	return id
}

func (o *outage) status() enablement.NotificationStatus {
	o.t.Helper()
	status, err := o.store.Notification(context.WithoutCancel(o.t.Context()), o.id)
	require.NoError(o.t, err)
	return status
}
