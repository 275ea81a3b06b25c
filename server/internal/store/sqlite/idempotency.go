package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// findReply returns the reply recorded under the idempotency key, nil if there is none.
func findReply(ctx context.Context, tx *sql.Tx, key *enablement.Idempotency) ([]byte, error) {
	if key == nil {
		return nil, nil
	}
	var fingerprint, reply []byte
	err := tx.QueryRowContext(ctx,
		`SELECT fingerprint, reply FROM idempotency WHERE id = ? AND created_at > ?`,
		key.ID[:], moment(key.Since)).Scan(&fingerprint, &reply)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case !bytes.Equal(fingerprint, key.Fingerprint[:]):
		return nil, enablement.ErrIdempotencyMismatch
	}
	return reply, nil
}

// recordReply keeps what is answered, in the place of what the key answered before its window.
func recordReply(ctx context.Context, tx *sql.Tx, key *enablement.Idempotency, d enablement.Decision) error {
	if key == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx,
		`INSERT INTO idempotency (id, fingerprint, reply, created_at) VALUES (?, ?, ?, ?)
		 ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, reply = excluded.reply, created_at = excluded.created_at`,
		key.ID[:], key.Fingerprint[:], d.Reply, moment(d.At))
	return err
}

// PruneIdempotency implements [store.Store].
func (s *Store) PruneIdempotency(ctx context.Context, before time.Time) (pruned int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM idempotency WHERE created_at <= ?`, moment(before))
		if err != nil {
			return err
		}
		pruned, err = result.RowsAffected()
		return err
	})
	return pruned, err
}
