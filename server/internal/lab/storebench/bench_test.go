package storebench

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

var (
	many       = flag.Int("requests", 1_000_000, "how many requests BenchmarkGrowth stores for the large database")
	goroutines = flag.Int("goroutines", 8, "how many goroutines BenchmarkSubmit submits from")
)

// few is the small database of BenchmarkGrowth, and how many of each are submitted.
const few = 1000

// queued is how many notifications wait in the large queue of BenchmarkQueued.
const queued = 100_000

// BenchmarkGrowth compares a submission where few requests are stored with one where many are.
func BenchmarkGrowth(b *testing.B) { grown(b, compare) }

// BenchmarkListing compares the list of a client's products in the same way, through the handler. Each list was read
// once before: with few clients they all stand on a few pages, so that of those nearly none would be read for the first
// time.
func BenchmarkListing(b *testing.B) {
	grown(b, func(b *testing.B, base, loaded side) {
		b.Helper()
		for _, s := range []*side{&base, &loaded} {
			s.work = s.listing(b)
			for i := range few {
				s.work(i * s.every)
			}
		}
		compare(b, base, loaded)
	})
}

// grown compares work where few requests are stored with the same where many are.
func grown(b *testing.B, compare func(b *testing.B, base, loaded side)) {
	b.Helper()
	for name, open := range engines {
		b.Run(name, func(b *testing.B) {
			small, large := open(b), open(b)
			small.fill(b, few, 1)
			small.settle(b)
			large.fill(b, *many, *many/few)
			large.settle(b)
			compare(b, submitting(b, small, 1), submitting(b, large, *many/few))
		})
	}
}

// BenchmarkQueued compares a submission where no notification waits with one where very many do, as after
// days without the provider.
func BenchmarkQueued(b *testing.B) {
	for name, open := range engines {
		b.Run(name, func(b *testing.B) {
			const every = queued/few + 1
			without, with := open(b), open(b)
			for _, db := range []database{without, with} {
				db.fill(b, every*few, every)
			}
			with.queueAll(b)
			without.settle(b)
			with.settle(b)
			compare(b, submitting(b, without, every), submitting(b, with, every))
		})
	}
}

// side is a database on which work is done about every so many clients.
type side struct {
	database
	every int
	work  func(i int)
}

func submitting(t testing.TB, db database, every int) side {
	return side{db, every, func(i int) { db.submit(t, i) }}
}

