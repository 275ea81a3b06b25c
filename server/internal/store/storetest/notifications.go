package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

func exerciseNotifications(t *testing.T, open Open) {
	// submitted opens a fixture with one notification and returns its id.
	submitted := func(t *testing.T) (Fixture, string) {
		t.Helper()
		f := withSample(t, open, nil)
		_, err := submit(t, f, submissionOf(sample.Cases[0]))
		require.NoError(t, err)
		list, err := f.Notifications(t.Context(), "", "", 1)
		require.NoError(t, err)
		return f, list[0].ID
	}
	record := func(t *testing.T, f Fixture, id string, at time.Time, code int, fault string, state enablement.NotificationState) {
		t.Helper()
		require.NoError(t, f.RecordDelivery(t.Context(), enablement.Delivery{
			NotificationID: id, StartedAt: at, Duration: 7 * time.Millisecond,
			StatusCode: code, Fault: fault, Process: "test", State: state,
		}))
	}

	t.Run("ledger", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		record(t, f, id, now, 0, "no connection", enablement.NotificationPending)
		record(t, f, id, now.Add(5*time.Second), 503, "answered 503", enablement.NotificationPending)
		n, err := f.Notification(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, enablement.NotificationPending, n.State)
		require.Equal(t, 2, n.Attempts)
		require.Equal(t, 503, n.LastStatusCode)
		require.Equal(t, "answered 503", n.LastFault)
		require.True(t, now.Add(5*time.Second).Equal(n.LastAttempt))
		require.Equal(t, 2, f.Count("deliveries"))
	})

	t.Run("next attempt", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		f.Exec(`DELETE FROM river_job`)
		failed := enablement.Delivery{
			NotificationID: id, StartedAt: now, StatusCode: 503, Fault: "answered 503", Process: "test", State: enablement.NotificationPending,
			Next: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		require.NoError(t, f.RecordDelivery(t.Context(), failed))
		require.Equal(t, 1, f.Count("deliveries"))
		require.Equal(t, 1, f.Count(`river_job WHERE state = 'scheduled' AND scheduled_at >= '2099-12-30' AND scheduled_at < '2100-01-03'`))
		require.Equal(t, 1, f.Count(`river_job WHERE args ->> 'notification_id' = '`+id+`' AND args -> 'others' IS NULL`))

		refusing := withSample(t, open, errEnqueue)
		c := sample.Cases[0]
		refusing.Exec(`INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
			VALUES ('` + id + `', '` + c.RequestID + `', '` + c.ClientID + `', '` + sample.Company + `', 'cards_individuals', 'in_kyc', '2026-04-15 09:00:00.000', 'pending')`)
		require.ErrorIs(t, refusing.RecordDelivery(t.Context(), failed), errEnqueue)
		require.Zero(t, refusing.Count("deliveries"), "the row and the job, or neither")
	})

	t.Run("several by their ids", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		moreNotifications(t, f, 2)
		list, err := f.Notifications(t.Context(), "", "", 10)
		require.NoError(t, err)
		require.Len(t, list, 3)
		asked := []string{"ntf_unknown", list[0].ID, list[1].ID, list[2].ID}
		found, err := f.NotificationsOf(t.Context(), asked)
		require.NoError(t, err)
		require.ElementsMatch(t, list, found)
		found, err = f.NotificationsOf(t.Context(), []string{id})
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, id, found[0].ID)
	})

	t.Run("delivered is final", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		record(t, f, id, now, 204, "", enablement.NotificationDelivered)
		record(t, f, id, now.Add(time.Second), 500, "answered 500", enablement.NotificationDead)
		n, err := f.Notification(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, enablement.NotificationDelivered, n.State)
		require.ErrorIs(t, f.RetryNotification(t.Context(), id), store.ErrNotDead)
	})

	t.Run("retry", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		require.ErrorIs(t, f.RetryNotification(t.Context(), id), store.ErrNotDead, "it is still pending")
		record(t, f, id, now, 410, "gone", enablement.NotificationDead)
		require.NoError(t, f.RetryNotification(t.Context(), id))
		require.Equal(t, 2, f.Count("river_job"))
		n, err := f.Notification(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, enablement.NotificationPending, n.State)
		require.Equal(t, 1, n.Attempts, "the ledger is kept")
		require.ErrorIs(t, f.RetryNotification(t.Context(), id), store.ErrNotDead, "once is enough")
		require.Equal(t, 2, f.Count("river_job"))
	})

	t.Run("list", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		for state, want := range map[enablement.NotificationState]int{
			"": 1, enablement.NotificationPending: 1, enablement.NotificationDelivered: 0, enablement.NotificationDead: 0,
		} {
			list, err := f.Notifications(t.Context(), state, "", 10)
			require.NoError(t, err)
			require.Len(t, list, want, "state %q", state)
		}
		record(t, f, id, now, 204, "", enablement.NotificationDelivered)
		list, err := f.Notifications(t.Context(), enablement.NotificationDelivered, "", 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
	})

	t.Run("history", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		record(t, f, id, now, 503, "answered 503", enablement.NotificationPending)
		record(t, f, id, now.Add(time.Second), 204, "", enablement.NotificationDelivered)
		h, err := f.History(t.Context(), sample.Cases[0].RequestID)
		require.NoError(t, err)
		delivery := enablement.Delivery{
			NotificationID: id, StartedAt: now, Duration: 7 * time.Millisecond,
			StatusCode: 503, Fault: "answered 503", Process: "test", State: enablement.NotificationPending,
		}
		last := delivery
		last.StartedAt, last.StatusCode, last.Fault, last.State = now.Add(time.Second), 204, "", enablement.NotificationDelivered
		require.Equal(t, enablement.History{
			Status: enablement.InKYC,
			Audit: []enablement.AuditRow{{
				At: now, Operation: "submitProduct", RequestID: sample.Cases[0].RequestID, KeyID: "key_test", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
				From: enablement.PendingDocumentation, To: enablement.InKYC,
			}},
			NotificationID: id,
			Deliveries:     []enablement.Delivery{delivery, last},
		}, h)

		h, err = f.History(t.Context(), sample.Cases[3].RequestID)
		require.NoError(t, err)
		require.Equal(t, enablement.Enabled, h.Status)
		require.Empty(t, h.Audit)
		require.Empty(t, h.NotificationID)
		require.Empty(t, h.Deliveries)

		for _, id := range []string{"rq_unknown", "", "%", "\xff"} {
			_, err = f.History(t.Context(), id)
			require.ErrorIs(t, err, enablement.ErrRequestNotFound)
		}
	})

	t.Run("prune", func(t *testing.T) {
		t.Parallel()
		f, id := submitted(t)
		record(t, f, id, now, 503, "answered 503", enablement.NotificationPending)
		pruned, err := f.PruneDeliveries(t.Context(), now.Add(time.Hour))
		require.NoError(t, err)
		require.Zero(t, pruned, "it is still pending")
		record(t, f, id, now.Add(time.Second), 204, "", enablement.NotificationDelivered)
		pruned, err = f.PruneDeliveries(t.Context(), now)
		require.NoError(t, err)
		require.EqualValues(t, 1, pruned)
		h, err := f.History(t.Context(), sample.Cases[0].RequestID)
		require.NoError(t, err)
		require.Len(t, h.Deliveries, 1)
		require.Len(t, h.Audit, 1, "audit rows are kept")
	})

	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		f := open(t, nil)
		_, err := f.Notification(t.Context(), "ntf_unknown")
		require.ErrorIs(t, err, enablement.ErrNotificationNotFound)
		require.ErrorIs(t, f.RetryNotification(t.Context(), "ntf_unknown"), enablement.ErrNotificationNotFound)
		require.Error(t, f.RecordDelivery(t.Context(), enablement.Delivery{NotificationID: "ntf_unknown", StartedAt: now, State: enablement.NotificationPending}))
	})
}
