package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	selectHistory = `
		SELECT r.status, coalesce(n.id, '') FROM requests r LEFT JOIN notifications n ON n.request_id = r.id
		WHERE r.id = ?`
	selectAudit      = `SELECT at, key_id, trace_id, from_status, to_status, missing, rejected FROM audit WHERE request_id = ? ORDER BY id`
	selectDeliveries = `SELECT started_at, duration_us, status_code, fault, process, state FROM deliveries WHERE notification_id = ? ORDER BY id`
)

// History implements [store.Store].
func (s *Store) History(ctx context.Context, requestID string) (h enablement.History, err error) {
	defer func() { err = classify(err) }()
	tx, err := s.reading.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return h, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	err = tx.QueryRowContext(ctx, selectHistory, requestID).Scan(&h.Status, &h.NotificationID)
	if errors.Is(err, sql.ErrNoRows) {
		return h, enablement.ErrRequestNotFound
	}
	if err != nil {
		return h, err
	}
	err = each(ctx, tx, func(rows *sql.Rows) error {
		var a enablement.AuditRow
		err := rows.Scan(&a.At, &a.KeyID, &a.TraceID, &a.From, &a.To, &a.Missing, &a.Rejected)
		a.At = a.At.UTC()
		h.Audit = append(h.Audit, a)
		return err
	}, selectAudit, requestID)
	if err != nil {
		return h, err
	}
	err = each(ctx, tx, func(rows *sql.Rows) error {
		d := enablement.Delivery{NotificationID: h.NotificationID}
		var microseconds int64
		err := rows.Scan(&d.StartedAt, &microseconds, &d.StatusCode, &d.Fault, &d.Process, &d.State)
		d.StartedAt, d.Duration = d.StartedAt.UTC(), time.Duration(microseconds)*time.Microsecond
		h.Deliveries = append(h.Deliveries, d)
		return err
	}, selectDeliveries, h.NotificationID)
	return h, err
}

// each calls f for every row of a query.
func each(ctx context.Context, tx *sql.Tx, f func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
