package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/store/prune"
)

const (
	// An index has the old rows side by side. What is deleted is gone from it, so each step finds its rows at once.
	deleteRecords = `DELETE FROM idempotency WHERE rowid IN (SELECT rowid FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)`
	deleteJobs    = `
		DELETE FROM river_job WHERE id IN (
			SELECT id FROM river_job WHERE state IN ('cancelled', 'completed', 'discarded') AND finalized_at <= ? LIMIT ?)`

	// Rows of pending notifications stay. Each step goes on where the one before it ended, so that none looks at all
	// of them again. It does so in two parts, as SQLite finds rows of the same moment by their ids only there.
	oldDeliveries = `
		SELECT started_at, id FROM deliveries WHERE started_at = ?1 AND id > ?2
		UNION ALL
		SELECT started_at, id FROM deliveries WHERE started_at > ?1 AND started_at <= ?3
		ORDER BY started_at, id`
	nextDelivery     = `SELECT CAST(started_at AS TEXT), id FROM (` + oldDeliveries + ` LIMIT 1 OFFSET ?4)`
	deleteDeliveries = `
		DELETE FROM deliveries WHERE id IN (SELECT id FROM (` + oldDeliveries + ` LIMIT ?4))
		AND (SELECT state FROM notifications WHERE id = notification_id) <> 'pending'`
)

// PruneIdempotency implements [store.Store].
func (s *Store) PruneIdempotency(ctx context.Context, before time.Time) (int64, error) {
	return s.pruneAll(ctx, deleteRecords, moment(before))
}

// PruneJobs implements [store.Store].
func (s *Store) PruneJobs(ctx context.Context, before time.Time) (int64, error) {
	return s.pruneAll(ctx, deleteJobs, before.UTC().Format(queueTime))
}

// queueTime is how the queue stores its times.
const queueTime = "2006-01-02 15:04:05.000"

// PruneDeliveries implements [store.Store].
func (s *Store) PruneDeliveries(ctx context.Context, before time.Time) (int64, error) {
	var at string // as it is stored
	var id int64
	return s.prune(ctx, func(ctx context.Context, tx *sql.Tx, limit int64) (looked, removed int64, err error) {
		lastAt, lastID := at, id
		full, err := present(tx.QueryRowContext(ctx, nextDelivery, at, id, moment(before), limit-1).Scan(&lastAt, &lastID))
		if err != nil {
			return 0, 0, err
		}
		if full {
			looked = limit
		}
		removed, err = changed(tx.ExecContext(ctx, deleteDeliveries, at, id, moment(before), limit))
		at, id = lastAt, lastID
		return looked, removed, err
	})
}

// pruneAll removes all rows of which a statement deletes some.
func (s *Store) pruneAll(ctx context.Context, statement string, before any) (int64, error) {
	return s.prune(ctx, func(ctx context.Context, tx *sql.Tx, limit int64) (looked, removed int64, err error) {
		removed, err = changed(tx.ExecContext(ctx, statement, before, limit))
		return removed, removed, err
	})
}

// prune makes each step a transaction, when its turn comes. Whoever waits to write comes before the next step.
func (s *Store) prune(ctx context.Context, step func(ctx context.Context, tx *sql.Tx, limit int64) (looked, removed int64, err error)) (int64, error) {
	return prune.InSteps(ctx, func(ctx context.Context, limit int64) (prune.Step, error) {
		return s.step(ctx, func(ctx context.Context, tx *sql.Tx) (looked, removed int64, err error) { return step(ctx, tx, limit) })
	})
}

func (s *Store) step(ctx context.Context, step func(ctx context.Context, tx *sql.Tx) (looked, removed int64, err error)) (prune.Step, error) {
	done, err := s.takeTurn(ctx)
	if err != nil {
		return prune.Step{}, err
	}
	defer done()
	var looked, removed int64
	started := time.Now()
	if err := s.transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		looked, removed, err = step(ctx, tx)
		return err
	}); err != nil {
		return prune.Step{}, err
	}
	return prune.Step{Looked: looked, Removed: removed, Took: time.Since(started)}, nil
}

// changed is how many rows a statement changed.
func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
