package postgres

import (
	"context"
	"crypto/rand"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// The statements of a reset, in their order. A submission that waits for a request's lock finds the same row
// afterwards, and so is decided on from the beginning: a row that was deleted and stored again would not be found.
const (
	lockClients = `SELECT 1 FROM clients WHERE id = ANY ($1) ORDER BY id FOR UPDATE`
	lockReset   = `SELECT 1 FROM requests WHERE client_id = ANY ($1) ORDER BY id FOR UPDATE`
	// The audit and the notification of each of the first ids move to one of the others, which is no request's.
	moveAudit         = `UPDATE audit SET request_id = a.aside FROM unnest($1::text[], $2::text[]) a (id, aside) WHERE request_id = a.id`
	moveNotifications = `UPDATE notifications SET request_id = a.aside FROM unnest($1::text[], $2::text[]) a (id, aside) WHERE request_id = a.id`

	beginAnew = `
		INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at)
		VALUES ($1, $2, $3, $4, '', $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET
		  client_id = excluded.client_id, product = excluded.product, status = excluded.status, evaluation = '',
		  rejection_code = excluded.rejection_code, rejection_description = excluded.rejection_description,
		  created_at = excluded.created_at, updated_at = excluded.updated_at`
)

// Reset implements [store.Store].
func (s *Store) Reset(ctx context.Context, data *dataset.Dataset) error {
	rest := *data
	rest.Requests = nil
	var requests, aside, clients []string
	for _, r := range data.Requests {
		requests, aside = append(requests, r.ID), append(aside, r.ID+"-"+rand.Text())
	}
	for _, c := range data.Clients {
		clients = append(clients, c.ID)
	}
	return s.write(ctx, func(tx pgx.Tx) error {
		b := &pgx.Batch{}
		b.Queue(`SELECT pg_advisory_xact_lock($1)`, importLock) // before any row, as an import does
		b.Queue(lockClients, clients)
		b.Queue(lockReset, clients)
		b.Queue(moveAudit, requests, aside)
		b.Queue(moveNotifications, requests, aside)
		b.Queue(`DELETE FROM idempotency`)
		b.Queue(`DELETE FROM requests WHERE client_id = ANY ($1) AND id <> ALL ($2)`, clients, requests)
		b.Queue(`DELETE FROM reviews WHERE request_id = ANY ($1)`, requests)
		b.Queue(`DELETE FROM documents WHERE client_id = ANY ($1) OR kept_for = ANY ($1)`, clients)
		b.Queue(`UPDATE clients SET status = 'pending' WHERE id = ANY ($1)`, clients)
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		if err := importAll(ctx, tx, &rest); err != nil {
			return err
		}
		b = &pgx.Batch{}
		for _, r := range data.Requests {
			b.Queue(beginAnew, r.ID, r.ClientID, string(r.Product), string(r.Status), r.RejectionCode, r.RejectionDescription,
				r.CreatedAt.Time, r.UpdatedAt.Time)
			b.Queue(activateClient, r.ID)
			b.Queue(importedReview, r.ID)
		}
		return tx.SendBatch(ctx, b).Close()
	})
}
