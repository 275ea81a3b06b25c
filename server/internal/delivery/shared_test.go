package delivery_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

// share makes n submissions whose notifications have one job, and returns the notifications' ids.
func (b *bench) share(t *testing.T, n int) []string {
	t.Helper()
	complete := sample.Cases[0]
	data := &dataset.Dataset{At: time.Now()}
	for i := range n {
		data.Requests = append(data.Requests, dataset.Request{
			ID: fmt.Sprintf("rq_shared_%d", i), ClientID: complete.ClientID, Product: enablement.CardsIndividuals, Status: enablement.Requested,
		})
	}
	require.NoError(t, b.store.Import(t.Context(), data))
	for _, r := range data.Requests {
		_, err := storetest.Submit(t.Context(), b.store, enablement.Call{
			CompanyID: sample.Company, ClientID: complete.ClientID, RequestID: r.ID,
		}, time.Now())
		require.NoError(t, err)
	}
	list, err := b.store.Notifications(t.Context(), enablement.NotificationPending, "", n+1)
	require.NoError(t, err)
	require.Len(t, list, n)
	ids := make([]string, n)
	for i, status := range list {
		ids[i] = status.ID
	}
	b.requeue(t, enablement.Due{NotificationIDs: ids})
	return ids
}

// requeue puts jobs in the place of those that are queued.
func (b *bench) requeue(t *testing.T, jobs ...enablement.Due) {
	t.Helper()
	inserter, err := delivery.NewInserter(riversqlite.New(b.db.Writer()), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	tx, err := b.db.Writer().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), `DELETE FROM river_job`)
	require.NoError(t, err)
	require.NoError(t, inserter.EnqueueTx(t.Context(), tx, jobs))
	require.NoError(t, tx.Commit())
}

// jobsIn counts the jobs of deliveries in a state, shared ones or others.
func (b *bench) jobsIn(t *testing.T, state string, shared bool) (n int) {
	t.Helper()
	require.NoError(t, b.db.Writer().QueryRow(`SELECT count(*) FROM river_job
		WHERE kind = 'notification_deliver' AND state = ? AND (args -> 'others' IS NOT NULL) = ?`, state, shared).Scan(&n))
	return n
}

// sentOf counts the attempts that reached the provider, by webhook-id.
func (b *bench) sentOf() map[string]int {
	sent := make(map[string]int)
	for _, r := range b.received() {
		sent[r.Header.Get("webhook-id")]++
	}
	return sent
}

func each(ids []string, n int) map[string]int {
	want := make(map[string]int)
	for _, id := range ids {
		want[id] = n
	}
	return want
}

// TestShared_delivered: all notifications of a job are on their way at the same time.
func TestShared_delivered(t *testing.T) {
	t.Parallel()
	const n = 8
	var together sync.WaitGroup
	together.Add(n)
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {
		together.Done()
		together.Wait()
	})
	ids := b.share(t, n)
	defer b.start()()
	for _, id := range ids {
		status := b.settled(t, id)
		require.Equal(t, enablement.NotificationDelivered, status.State)
		require.Equal(t, 1, status.Attempts)
	}
	require.Equal(t, each(ids, 1), b.sentOf())
	require.Eventually(t, func() bool { return b.jobsIn(t, "completed", true) == 1 }, time.Minute, 5*time.Millisecond)
	require.Zero(t, b.jobsIn(t, "completed", false))
}

// TestShared_ownSchedule: of those that share a job, each that fails goes its own way from then on.
func TestShared_ownSchedule(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	sent, answers := map[string]int{}, map[string][]int{}
	b := newBench(t, quick, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("webhook-id")
		w.WriteHeader(answers[id][sent[id]])
		sent[id]++
	})
	ids := b.share(t, 4)
	for i, codes := range [][]int{{204}, {500, 204}, {410}, {503, 500, 502}} {
		answers[ids[i]] = codes
	}
	defer b.start()()
	for i, want := range []enablement.NotificationState{
		enablement.NotificationDelivered, enablement.NotificationDelivered, enablement.NotificationDead, enablement.NotificationDead,
	} {
		status := b.settled(t, ids[i])
		require.Equal(t, want, status.State)
		require.Equal(t, len(answers[ids[i]]), status.Attempts)
	}
	require.Eventually(t, func() bool {
		return b.jobsIn(t, "completed", true) == 1 && b.jobsIn(t, "completed", false) == 1 && b.jobsIn(t, "cancelled", false) == 1
	}, time.Minute, 5*time.Millisecond, "one delivered by a job of its own, one given up by its own")
	require.Len(t, b.received(), 1+2+1+3)
}

