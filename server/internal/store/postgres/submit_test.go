package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

// TestSubmit_elsewhere: what another process is told while a submission holds its request.
func TestSubmit_elsewhere(t *testing.T) {
	t.Parallel()
	dsn := sampleDSN(t)
	_, here := openStore(t, dsn, nil)
	elsewhereDB := open(t, dsn, postgres.Options{LockTimeout: 200 * time.Millisecond})
	elsewhere := postgres.NewStore(elsewhereDB, func(context.Context, pgx.Tx, []enablement.Due) error { return nil })
	held, other := submissionOf(sample.Cases[0]), submissionOf(sample.Cases[1])
	held = storetest.Keyed(held, "k")
	mismatched := storetest.Keyed(other, "k")
	trespassing := held
	trespassing.CompanyID, trespassing.Idempotency = sample.OtherCompany, nil
	unkeyed := held
	unkeyed.Idempotency = nil

	_, err := here.Submit(t.Context(), held, func(f enablement.File) (enablement.Change, error) {
		_, err := elsewhere.Submit(t.Context(), mismatched, decide)
		require.ErrorIs(t, err, enablement.ErrIdempotencyInProgress)

		started := time.Now()
		_, err = elsewhere.Submit(t.Context(), trespassing, decide)
		require.ErrorIs(t, err, enablement.ErrClientNotFound)
		require.Less(t, time.Since(started), 200*time.Millisecond, "it waits for nobody else's request")

		_, err = elsewhere.Submit(t.Context(), unkeyed, decide)
		require.ErrorIs(t, err, store.ErrUnavailable, "it waits for as long as it may")
		_, err = elsewhere.Change(t.Context(), unkeyed, decide)
		require.ErrorIs(t, err, store.ErrUnavailable, "and so does any other change of the request")

		_, err = elsewhere.Submit(t.Context(), other, decide)
		require.NoError(t, err, "another request of the company is free")
		return decide(f)
	})
	require.NoError(t, err)
	d, err := elsewhere.Submit(t.Context(), held, decide)
	require.NoError(t, err)
	require.True(t, d.Replayed)
	require.Equal(t, 2, count(t, elsewhereDB, "audit"))
}

// TestSubmit_waits: the same submission elsewhere waits and is answered the same.
func TestSubmit_waits(t *testing.T) {
	t.Parallel()
	dsn := sampleDSN(t)
	_, here := openStore(t, dsn, nil)
	_, elsewhere := openStore(t, dsn, nil)
	s := submissionOf(sample.Cases[0])
	s = storetest.Keyed(s, "k")
	second := make(chan enablement.Change, 1)
	first, err := here.Submit(t.Context(), s, func(f enablement.File) (enablement.Change, error) {
		go func() {
			d, err := elsewhere.Submit(t.Context(), s, decide)
			if err != nil {
				t.Error(err)
			}
			second <- d
		}()
		time.Sleep(100 * time.Millisecond)
		return decide(f)
	})
	require.NoError(t, err)
	replayed := <-second
	require.True(t, replayed.Replayed)
	require.Equal(t, first.Response, replayed.Response)
}

// TestSubmit_repeats: what the server rolls back, or a connection that breaks before the commit, is made
// again, and the caller does not notice.
func TestSubmit_repeats(t *testing.T) {
	t.Parallel()
	raise := func(code string) string { return `DO $$ BEGIN RAISE SQLSTATE '` + code + `'; END $$` }
	for name, test := range map[string]struct {
		fault string
		times int
		want  error
		calls int
	}{
		"serialization failure": {raise("40001"), 2, nil, 3},
		"deadlock":              {raise("40P01"), 1, nil, 2},
		"connection broken":     {`SELECT pg_terminate_backend(pg_backend_pid())`, 1, nil, 2},
		"for ever":              {raise("40001"), 100, &pgErr{"40001"}, 5},
		"not a passing fault":   {raise("23514"), 1, &pgErr{"23514"}, 1},
		"server is full":        {raise("53100"), 1, store.ErrUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := sampleDSN(t)
			db := open(t, dsn, postgres.Options{MaxConns: conns})
			enqueued := 0
			faulty := postgres.NewStore(db, func(ctx context.Context, tx pgx.Tx, _ []enablement.Due) error {
				if enqueued++; enqueued <= test.times {
					_, err := tx.Exec(ctx, test.fault)
					return err
				}
				return nil
			})
			calls := 0
			_, err := faulty.Submit(t.Context(), submissionOf(sample.Cases[0]), func(f enablement.File) (enablement.Change, error) {
				calls++
				return decide(f)
			})
			require.Equal(t, test.calls, calls)
			written := 1
			if test.want != nil {
				written = 0
				var want *pgErr
				if errors.As(test.want, &want) {
					require.ErrorContains(t, err, "SQLSTATE "+want.code)
				} else {
					require.ErrorIs(t, err, test.want)
				}
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, written, count(t, db, "audit"))
			require.Equal(t, written, count(t, db, "notifications"))
		})
	}
}

