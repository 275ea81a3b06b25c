package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

const (
	// What was submitted moves from the first id to the second.
	setAside = `
		INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at)
		SELECT ?2, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at
		FROM requests WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE request_id = ?1)`
	moveAudit        = `UPDATE audit SET request_id = ?2 WHERE request_id = ?1`
	moveNotification = `UPDATE notifications SET request_id = ?2 WHERE request_id = ?1`
	deleteRequest    = `DELETE FROM requests WHERE id = ?1`
)

// Reset implements [store.Store].
func (s *Store) Reset(ctx context.Context, data *dataset.Dataset) error {
	return s.write(ctx, func(uncut context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(uncut, `DELETE FROM idempotency`); err != nil {
			return err
		}
		for _, r := range data.Requests {
			aside := r.ID + "-" + rand.Text()
			for _, statement := range []string{setAside, moveAudit, moveNotification, deleteRequest} {
				if _, err := tx.ExecContext(uncut, statement, r.ID, aside); err != nil {
					return err
				}
			}
		}
		for _, c := range data.Clients {
			if _, err := tx.ExecContext(uncut, `DELETE FROM documents WHERE client_id = ?`, c.ID); err != nil {
				return err
			}
		}
		return importAll(ctx, uncut, tx, data)
	})
}
