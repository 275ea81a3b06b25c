package storebench

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/sample"
)

var pruned = flag.Int("pruned", 1_000_000, "how many old rows of each kind BenchmarkPrune removes")

const (
	// pace is how often BenchmarkPrune submits.
	pace = 5 * time.Millisecond
	// baseline is how long it submits with nothing to prune.
	baseline = 5 * time.Second
	// paced is how many requests it has to submit, more than it comes to.
	paced = 100_000
)

// kinds are what a store prunes.
var kinds = []struct {
	name, table string
	prune       func(database, context.Context, time.Time) (int64, error)
}{
	{"replies", "idempotency", func(db database, ctx context.Context, before time.Time) (int64, error) {
		return db.PruneIdempotency(ctx, before)
	}},
	{"deliveries", "deliveries", func(db database, ctx context.Context, before time.Time) (int64, error) {
		return db.PruneDeliveries(ctx, before)
	}},
	{"jobs", "river_job", func(db database, ctx context.Context, before time.Time) (int64, error) {
		return db.PruneJobs(ctx, before)
	}},
}

// BenchmarkPrune measures how long a submission takes while very many old rows are removed, beside one while none are.
// Submissions start at a fixed pace, whatever became of those before, so that a stop is seen by all whom it met.
func BenchmarkPrune(b *testing.B) {
	for name, open := range engines {
		for _, kind := range kinds {
			b.Run(name+"/"+kind.name, func(b *testing.B) {
				db := open(b)
				db.fill(b, paced, 1)
				db.age(b, kind.table, *pruned)
				db.settle(b)
				p := &pacer{database: db}
				ended := time.After(baseline)
				base := p.during(b, func() { <-ended })
				started := time.Now()
				took := p.during(b, func() {
					n, err := kind.prune(db, b.Context(), time.Now().Add(-time.Hour))
					require.NoError(b, err)
					require.EqualValues(b, *pruned, n)
				})
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(time.Since(started).Seconds(), "prune-s")
				b.ReportMetric(milliseconds(base, .99), "base-p99-ms")
				b.ReportMetric(milliseconds(took, .5), "p50-ms")
				b.ReportMetric(milliseconds(took, .99), "p99-ms")
				b.ReportMetric(milliseconds(took, 1), "max-ms")
			})
		}
	}
}

// age stores n old rows in a table, a millisecond apart, the last one a day old.
func (db database) age(t testing.TB, table string, n int) {
	t.Helper()
	hash, at := "randomblob(32)", "strftime('%%Y-%%m-%%d %%H:%%M:%%f', julianday('now') - 1 - (%d - i) / 86400000.0)"
	now := at + " || '+00:00'"
	if db.dsn != "" {
		hash, now = "sha256(i::text::bytea)", "now() - interval '1 day' - (%d - i) * interval '1 ms'"
		at = now
	}
	at, now = fmt.Sprintf(at, n), fmt.Sprintf(now, n)
	args := "jsonb('{}')"
	if db.dsn != "" {
		args = "'{}'::jsonb"
	}
	statement := map[string]string{
		"idempotency": `INSERT INTO idempotency (id, fingerprint, reply, created_at) SELECT ` + hash + `, ` + hash + `, ` + hash + `, ` + now + ` FROM series`,
		"deliveries": `INSERT INTO deliveries (notification_id, started_at, duration_us, status_code, fault, process, state)
			SELECT 'ntf-old', ` + now + `, 1000, 204, '', 'bench', 'delivered' FROM series`,
		"river_job": `INSERT INTO river_job (args, kind, max_attempts, state, finalized_at)
			SELECT ` + args + `, 'notification_deliver', 10, 'completed', ` + at + ` FROM series`,
	}[table]
	if table == "deliveries" {
		require.NoError(t, db.exec(`INSERT INTO notifications SELECT 'ntf-old', id, client_id, '`+sample.Company+`', product, 'in_kyc', created_at, 'delivered'
			FROM requests WHERE id = 'request-0'`))
	}
	require.NoError(t, db.exec(series(n)+statement), statement)
}

// pacer submits one request after the other of those that fill numbered.
type pacer struct {
	database
	next int
}

// during submits while work is under way, and returns how long each submission took from the moment on when it was due.
func (p *pacer) during(b *testing.B, work func()) []time.Duration {
	b.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	var took []time.Duration
	var mutex sync.Mutex
	var submitting sync.WaitGroup
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for start, due := time.Now(), 0; ; {
		select {
		case <-done:
			submitting.Wait()
			return took
		case <-ticker.C:
		}
		// A ticker drops the ticks that nobody took.
		for ; due < int(time.Since(start)/pace); due++ {
			p.next++
			require.Less(b, p.next, paced)
			i, at := p.next, start.Add(time.Duration(due)*pace)
			submitting.Go(func() {
				p.submit(b, i)
				mutex.Lock()
				defer mutex.Unlock()
				took = append(took, time.Since(at))
			})
		}
	}
}

// milliseconds is the time that this part of all took at most.
func milliseconds(took []time.Duration, part float64) float64 {
	slices.Sort(took)
	return float64(took[int(part*float64(len(took)-1))].Microseconds()) / 1000
}
