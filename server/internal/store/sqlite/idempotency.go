package sqlite

import (
	"context"
	"database/sql"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

// findReply returns the reply last recorded under the idempotency key, nil if there is none.
func findReply(ctx context.Context, tx *sql.Tx, key *enablement.Idempotency) (*batch.Reply, error) {
	if key == nil {
		return nil, nil
	}
	var fingerprint []byte
	reply := batch.Reply{Idempotency: enablement.Idempotency{ID: key.ID}}
	found, err := present(tx.QueryRowContext(ctx, `SELECT fingerprint, reply, created_at FROM idempotency WHERE id = ?`, key.ID[:]).
		Scan(&fingerprint, &reply.Body, &reply.At))
	if !found {
		return nil, err
	}
	copy(reply.Fingerprint[:], fingerprint)
	return &reply, nil
}

// putReply keeps what is answered, in the place of what the key answered before its window.
func putReply(ctx context.Context, tx *sql.Tx, r batch.Reply) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO idempotency (id, fingerprint, reply, created_at) VALUES (?, ?, ?, ?)
		 ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, reply = excluded.reply, created_at = excluded.created_at`,
		r.ID[:], r.Fingerprint[:], r.Body, moment(r.At))
	return err
}
