package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	// lockReply has a process at a time work on an idempotency key, until its transaction ends.
	lockReply = `SELECT pg_try_advisory_xact_lock($1)`
	// selectReply has the age among what it selects: as a condition it tempts the planner to read all
	// replies of the window.
	selectReply = `SELECT fingerprint, reply, created_at > $2 FROM idempotency WHERE id = $1`
	// upsertReply takes the place of what the key answered before its window.
	upsertReply = `
		INSERT INTO idempotency (id, fingerprint, reply, created_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, reply = excluded.reply, created_at = excluded.created_at`
	deleteReplies = `
		DELETE FROM idempotency WHERE id = ANY (ARRAY(
			SELECT id FROM idempotency WHERE created_at <= $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED))`
)

// pruneStep is how many replies are forgotten in one transaction, so that it holds no lock for long.
const pruneStep = 5000

// lockID is a part of the key's hash: another key with the same one could at most be told to come
// again.
func lockID(key *enablement.Idempotency) int64 {
	return int64(binary.BigEndian.Uint64(key.ID[:]))
}

func (l *lookup) scanReply(rows pgx.Rows) error {
	for rows.Next() {
		if err := rows.Scan(&l.fingerprint, &l.reply, &l.recorded); err != nil {
			return err
		}
	}
	return rows.Err()
}

// replay returns the reply recorded under the idempotency key, nil if there is none.
func (l *lookup) replay(key *enablement.Idempotency) ([]byte, error) {
	switch {
	case key == nil:
		return nil, nil
	case l.recorded && !bytes.Equal(l.fingerprint, key.Fingerprint[:]):
		return nil, enablement.ErrIdempotencyMismatch
	case l.recorded:
		return l.reply, nil
	case !l.locked:
		return nil, enablement.ErrIdempotencyInProgress
	}
	return nil, nil
}

// PruneIdempotency implements [store.Store].
func (s *Store) PruneIdempotency(ctx context.Context, before time.Time) (int64, error) {
	return s.prune(ctx, deleteReplies, before)
}

// prune deletes what is old in steps, until a step finds less than it could take.
func (s *Store) prune(ctx context.Context, deleteSome string, before time.Time) (pruned int64, err error) {
	for {
		var step int64
		err := s.write(ctx, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, deleteSome, before, pruneStep)
			step = tag.RowsAffected()
			return err
		})
		if err != nil {
			return pruned, err
		}
		pruned += step
		if step < pruneStep {
			return pruned, nil
		}
	}
}