// compare works on two databases in turns, so that what else the machine does meets both, and compares the
// medians. It runs once: what was submitted is through.
func compare(b *testing.B, base, loaded side) {
	b.Helper()
	const round = 50
	var took [2][]time.Duration
	for start := 0; start < few; start += round {
		for i, s := range []side{base, loaded} {
			for n := range round {
				began := time.Now()
				s.work((start + n) * s.every)
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	p50 := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Microseconds())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(p50(took[0]), "base-µs")
	b.ReportMetric(p50(took[1]), "loaded-µs")
	b.ReportMetric(p50(took[1])/p50(took[0]), "ratio")
}

// BenchmarkSubmit measures how many requests a second can enter KYC, with the job queued but not worked.
func BenchmarkSubmit(b *testing.B) {
	for name, open := range engines {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			db.fill(b, b.N, 1)
			db.settle(b)
			b.ResetTimer()
			var next atomic.Int64
			var group sync.WaitGroup
			for range *goroutines {
				group.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						db.submit(b, int(i))
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submits/s")
		})
	}
}

// TestPlans: what the service does all day reads no table of PostgreSQL from end to end, be it the store's
// own statements, the queue's, or the checks behind them. The server itself counts.
func TestPlans(t *testing.T) {
	t.Parallel()
	t.Run("full", func(t *testing.T) {
		t.Parallel()
		const every, submitted = 100, 100
		tables, entries := scans(t, every*submitted, every, func(db database) {
			for i := range submitted {
				db.submit(t, i*every)
				workOn(t, db, i*every+1)
			}
		})
		for _, table := range growing {
			require.Contains(t, tables, table)
			require.Zero(t, tables[table], table)
		}
		require.Less(t, entries/submitted, 320, "index entries a round, most of them of the pending notifications; an attempt counts those before it in the ledger")
	})
	// The planner has seen the tables empty, which is when it errs, and keeps its plan while they fill.
	t.Run("empty at first", func(t *testing.T) {
		t.Parallel()
		const submitted = 500
		tables, entries := scans(t, submitted, 1, func(db database) {
			for i := range submitted {
				db.submit(t, i)
			}
		})
		for _, table := range growing {
			require.Contains(t, tables, table)
			require.Zero(t, tables[table], table)
		}
		require.Less(t, entries/submitted, 50, "index entries a submission")
	})
}

// growing are the tables that requests and submissions fill.
var growing = []string{
	"clients", "documents", "document_images", "requests", "audit", "idempotency", "notifications", "deliveries", "river_job", "reviews",
}

// workOn does what else the service does all day; request i is through.
func workOn(t *testing.T, db database, i int) {
	t.Helper()
	id := fmt.Sprintf("ntf-%d", i)
	s := submission(i)
	s.Idempotency = nil
	_, err := storetest.Submit(t.Context(), db, s, time.Now())
	require.ErrorIs(t, err, enablement.ErrNotPending)
	_, err = db.Notification(t.Context(), id)
	require.NoError(t, err)
	require.NoError(t, db.RecordDelivery(t.Context(), enablement.Delivery{
		NotificationID: id, StartedAt: time.Now(), StatusCode: 204, Process: "test", State: enablement.NotificationDelivered,
	}))
	_, err = db.KeyByHash(t.Context(), access.HashOf(sample.KeyLevel3))
	require.NoError(t, err)
	_, err = db.QueueStats(t.Context(), time.Now())
	require.NoError(t, err)
	for _, state := range append(enablement.NotificationStates, "") {
		_, err = db.Notifications(t.Context(), state, "", 10)
		require.NoError(t, err)
		_, err = db.Notifications(t.Context(), state, id, 10)
		require.NoError(t, err)
	}
	for _, prune := range []func(context.Context, time.Time) (int64, error){db.PruneIdempotency, db.PruneDeliveries, db.PruneJobs} {
		pruned, err := prune(t.Context(), time.Unix(0, 0))
		require.NoError(t, err)
		require.Zero(t, pruned)
	}
}

// scans fills a database and returns how often work reads each table from end to end, and how many entries of indexes it reads.
func scans(t *testing.T, requests, every int, work func(database)) (map[string]int, int) {
	t.Helper()
	filled := openPostgres(t)
	filled.settle(t)
	filled.fill(t, requests, every)
	require.NoError(t, filled.Close())
	before, entriesBefore := counts(t, filled.dsn)
	longAgo(t, filled.dsn)
	db := openPostgresAt(t, filled.dsn)
	work(db)
	require.NoError(t, db.Close()) // a connection tells what it counted when it ends
	after, entriesAfter := counts(t, filled.dsn)
	for table := range after {
		after[table] -= before[table]
	}
	return after, entriesAfter - entriesBefore
}

// longAgo has the migrations be of days before: on their day, a start reads all requests for those that are late.
func longAgo(t *testing.T, dsn string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	_, err = conn.Exec(t.Context(), `UPDATE goose_db_version SET tstamp = tstamp - interval '2 days'`)
	require.NoError(t, err)
}

// counts asks the server what it counted so far.
func counts(t *testing.T, dsn string) (tables map[string]int, entries int) {
	t.Helper()
	require.Eventually(t, func() bool { return idle(t, dsn) }, 10*time.Second, 20*time.Millisecond)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	rows, err := conn.Query(t.Context(), `SELECT relname, seq_scan FROM pg_stat_user_tables`)
	require.NoError(t, err)
	tables = make(map[string]int)
	var table string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&table, &n}, func() error { tables[table] = n; return nil })
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes`).Scan(&entries))
	return tables, entries
}

// idle tells whether nobody else is connected to the database.
func idle(t *testing.T, dsn string) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	var others int
	require.NoError(t, conn.QueryRow(t.Context(),
		`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`).Scan(&others))
	return others == 0
}
