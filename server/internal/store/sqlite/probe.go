package sqlite

import (
	"context"
	"database/sql"
)

// Probe implements [store.Store].
func (db *DB) Probe(ctx context.Context) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO probes (content) VALUES ('x')`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM probes`)
		return err
	})
}
