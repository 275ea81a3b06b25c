package sqlite

import (
	"context"
	"database/sql"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	selectRecord = `SELECT fingerprint, reply, created_at FROM idempotency WHERE id = ?`
	upsertRecord = `
		INSERT INTO idempotency (id, fingerprint, client_id, reply, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, client_id = excluded.client_id,
		  reply = excluded.reply, created_at = excluded.created_at`
)

// findRecord returns what was last recorded under the idempotency key, nil if there is none.
func findRecord(ctx context.Context, tx *sql.Tx, key *enablement.Idempotency) (*batch.Record, error) {
	if key == nil {
		return nil, nil
	}
	var fingerprint []byte
	record := batch.Record{Idempotency: enablement.Idempotency{ID: key.ID}}
	found, err := present(tx.QueryRowContext(ctx, selectRecord, key.ID[:]).
		Scan(&fingerprint, &record.Response, &record.At))
	if !found {
		return nil, err
	}
	copy(record.Fingerprint[:], fingerprint)
	return &record, nil
}

// putRecord keeps a response, in the place of what the key answered before its window.
func putRecord(ctx context.Context, tx *sql.Tx, r batch.Record) error {
	_, err := tx.ExecContext(ctx, upsertRecord,
		r.ID[:], r.Fingerprint[:], r.ClientID, r.Response, moment(r.At))
	return err
}
