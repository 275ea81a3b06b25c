package main_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

func bodyHas(a answer, text string) bool { return strings.Contains(a.body, text) }

// requireStopsWithin requires that --shutdown-timeout, which the process was started with, is the longest time from
// the signal to the end.
func requireStopsWithin(t *testing.T, p *service, timeout time.Duration) {
	t.Helper()
	const load = 2 * time.Second // of this machine, on which other tests run
	signalled := time.Now()
	p.Signal(syscall.SIGTERM)
	code := p.Wait()
	took := time.Since(signalled)
	t.Logf("stopped with %d in %v", code, took.Round(time.Millisecond))
	require.Less(t, took, timeout+load, p.Output())
}

// TestStop_lockedDatabase: another process has locked SQLite's file, and whoever waits for it can't be cut.
func TestStop_lockedDatabase(t *testing.T) {
	t.Parallel()
	db := sqliteFile(t)
	provider := newReceiver(t)
	key := prepare(t, db, 2)
	p := serve(t, provider.flags(db, "--shutdown-timeout", "2s", "--call-timeout", "20s")...)
	require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
	other := lock(t, db, `BEGIN IMMEDIATE`)
	go func() { _, _ = p.try(t.Context(), key, "rq_0002", "") }() // cut with the process
	p.becomes(http.StatusServiceUnavailable, `"writes":"failed"`)
	requireStopsWithin(t, p, 2*time.Second)
	unlock(t, other, `ROLLBACK`)
	requireIntact(t, db)
}

// TestStop_silentDatabase: the network swallows all that is said to PostgreSQL while the service is busy, and then it is
// told to stop.
func TestStop_silentDatabase(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]time.Duration{"at once": 0, "after a while": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.DSN(t)
			provider := newReceiver(t)
			key := prepare(t, dsn, 1000)
			proxy := newDatabaseProxy(t, dsn)
			p := serve(t, provider.flags(proxy.URL, "--shutdown-timeout", "5s", "--call-timeout", "20s", "--log-level", "error")...)
			for i := range 20 {
				require.Equal(t, http.StatusOK, p.submit(key, numbered("rq", i+1), "").status)
			}
			proxy.silence()
			for i := range 10 {
				go func() { _, _ = p.try(t.Context(), key, numbered("rq", i+21), "") }() // cut with the process
			}
			require.Never(t, func() bool { return p.ready().status == http.StatusOK && silent > 0 }, silent, 500*time.Millisecond)
			requireStopsWithin(t, p, 5*time.Second)
			require.NotZero(t, p.ExitCode(), "it did not end in order")

			if silent > 0 {
				return
			}
			// What was accepted is delivered by the next process.
			p = serve(t, provider.flags(dsn)...)
			require.Eventually(t, func() bool {
				all := rows(t, dsn, provider)
				for i := range 20 {
					if all[numbered("rq", i+1)] != settled {
						return false
					}
				}
				return true
			}, patience, 50*time.Millisecond)
			require.Zero(t, p.Stop())
		})
	}
}
