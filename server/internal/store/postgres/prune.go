package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/store/prune"
)

// The statements of steps. Each takes the moment up to which the step before it came, up to which moment rows are old,
// how many of them to look at, and the id up to which the step before it came, where several rows may have the same
// moment and stay. It tells how many it looked at, how many it deleted, and up to where it came. A step looks at nothing
// that is behind it: what was deleted is in the index until the database cleans up. Rows that another process has are
// passed over.
const (
	pruneRecords = `
		WITH old AS (
			SELECT id, created_at AS at, $4::bigint AS n FROM idempotency WHERE created_at >= $1 AND created_at <= $2
			ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED),
		gone AS (DELETE FROM idempotency WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING 1)` + pruned

	pruneJobs = `
		WITH old AS (
			SELECT id, finalized_at AS at, $4::bigint AS n FROM river_job WHERE state = '%s' AND finalized_at >= $1 AND finalized_at <= $2
			ORDER BY finalized_at LIMIT $3 FOR UPDATE SKIP LOCKED),
		gone AS (DELETE FROM river_job WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING 1)` + pruned

	pruneDeliveries = `
		WITH old AS (
			SELECT id, started_at AS at, id AS n, notification_id FROM deliveries WHERE (started_at, id) > ($1, $4) AND started_at <= $2
			ORDER BY started_at, id LIMIT $3 FOR UPDATE SKIP LOCKED),
		gone AS (
			DELETE FROM deliveries WHERE id = ANY (ARRAY(
				SELECT id FROM old WHERE (SELECT state FROM notifications n WHERE n.id = old.notification_id) <> 'pending'))
			RETURNING 1)` + pruned

	pruned = `
		SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM gone), at, n FROM old ORDER BY at DESC, n DESC LIMIT 1`
)

// PruneIdempotency implements [store.Store].
func (s *Store) PruneIdempotency(ctx context.Context, before time.Time) (int64, error) {
	return s.prune(ctx, pruneRecords, before)
}

// PruneDeliveries implements [store.Store].
func (s *Store) PruneDeliveries(ctx context.Context, before time.Time) (int64, error) {
	return s.prune(ctx, pruneDeliveries, before)
}

// PruneJobs implements [store.Store].
func (s *Store) PruneJobs(ctx context.Context, before time.Time) (removed int64, err error) {
	for _, state := range []string{"completed", "cancelled", "discarded"} {
		n, err := s.prune(ctx, fmt.Sprintf(pruneJobs, state), before)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// prune makes each step a transaction.
func (s *Store) prune(ctx context.Context, statement string, before time.Time) (int64, error) {
	at, id := time.Time{}, int64(math.MinInt64)
	return prune.InSteps(ctx, func(ctx context.Context, limit int64) (prune.Step, error) {
		var done prune.Step
		var lastAt time.Time
		var lastID int64
		started := time.Now()
		err := s.write(ctx, func(tx pgx.Tx) error {
			err := tx.QueryRow(ctx, statement, at, before, limit, id).Scan(&done.Looked, &done.Removed, &lastAt, &lastID)
			if absent(err) {
				done, lastAt, lastID = prune.Step{}, before, id
				return nil
			}
			return err
		})
		if err != nil {
			return prune.Step{}, err
		}
		at, id, done.Took = lastAt, lastID, time.Since(started)
		return done, nil
	})
}
