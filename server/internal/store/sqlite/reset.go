package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// The audit and the notification of a request move to another id, which is no request's.
const (
	moveAudit        = `UPDATE audit SET request_id = ?2 WHERE request_id = ?1`
	moveNotification = `UPDATE notifications SET request_id = ?2 WHERE request_id = ?1`
)

// Reset implements [store.Store].
func (s *Store) Reset(ctx context.Context, data *dataset.Dataset) error {
	return s.write(ctx, func(uncut context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(uncut, `DELETE FROM idempotency`); err != nil {
			return err
		}
		for _, r := range data.Requests {
			aside := r.ID + "-" + rand.Text()
			for _, statement := range []string{moveAudit, moveNotification} {
				if _, err := tx.ExecContext(uncut, statement, r.ID, aside); err != nil {
					return err
				}
			}
		}
		for _, c := range data.Clients {
			for _, statement := range []string{
				`DELETE FROM requests WHERE client_id = ?`,
				`DELETE FROM documents WHERE client_id = ?1 OR kept_for = ?1`,
				`UPDATE clients SET status = 'pending' WHERE id = ?`,
			} {
				if _, err := tx.ExecContext(uncut, statement, c.ID); err != nil {
					return err
				}
			}
		}
		return importAll(ctx, uncut, tx, data)
	})
}
