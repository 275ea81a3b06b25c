package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// live counts the jobs that are not finished.
func live(f Fixture) int {
	return f.Count(`river_job WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled')`)
}

// moreNotifications submits n requests more of the client who has everything.
func moreNotifications(t *testing.T, f Fixture, n int) {
	t.Helper()
	complete := sample.Cases[0]
	data := &dataset.Dataset{At: now}
	for i := range n {
		data.Requests = append(data.Requests, dataset.Request{
			ID: fmt.Sprintf("rq_more_%d", i), ClientID: complete.ClientID,
			Product: enablement.CardsIndividuals, Status: enablement.Requested,
		})
	}
	require.NoError(t, f.Import(t.Context(), data))
	for _, r := range data.Requests {
		s := submissionOf(complete)
		s.RequestID = r.ID
		_, err := submit(t, f, s)
		require.NoError(t, err)
	}
}

func exerciseStranded(t *testing.T, open Open) {
	submitted := func(t *testing.T) (Fixture, string) {
		t.Helper()
		f := withSample(t, open, nil)
		_, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		list, err := f.Notifications(t.Context(), "", "", 1)
		require.NoError(t, err)
		return f, list[0].ID
	}
	lost := time.Date(2026, 4, 15, 10, 0, 0, 0, time.UTC)
	requeue := func(t *testing.T, f Fixture, limit int) int {
		t.Helper()
		n, err := f.RequeueStranded(t.Context(), lost, limit, func(enablement.NotificationStatus) time.Time { return time.Time{} })
		require.NoError(t, err)
		return n
	}

	const shared = `'{"notification_id": "ntf_other", "others": ["ntf_more", "ID"]}'`
	for name, test := range map[string]struct {
		change string
		want   int
	}{
		"a job that is due":                {`UPDATE river_job SET state = 'available'`, 0},
		"a job that is scheduled":          {`UPDATE river_job SET state = 'scheduled'`, 0},
		"a job that waits after a failure": {`UPDATE river_job SET state = 'retryable'`, 0},
		"a job that is held back":          {`UPDATE river_job SET state = 'pending'`, 0},
		"a job that is worked":             {`UPDATE river_job SET state = 'running', attempted_at = '2026-04-15 10:00:01.000'`, 0},
		"a job whose worker is gone":       {`UPDATE river_job SET state = 'running', attempted_at = '2026-04-15 09:59:59.000'`, 1},
		"a job that was discarded":         {`UPDATE river_job SET state = 'discarded', finalized_at = '2026-04-15 09:00:00.000'`, 1},
		"a job that was cancelled":         {`UPDATE river_job SET state = 'cancelled', finalized_at = '2026-04-15 09:00:00.000'`, 1},
		"a job that was completed":         {`UPDATE river_job SET state = 'completed', finalized_at = '2026-04-15 09:00:00.000'`, 1},
		"no job":                           {`DELETE FROM river_job`, 1},
		"a job of another kind":            {`UPDATE river_job SET kind = 'upkeep'`, 1},
		"another one's job":                {`UPDATE river_job SET args = '{"notification_id": "ntf_other"}'`, 1},
		"a shared job":                     {`UPDATE river_job SET args = ` + shared, 0},
		"a shared job that was discarded":  {`UPDATE river_job SET state = 'discarded', finalized_at = '2026-04-15 09:00:00.000', args = ` + shared, 1},
		"a shared job of others":           {`UPDATE river_job SET args = '{"notification_id": "ntf_1", "others": ["ntf_2"]}'`, 1},
		"delivered, no job":                {`DELETE FROM river_job; UPDATE notifications SET state = 'delivered'`, 0},
		"given up, no job":                 {`DELETE FROM river_job; UPDATE notifications SET state = 'dead'`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, id := submitted(t)
			f.Exec(strings.ReplaceAll(test.change, "ID", id))
			before, state := live(f), f.Count(`notifications WHERE state = 'pending'`)
			if name == "a job whose worker is gone" {
				before = 0
			}
			require.Equal(t, test.want, requeue(t, f, 10))
			require.Equal(t, before+test.want, live(f))
			require.Equal(t, state, f.Count(`notifications WHERE state = 'pending'`))
			require.Zero(t, requeue(t, f, 10), "once is enough")
			if test.want > 0 {
				require.ErrorIs(t, f.RetryNotification(t.Context(), id), store.ErrNotDead)
			}
		})
	}

	t.Run("retry by hand", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		f.Exec(`UPDATE river_job SET state = 'discarded', finalized_at = '2026-04-15 09:00:00.000'`)
		require.NoError(t, f.RetryNotification(t.Context(), id))
		require.Equal(t, 1, live(f))
		require.ErrorIs(t, f.RetryNotification(t.Context(), id), store.ErrNotDead, "it has a job")
		require.Zero(t, requeue(t, f, 10))
	})

	t.Run("retry by hand of a shared job", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		f.Exec(`UPDATE river_job SET args = ` + strings.ReplaceAll(shared, "ID", id))
		require.ErrorIs(t, f.RetryNotification(t.Context(), id), store.ErrNotDead, "it has a job")
		f.Exec(`UPDATE river_job SET state = 'discarded', finalized_at = '2026-04-15 09:00:00.000'`)
		require.NoError(t, f.RetryNotification(t.Context(), id))
		require.Equal(t, 1, live(f))
	})

	t.Run("limit", func(t *testing.T) {
		t.Parallel()
		f, _ := submitted(t)
		moreNotifications(t, f, 4)
		f.Exec(`DELETE FROM river_job`)
		require.Equal(t, 3, requeue(t, f, 3))
		require.Equal(t, 2, requeue(t, f, 3))
		require.Equal(t, 5, live(f))
	})

	t.Run("due", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		require.NoError(t, f.RecordDelivery(t.Context(), enablement.Delivery{
			NotificationID: id, StartedAt: now, StatusCode: 503, Fault: "answered 503", State: enablement.NotificationPending,
		}))
		f.Exec(`DELETE FROM river_job`)
		n, err := f.RequeueStranded(t.Context(), lost, 10, func(n enablement.NotificationStatus) time.Time {
			require.Equal(t, id, n.ID)
			require.Equal(t, 1, n.Failed)
			require.Equal(t, "answered 503", n.LastFault)
			require.True(t, now.Equal(n.LastAttempt))
			return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
		})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, 1, f.Count(`river_job WHERE state = 'scheduled' AND scheduled_at >= '2099-12-30' AND scheduled_at < '2100-01-03'`))
	})

	t.Run("nothing is written where it can't be queued", func(t *testing.T) {
		t.Parallel()
		f := withSample(t, open, errEnqueue)
		c := sample.Cases[0]
		f.Exec(`INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
			VALUES ('ntf_x', '` + c.RequestID + `', '` + c.ClientID + `', '` + sample.Company + `', 'cards_individuals', 'in_kyc', '2026-04-15 09:00:00.000', 'pending')`)
		n, err := f.RequeueStranded(t.Context(), lost, 10, func(enablement.NotificationStatus) time.Time { return time.Time{} })
		require.ErrorIs(t, err, errEnqueue)
		require.Zero(t, n)
		require.Zero(t, live(f))
	})

	t.Run("several processes", func(t *testing.T) {
		t.Parallel()
		const stranded = 40
		fixtures := several(t, open)
		moreNotifications(t, fixtures[0], stranded)
		list, err := fixtures[0].Notifications(t.Context(), enablement.NotificationPending, "", 2*stranded)
		require.NoError(t, err)
		require.Len(t, list, stranded)
		fixtures[0].Exec(`UPDATE river_job SET state = 'cancelled', finalized_at = '2026-04-15 09:00:00.000'`)
		var group sync.WaitGroup
		errs := make([]error, 2*len(fixtures))
		for i, f := range fixtures {
			group.Go(func() {
				_, errs[2*i] = f.RequeueStranded(t.Context(), lost, 10*stranded, func(enablement.NotificationStatus) time.Time { return time.Time{} })
			})
			group.Go(func() { // and somebody who does it by hand
				for _, n := range list {
					if err := f.RetryNotification(t.Context(), n.ID); err != nil && errs[2*i+1] == nil {
						errs[2*i+1] = err
					}
				}
			})
		}
		group.Wait()
		for _, err := range errs {
			if err != nil {
				require.ErrorIs(t, err, store.ErrNotDead)
			}
		}
		requeue(t, fixtures[0], 10*stranded) // what was passed over, as another one held it
		require.Equal(t, stranded, live(fixtures[0]), "a job each, and no second one")
	})

	// What of the ledger takes a step of the schedule.
	t.Run("steps", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		for i, row := range []struct {
			code  int
			fault string
			state enablement.NotificationState
			want  int
		}{
			{0, enablement.FaultStopped, enablement.NotificationPending, 0},
			{503, "answered 503", enablement.NotificationPending, 1},
			{0, enablement.FaultStopped, enablement.NotificationPending, 1},
			{0, "no answer in time", enablement.NotificationPending, 2},
			{410, "answered 410", enablement.NotificationDead, 0},
			{503, "answered 503", enablement.NotificationPending, 1},
			{204, "", enablement.NotificationDelivered, 1},
		} {
			require.NoError(t, f.RecordDelivery(t.Context(), enablement.Delivery{
				NotificationID: id, StartedAt: now.Add(time.Duration(i) * time.Second), StatusCode: row.code, Fault: row.fault, State: row.state,
			}))
			n, err := f.Notification(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, row.want, n.Failed, "after row %d", i)
			require.Equal(t, i+1, n.Attempts)
		}
	})
}
