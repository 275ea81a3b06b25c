package main_test

import (
	"database/sql"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestPostgres_commitUnknown breaks the connection at a commit, before PostgreSQL has it and after. The service
// can't tell these apart: the caller is told 503 either way, and learns the truth when it comes again.
func TestPostgres_commitUnknown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault     commitFault
		committed int
	}{
		"before it arrives": {unsent, 0},
		"after it is done":  {unanswered, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.DSN(t)
			provider := newReceiver(t)
			key := prepare(t, dsn, 2)
			proxy := newDatabaseProxy(t, dsn)
			p := serve(t, provider.flags(proxy.URL)...)
			// fails makes a submission whose commit fails.
			fails := func(id, idempotencyKey string) {
				t.Helper()
				proxy.arm(test.fault)
				a := p.submit(key, id, idempotencyKey)
				require.True(t, a.unavailable(), "%d %s", a.status, a.body)
				requireError(t, a, api.CodeServiceUnavailable, "")
				require.Equal(t, 1, proxy.made(), "the service doesn't make it again by itself")
				proxy.arm(noFault)
				require.Equal(t, test.committed, rows(t, dsn, provider)[id].audit)
			}

			// A complete request is committed by a statement of its own.
			fails("rq_0001", "k-1")
			first := p.eventually(key, "rq_0001", "k-1")
			require.Equal(t, http.StatusOK, first.status, first.body)
			require.Contains(t, first.body, `"in_kyc"`)
			require.Equal(t, first.body, p.submit(key, "rq_0001", "k-1").body, "the same bytes")
			requireError(t, p.submit(key, "rq_0001", "k-2"), api.CodeVal, "")

			// An incomplete one is committed along with the last statements.
			fails("in_0001", "k-3")
			first = p.eventually(key, "in_0001", "k-3")
			require.Equal(t, http.StatusOK, first.status, first.body)
			require.Contains(t, first.body, `"pending_documentation"`)
			require.Equal(t, first.body, p.submit(key, "in_0001", "k-3").body, "the same bytes")
			require.Equal(t, row{status: "pending_documentation", audit: 1}, rows(t, dsn, provider)["in_0001"])

			// Without a key, that it is not pending any more is all there is to know.
			fails("rq_0002", "")
			again := p.eventually(key, "rq_0002", "")
			if test.committed == 1 {
				requireError(t, again, api.CodeVal, "")
			} else {
				require.Equal(t, http.StatusOK, again.status, again.body)
			}
			require.EventuallyWithT(t, func(t *assert.CollectT) {
				all := rows(t, dsn, provider)
				require.Equal(t, settled, all["rq_0001"])
				require.Equal(t, settled, all["rq_0002"])
			}, patience, 10*time.Millisecond)
			require.Zero(t, p.Stop())
		})
	}
}

// TestPostgres_commitUnknown_together: submissions of many callers share a transaction that is committed, and
// none hears of it. The service must not make each of them again by itself: that one would be refused, and a
// caller without an idempotency key would take it for the truth.
func TestPostgres_commitUnknown_together(t *testing.T) {
	t.Parallel()
	const callers = 64
	dsn := pgtest.DSN(t)
	provider := newReceiver(t)
	key := prepare(t, dsn, callers)
	proxy := newDatabaseProxy(t, dsn)
	p := serve(t, provider.flags(proxy.URL)...)
	proxy.arm(unanswered)
	answers := make([]answer, callers)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = p.submit(key, numbered("rq", i+1), "") })
	}
	group.Wait()
	proxy.arm(noFault)
	told := make(map[string]bool)
	for i, a := range answers {
		require.True(t, a.unavailable(), "%d %s", a.status, a.body)
		told[numbered("rq", i+1)] = true
	}
	require.Less(t, transactions(t, dsn), callers, "some shared a transaction")
	for id := range told {
		requireError(t, p.submit(key, id, ""), api.CodeVal, "")
	}
	requireSettled(t, dsn, provider, told)
	require.Zero(t, p.Stop())
}

// transactions is how many transactions wrote the audit.
func transactions(t *testing.T, dsn string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.QueryRow(`SELECT count(DISTINCT xmin::text) FROM audit`).Scan(&n))
	return n
}
