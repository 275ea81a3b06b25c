package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	selectHistory = `
		SELECT coalesce((SELECT status FROM requests WHERE id = ?1), ''),
		       coalesce((SELECT id FROM notifications WHERE request_id = ?1), '')`
	selectAudit = `
		SELECT at, operation, request_id, key_id, trace_id, from_status, to_status, missing, rejected
		FROM audit WHERE (request_id = ?1 OR client_id = ?1 AND client_id <> '') AND ?1 <> '' ORDER BY id`
	selectDeliveries = `
		SELECT notification_id, started_at, duration_us, status_code, fault, process, state
		FROM deliveries WHERE notification_id = ? ORDER BY id`
)

// History implements [store.Store].
func (s *Store) History(ctx context.Context, id string) (h enablement.History, err error) {
	err = s.read(ctx, func(tx *sql.Tx) (err error) {
		if err := tx.QueryRowContext(ctx, selectHistory, id).Scan(&h.Status, &h.NotificationID); err != nil {
			return err
		}
		if h.Audit, err = collect(ctx, tx, scanAudit, selectAudit, id); err != nil {
			return err
		}
		if h.Status == "" && len(h.Audit) == 0 {
			return enablement.ErrRequestNotFound
		}
		h.Deliveries, err = collect(ctx, tx, scanDelivery, selectDeliveries, h.NotificationID)
		return err
	})
	return h, err
}

func scanAudit(row row) (a enablement.AuditRow, err error) {
	err = row.Scan(&a.At, &a.Operation, &a.RequestID, &a.KeyID, &a.TraceID, &a.From, &a.To, &a.Missing, &a.Rejected)
	a.At = a.At.UTC()
	return a, err
}

func scanDelivery(row row) (d enablement.Delivery, err error) {
	var microseconds int64
	err = row.Scan(&d.NotificationID, &d.StartedAt, &microseconds, &d.StatusCode, &d.Fault, &d.Process, &d.State)
	d.StartedAt, d.Duration = d.StartedAt.UTC(), time.Duration(microseconds)*time.Microsecond
	return d, err
}
