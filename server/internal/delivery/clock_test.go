package delivery_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

// elsewhen returns the URL of a database whose clock is off from this process's: its functions of time are
// found before PostgreSQL's own.
func elsewhen(t *testing.T, off time.Duration) string {
	t.Helper()
	dsn := pgtest.DSN(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	_, err = conn.Exec(t.Context(), `CREATE SCHEMA elsewhen`)
	require.NoError(t, err)
	for _, function := range []string{"now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"} {
		_, err = conn.Exec(t.Context(), fmt.Sprintf(
			`CREATE FUNCTION elsewhen.%s() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT pg_catalog.%[1]s() + interval ''%[2]d seconds'''`,
			function, int(off.Seconds())))
		require.NoError(t, err)
	}
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	query := u.Query()
	query.Set("search_path", "elsewhen,public,pg_catalog")
	u.RawQuery = query.Encode()
	return u.String()
}

// TestClock: jobs are due by PostgreSQL's clock, however far the process's is from it.
func TestClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-time.Hour, 0, time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			logger := slog.New(slog.DiscardHandler)
			db, err := postgres.Open(t.Context(), elsewhen(t, off), postgres.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			require.NoError(t, db.Migrate(t.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
				return delivery.Migrate(ctx, riverpgxv5.New(pool), logger)
			}))
			driver := riverpgxv5.New(db.Pool())
			inserter, err := delivery.NewInserter(driver, logger)
			require.NoError(t, err)
			store := postgres.NewStore(db, inserter.EnqueueTx)
			require.NoError(t, store.Import(t.Context(), sample.Data(time.Now())))
			one := func(query string) (is bool) {
				require.NoError(t, db.Pool().QueryRow(t.Context(), query).Scan(&is))
				return is
			}
			require.True(t, one(fmt.Sprintf(`SELECT abs(extract(epoch FROM now() - pg_catalog.now()) - %d) < 1`, int(off.Seconds()))), "the test has its clock")

			var attempts atomic.Int32
			p := provider(t, func(w http.ResponseWriter, _ *http.Request) {
				switch attempts.Add(1) {
				case 1: // the next attempt is so near that the queue keeps it available
					w.WriteHeader(http.StatusServiceUnavailable)
				case 2: // and so far that its scheduler has to wake it
					w.Header().Set("Retry-After", "6")
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})
			sender, err := delivery.NewSender(p.URL, []string{firstSecret}, true, time.Now)
			require.NoError(t, err)
			t.Cleanup(sender.Close)
			start := func() (*delivery.Queue[pgx.Tx], func()) {
				queue, err := delivery.NewTestQueue(driver, delivery.Config{
					Ledger: store, Pruner: store, Sender: sender, Schedule: delivery.Schedule{500 * time.Millisecond, 10 * time.Millisecond, 7 * time.Second},
					KeepJobs: time.Hour, KeepDeliveries: time.Hour, Process: "test", Clock: time.Now, DatabaseTime: db.Now, Logger: logger,
				}, river.TestConfig{})
				require.NoError(t, err)
				require.NoError(t, queue.Start(t.Context()))
				return queue, func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					require.NoError(t, queue.Stop(ctx))
				}
			}
			_, stop := start()
			defer func() { stop() }()
			_, err = storetest.Submit(t.Context(), store, enablement.Call{
				CompanyID: sample.Company, ClientID: sample.Cases[0].ClientID, RequestID: sample.Cases[0].RequestID,
			}, time.Now())
			require.NoError(t, err)
			list, err := store.Notifications(t.Context(), "", "", 1)
			require.NoError(t, err)
			id := list[0].ID
			delivered := func() {
				t.Helper()
				require.Eventually(t, func() bool {
					n, err := store.Notification(t.Context(), id)
					return err == nil && n.State == enablement.NotificationDelivered
				}, time.Minute, 20*time.Millisecond)
			}
			delivered()
			h, err := store.History(t.Context(), sample.Cases[0].RequestID)
			require.NoError(t, err)
			require.Len(t, h.Deliveries, 3)
			between := func(n int) time.Duration { return h.Deliveries[n].StartedAt.Sub(h.Deliveries[n-1].StartedAt) }
			require.Greater(t, between(1), 390*time.Millisecond)
			require.Less(t, between(1), 10*time.Second)
			require.Greater(t, between(2), 5990*time.Millisecond)
			require.Less(t, between(2), 20*time.Second)
			require.WithinDuration(t, time.Now().Add(off), h.Deliveries[2].StartedAt, time.Minute)
			require.Eventually(t, func() bool {
				return one(`SELECT count(*) = 1 FROM river_job WHERE kind = 'notification_deliver' AND state = 'completed'
					AND scheduled_at BETWEEN now() - interval '1 minute' AND now() AND created_at BETWEEN now() - interval '1 minute' AND now()`)
			}, time.Minute, 20*time.Millisecond)
			stop()

			// An attempt is lost when it has been for so long by the same clock, and not before.
			exec := func(statement string) {
				_, err := db.Pool().Exec(t.Context(), statement)
				require.NoError(t, err)
			}
			exec(`DELETE FROM deliveries`)
			exec(`UPDATE notifications SET state = 'pending'`)
			exec(`UPDATE river_job SET state = 'running', attempted_at = now() - interval '20 seconds', finalized_at = NULL WHERE kind = 'notification_deliver'`)
			var queue *delivery.Queue[pgx.Tx]
			queue, stop = start()
			require.NoError(t, queue.Reconcile(t.Context()))
			require.True(t, one(`SELECT count(*) = 1 FROM river_job WHERE kind = 'notification_deliver' AND state = 'running'`))
			exec(`UPDATE river_job SET attempted_at = now() - interval '40 seconds' WHERE kind = 'notification_deliver'`)
			require.NoError(t, queue.Reconcile(t.Context()))
			delivered()
			require.True(t, one(`SELECT count(*) = 1 FROM river_job WHERE kind = 'notification_deliver' AND state = 'discarded'`))
		})
	}
}
