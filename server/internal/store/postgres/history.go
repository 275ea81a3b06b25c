package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	selectHistory = `
		SELECT coalesce((SELECT status FROM requests WHERE id = $1), ''),
		       coalesce((SELECT id FROM notifications WHERE request_id = $1), '')`
	selectAudit = `
		SELECT at, operation, request_id, key_id, trace_id, from_status, to_status, missing, rejected
		FROM audit WHERE (request_id = $1 OR client_id = $1 AND client_id <> '') AND $1 <> '' ORDER BY id`
	selectDeliveries = `
		SELECT notification_id, started_at, duration_us, status_code, fault, process, state
		FROM deliveries WHERE notification_id = $1 ORDER BY id`
)

// History implements [store.Store].
func (s *Store) History(ctx context.Context, id string) (enablement.History, error) {
	var h enablement.History
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if err := tx.QueryRow(ctx, selectHistory, id).Scan(&h.Status, &h.NotificationID); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, selectAudit, id)
		if h.Audit, err = pgx.CollectRows(rows, scanAudit); err != nil {
			return err
		}
		if h.Status == "" && len(h.Audit) == 0 {
			return enablement.ErrRequestNotFound
		}
		rows, _ = tx.Query(ctx, selectDeliveries, h.NotificationID)
		h.Deliveries, err = pgx.CollectRows(rows, scanDelivery)
		return err
	})
	if absent(err) {
		return enablement.History{}, enablement.ErrRequestNotFound
	}
	return h, classify(ctx, err)
}

func scanAudit(row pgx.CollectableRow) (enablement.AuditRow, error) {
	var a enablement.AuditRow
	err := row.Scan(&a.At, &a.Operation, &a.RequestID, &a.KeyID, &a.TraceID, &a.From, &a.To, &a.Missing, &a.Rejected)
	a.At = a.At.UTC()
	return a, err
}

func scanDelivery(row pgx.CollectableRow) (enablement.Delivery, error) {
	var d enablement.Delivery
	var microseconds int64
	err := row.Scan(&d.NotificationID, &d.StartedAt, &microseconds, &d.StatusCode, &d.Fault, &d.Process, &d.State)
	d.StartedAt, d.Duration = d.StartedAt.UTC(), time.Duration(microseconds)*time.Microsecond
	return d, err
}