// TestShared_stop: what a stop cuts is made again; what was delivered, or failed and has a job of its own, is not.
func TestShared_stop(t *testing.T) {
	t.Parallel()
	var failing, hanging string
	var answering atomic.Bool
	reached := make(chan struct{}, 10)
	b := newBench(t, delivery.Schedule{time.Hour, time.Hour}, func(w http.ResponseWriter, r *http.Request) {
		switch id := r.Header.Get("webhook-id"); {
		case answering.Load():
		case id == failing:
			w.WriteHeader(http.StatusInternalServerError)
		case id == hanging:
			_, _ = io.ReadAll(r.Body)
			reached <- struct{}{}
			<-r.Context().Done()
		}
	})
	ids := b.share(t, 3)
	failing, hanging = ids[1], ids[2]
	stop := b.start()
	<-reached
	require.Equal(t, enablement.NotificationDelivered, b.settled(t, ids[0]).State)
	require.Eventually(t, func() bool { return b.jobsIn(t, "scheduled", false) == 1 }, time.Minute, 5*time.Millisecond)
	stop()
	status, err := b.store.Notification(t.Context(), hanging)
	require.NoError(t, err)
	require.Equal(t, enablement.FaultStopped, status.LastFault)
	require.Zero(t, status.Failed)

	answering.Store(true)
	defer b.start()()
	require.Equal(t, enablement.NotificationDelivered, b.settled(t, hanging).State)
	require.Eventually(t, func() bool { return b.jobsIn(t, "completed", true) == 1 }, time.Minute, 5*time.Millisecond)
	require.Equal(t, map[string]int{ids[0]: 1, failing: 1, hanging: 2}, b.sentOf())
	require.Equal(t, 1, b.jobsIn(t, "scheduled", false), "it waits for its hour")
}

// TestShared_ledgerAway: an attempt that can't be recorded is made again, and no other.
func TestShared_ledgerAway(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	ids := b.share(t, 3)
	_, err := b.db.Writer().Exec(`CREATE TRIGGER broken BEFORE INSERT ON deliveries WHEN new.notification_id = '` + ids[1] + `'
		BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	require.NoError(t, err)
	defer b.start()()
	require.Eventually(t, func() bool { return b.sentOf()[ids[1]] > 1 }, time.Minute, 5*time.Millisecond)
	_, err = b.db.Writer().Exec(`DROP TRIGGER broken`)
	require.NoError(t, err)
	require.Equal(t, 1, b.settled(t, ids[1]).Attempts)
	sent := b.sentOf()
	require.Equal(t, 1, sent[ids[0]])
	require.Equal(t, 1, sent[ids[2]])
	require.Eventually(t, func() bool { return b.jobsIn(t, "completed", true) == 1 }, time.Minute, 5*time.Millisecond)
}

// TestShared_panic: a panic beside the others is an error of the job, and ends no process.
func TestShared_panic(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	ids := b.share(t, 3)
	b.observe = func(d enablement.Delivery) {
		if d.NotificationID == ids[0] {
			panic("one of three")
		}
	}
	defer b.start()()
	for _, id := range ids {
		require.Equal(t, enablement.NotificationDelivered, b.settled(t, id).State)
	}
	require.Eventually(t, func() bool {
		var failed bool
		require.NoError(t, b.db.Writer().QueryRow(`SELECT errors IS NOT NULL FROM river_job WHERE kind = 'notification_deliver'`).Scan(&failed))
		return failed
	}, time.Minute, 5*time.Millisecond)
}

// TestShared_slots: no more attempts are made at once than there are workers.
func TestShared_slots(t *testing.T) {
	t.Parallel()
	const n = delivery.MaxWorkers + 50
	var mu sync.Mutex
	now, most := 0, 0
	full, release := make(chan struct{}), make(chan struct{})
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		now++
		if most = max(most, now); now == delivery.MaxWorkers {
			close(full)
		}
		mu.Unlock()
		<-release
		mu.Lock()
		now--
		mu.Unlock()
	})
	ids := b.share(t, n)
	stop := b.start()
	<-full
	close(release)
	for _, id := range ids {
		require.Equal(t, enablement.NotificationDelivered, b.settled(t, id).State)
	}
	stop()
	require.Equal(t, each(ids, 1), b.sentOf())
	require.Equal(t, delivery.MaxWorkers, most)
}

// TestShared_noSlot: a job whose attempts found no slot in time comes again, and nothing is on record.
func TestShared_noSlot(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	ids := b.share(t, 3)
	var snooze *river.JobSnoozeError
	require.ErrorAs(t, delivery.WorkWithoutSlot(t.Context(), b.store, ids), &snooze)
	require.Zero(t, snooze.Duration, "at once, behind what is due by now")
	status, err := b.store.Notification(t.Context(), ids[0])
	require.NoError(t, err)
	require.Zero(t, status.Attempts)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, delivery.WorkWithoutSlot(ctx, b.store, ids), context.Canceled)
}
