package main_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestStranded kills the service in the middle of a last attempt, again and again. The notification is
// neither lost nor given up, people are told, and it can be queued by hand.
func TestStranded(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) string{"sqlite": sqliteFile, "postgres": pgtest.DSN} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var attempts, delivered atomic.Int32
			var well atomic.Bool
			reached := make(chan struct{}, 100)
			provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				switch n := attempts.Add(1); {
				case well.Load():
					delivered.Add(1)
				case n == 1:
					w.WriteHeader(http.StatusInternalServerError)
				default: // the last attempt of the schedule
					reached <- struct{}{}
					<-r.Context().Done()
				}
			}))
			t.Cleanup(provider.Close)
			location := open(t)
			key := prepare(t, location, 1)
			flags := []string{
				"--db", location, "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret", secret,
				"--delivery-schedule", "100ms",
			}
			db := database(t, location)
			// The attempt was long ago: nobody waits here until it counts as lost.
			long := func() {
				_, err := db.Exec(`UPDATE river_job SET attempted_at = '2026-01-01 00:00:00.000' WHERE state = 'running'`)
				require.NoError(t, err)
			}
			state := func() (state string) {
				require.NoError(t, db.QueryRow(`SELECT state FROM notifications`).Scan(&state))
				return state
			}

			p := serve(t, flags...)
			require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
			for range 3 {
				<-reached
				p.Kill()
				require.Equal(t, "pending", state())
				long()
				p = serve(t, flags...)
				p.waitFor("pending notifications had no job and were queued again.*notifications=1")
				require.Contains(t, p.do(http.MethodGet, p.Admin+"/metrics", http.Header{}).body, "enablement_notifications_requeued_total 1")
			}
			<-reached
			p.Kill()

			// As a version before this one left it.
			_, err := db.Exec(`UPDATE river_job SET state = 'discarded', finalized_at = '2026-01-01 00:00:00.000' WHERE finalized_at IS NULL`)
			require.NoError(t, err)
			var id string
			require.NoError(t, db.QueryRow(`SELECT id FROM notifications`).Scan(&id))
			r := command(t, "", "notifications", "retry", id, "--db", location)
			require.Zero(t, r.code, r.err)
			require.Contains(t, r.out, "queued "+id)
			r = command(t, "", "notifications", "retry", id, "--db", location)
			require.Equal(t, 2, r.code)
			require.Contains(t, r.err, "its next attempt is due")

			well.Store(true)
			serve(t, flags...)
			require.Eventually(t, func() bool { return state() == "delivered" }, patience, 50*time.Millisecond)
			require.EqualValues(t, 1, delivered.Load())
			var rows int
			require.NoError(t, db.QueryRow(`SELECT count(*) FROM deliveries`).Scan(&rows))
			require.Equal(t, 2, rows, "the one that failed, and the one that was answered")
		})
	}
}

// database opens the service's database beside it.
func database(t testing.TB, location string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if !strings.Contains(location, "://") {
		driver, location = "sqlite", fmt.Sprintf("file:%s?_pragma=busy_timeout(10000)", location)
	}
	db, err := sql.Open(driver, location)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}
