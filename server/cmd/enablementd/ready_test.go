package main_test

import (
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// becomes waits until the process is ready, or is not for this reason.
func (p *service) becomes(status int, body string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		asked := time.Now()
		a := p.ready()
		require.Less(p.t, time.Since(asked), 10*time.Second, "whoever asks is answered")
		return a.status == status && (body == "" || bodyHas(a, body))
	}, patience, 20*time.Millisecond, body)
}

// TestReady_paused: somebody pauses the queue, so that nothing is delivered any more.
func TestReady_paused(t *testing.T) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := database(t)
			provider := newReceiver(t)
			prepare(t, db, 1)
			p := serve(t, provider.flags(db)...)
			p.becomes(http.StatusOK, "")
			require.Less(t, p.do(http.MethodPut, p.Admin+"/riverui/api/queues/default/pause", http.Header{}).status, 300)
			p.becomes(http.StatusServiceUnavailable, `"workers":"failed"`)
			p.waitFor("the queue is paused")
			require.Less(t, p.do(http.MethodPut, p.Admin+"/riverui/api/queues/default/resume", http.Header{}).status, 300)
			p.becomes(http.StatusOK, "")
			require.Zero(t, p.Stop())
		})
	}
}

// TestReady_readOnly: PostgreSQL answers, and takes no writes, as a standby does or one that an administrator has closed.
func TestReady_readOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.DSN(t)
	provider := newReceiver(t)
	prepare(t, db, 1)
	p := serve(t, provider.flags(db)...)
	p.becomes(http.StatusOK, "")
	const reconnect = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
	execute(t, db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
	execute(t, db, reconnect)
	p.becomes(http.StatusServiceUnavailable, `"database":"ok","workers":"ok","writes":"failed"`)
	p.waitFor("read-only transaction")
	u, err := url.Parse(db)
	require.NoError(t, err)
	query := u.Query()
	query.Set("default_transaction_read_only", "off")
	u.RawQuery = query.Encode()
	execute(t, u.String(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only', current_database()); END $$`)
	execute(t, u.String(), reconnect)
	p.becomes(http.StatusOK, "")
	require.Zero(t, p.Stop())
}

// TestReady_hungCommit: PostgreSQL waits with every commit for a standby that is gone.
func TestReady_hungCommit(t *testing.T) {
	t.Parallel()
	if !pgtest.Installed() {
		t.Skip("PostgreSQL is not installed here, and a server of others is not to be changed")
	}
	db := pgtest.NewCluster(t).URL
	provider := newReceiver(t)
	key := prepare(t, db, 2)
	p := serve(t, provider.flags(db, "--call-timeout", "2s", "--shutdown-timeout", "4s")...)
	p.becomes(http.StatusOK, "")
	execute(t, db, `ALTER SYSTEM SET synchronous_standby_names = 'gone'`)
	execute(t, db, `SELECT pg_reload_conf()`)
	p.becomes(http.StatusServiceUnavailable, `"database":"ok","workers":"ok","writes":"failed"`)
	a := p.submit(key, "rq_0001", "k-1")
	require.True(t, a.unavailable(), "%d %s", a.status, a.body)
	execute(t, db, `ALTER SYSTEM RESET synchronous_standby_names`)
	execute(t, db, `SELECT pg_reload_conf()`)
	p.becomes(http.StatusOK, "")
	require.Equal(t, http.StatusOK, p.eventually(key, "rq_0001", "k-1").status)

	execute(t, db, `ALTER SYSTEM SET synchronous_standby_names = 'gone'`)
	execute(t, db, `SELECT pg_reload_conf()`)
	p.becomes(http.StatusServiceUnavailable, "")
	require.True(t, p.submit(key, "rq_0002", "").unavailable())
	requireStopsWithin(t, p, 4*time.Second)
}

// TestReady_diskFull: there is no space left for PostgreSQL's files, while what it has can still be written to.
func TestReady_diskFull(t *testing.T) {
	t.Parallel()
	if !pgtest.Installed() {
		t.Skip("PostgreSQL is not installed here, and a server of others is not to be filled")
	}
	directory, err := os.MkdirTemp("/tmp", "enablement-full.") //nolint:usetesting // a socket's path may not be as long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	d := mountedDisk(t, directory, "150m")
	db := pgtest.NewClusterIn(t, directory).URL
	provider := newReceiver(t)
	prepare(t, db, 1)
	p := serve(t, provider.flags(db)...)
	p.becomes(http.StatusOK, "")
	d.fill(nil)
	p.becomes(http.StatusServiceUnavailable, `"database":"ok","workers":"ok","writes":"failed"`)
	d.empty(nil)
	p.becomes(http.StatusOK, "")
	require.Zero(t, p.Stop())
}