type pgErr struct{ code string }

func (e *pgErr) Error() string { return e.code }

// TestSubmit_deadline: a caller whose time is up while it waits for the request is told so, and what it
// held is free.
func TestSubmit_deadline(t *testing.T) {
	t.Parallel()
	dsn := sampleDSN(t)
	db, here := openStore(t, dsn, nil)
	_, elsewhere := openStore(t, dsn, nil)
	_, err := here.Submit(t.Context(), submissionOf(sample.Cases[0]), func(f enablement.File) (enablement.Change, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := elsewhere.Submit(ctx, submissionOf(sample.Cases[0]), decide)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		return decide(f)
	})
	require.NoError(t, err)
	require.Equal(t, 1, count(t, db, "audit"))
	_, err = elsewhere.Submit(t.Context(), submissionOf(sample.Cases[0]), decide)
	require.ErrorIs(t, err, enablement.ErrNotPending)
}

// TestSubmit_serverGone: no connection is to be had.
func TestSubmit_serverGone(t *testing.T) {
	t.Parallel()
	dsn := sampleDSN(t)
	db, s := openStore(t, dsn, nil)
	admin := open(t, pgtest.DSN(t), postgres.Options{})
	allow := func(allowed string) {
		_, err := admin.Pool().Exec(t.Context(), `ALTER DATABASE `+pgx.Identifier{db.Pool().Config().ConnConfig.Database}.Sanitize()+` ALLOW_CONNECTIONS `+allowed)
		require.NoError(t, err)
		_, err = admin.Pool().Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, db.Pool().Config().ConnConfig.Database)
		require.NoError(t, err)
	}
	allow("false")
	_, err := s.Submit(t.Context(), submissionOf(sample.Cases[0]), decide)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, s.Ready(t.Context()), store.ErrUnavailable)
	_, err = s.Keys(t.Context(), "")
	require.ErrorIs(t, err, store.ErrUnavailable)
	allow("true")
	_, err = s.Submit(t.Context(), submissionOf(sample.Cases[0]), decide)
	require.NoError(t, err, "it recovers by itself")
	require.NoError(t, s.Ready(t.Context()))
}

// TestSubmit_roundTrips counts how often a submission waits for the server, the queue's own statement
// included.
func TestSubmit_roundTrips(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		c    sample.Case
		want []string
	}{
		"enters KYC":    {sample.Cases[0], []string{"batch of 5", "batch of 6", "query"}},
		"stays pending": {sample.Cases[1], []string{"batch of 5", "batch of 4"}},
		"refused":       {sample.Cases[3], []string{"batch of 5", "query"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tracer tracer
			db, err := postgres.OpenTraced(t.Context(), sampleDSN(t), &tracer)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			s := postgres.NewStore(db, func(ctx context.Context, tx pgx.Tx, _ []enablement.Due) error {
				rows, err := tx.Query(ctx, `SELECT count(*) FROM notifications`)
				if err != nil {
					return err
				}
				n, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
				if err == nil && n != 1 {
					err = errors.New("what was written before is not there")
				}
				return err
			})
			tracer.trips = nil
			sub := submissionOf(test.c)
			sub = storetest.Keyed(sub, "k")
			sub.Idempotency.Since = time.Now().Add(-time.Hour)
			_, err = s.Submit(t.Context(), sub, decide)
			if test.c != sample.Cases[3] {
				require.NoError(t, err)
			}
			require.Equal(t, test.want, tracer.trips)
		})
	}
}

// tracer notes each round trip but those that prepare statements, which happen once a connection.
type tracer struct{ trips []string }

func (t *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	t.trips = append(t.trips, "query")
	return ctx
}

func (t *tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (t *tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	t.trips = append(t.trips, fmt.Sprintf("batch of %d", data.Batch.Len()))
	return ctx
}

func (t *tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (t *tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// decide decides as the service does.
func decide(f enablement.File) (enablement.Change, error) {
	d, err := enablement.Submit(f, time.Now(), func() string { return "ntf_" + f.Request.ID })
	d.Response = []byte(d.Request.Status)
	return d, err
}

func submissionOf(c sample.Case) enablement.Call {
	return enablement.Call{CompanyID: sample.Company, ClientID: c.ClientID, RequestID: c.RequestID, KeyID: "key_test"}
}

// sampleDSN returns a migrated database with the sample in it.
func sampleDSN(t testing.TB) string {
	t.Helper()
	dsn := migratedDSN(t)
	_, s := openStore(t, dsn, nil)
	require.NoError(t, s.Import(t.Context(), sample.Data(time.Now())))
	return dsn
}

func count(t testing.TB, db *postgres.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.Pool().QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}
