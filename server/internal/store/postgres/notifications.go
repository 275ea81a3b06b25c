package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

// notificationQuery joins each notification with the last row of its ledger.
const notificationQuery = `
	SELECT n.id, n.request_id, n.client_id, n.company_id, n.product, n.status, n.submitted_at, n.state,
	       (SELECT count(*) FROM deliveries WHERE notification_id = n.id),
	       d.started_at, coalesce(d.status_code, 0), coalesce(d.fault, '')
	FROM notifications n
	LEFT JOIN LATERAL (
		SELECT started_at, status_code, fault FROM deliveries
		WHERE notification_id = n.id ORDER BY notification_id, id DESC LIMIT 1) d ON true`

// Notification implements [store.Store].
func (s *Store) Notification(ctx context.Context, id string) (enablement.NotificationStatus, error) {
	status, err := scanNotification(s.pool.QueryRow(ctx, notificationQuery+` WHERE n.id = $1`, id))
	if absent(err) {
		return enablement.NotificationStatus{}, store.ErrNotificationNotFound
	}
	return status, classify(ctx, err)
}

// Notifications implements [store.Store].
func (s *Store) Notifications(ctx context.Context, state enablement.NotificationState, limit int) ([]enablement.NotificationStatus, error) {
	where := ` WHERE $1 IN ('', n.state)`
	if state != "" && state != enablement.NotificationDelivered {
		where = ` WHERE n.state = $1 AND n.state <> 'delivered'` // so that the index of the unsettled serves
	}
	rows, err := s.pool.Query(ctx, notificationQuery+where+` ORDER BY n.submitted_at DESC, n.id LIMIT $2`, string(state), limit)
	if err != nil {
		return nil, classify(ctx, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (enablement.NotificationStatus, error) {
		return scanNotification(row)
	})
	return list, classify(ctx, err)
}

func scanNotification(row pgx.Row) (enablement.NotificationStatus, error) {
	var n enablement.NotificationStatus
	var last *time.Time
	err := row.Scan(&n.ID, &n.RequestID, &n.ClientID, &n.CompanyID, &n.Product, &n.Status, &n.SubmittedAt,
		&n.State, &n.Attempts, &last, &n.LastStatusCode, &n.LastFault)
	n.SubmittedAt, n.LastAttempt = n.SubmittedAt.UTC(), timeOf(last)
	return n, err
}

// RecordDelivery implements [store.Store]. The statements of a batch are one transaction.
func (s *Store) RecordDelivery(ctx context.Context, d enablement.Delivery) error {
	return repeat(ctx, func() (bool, error) {
		batch := &pgx.Batch{}
		batch.Queue(
			`INSERT INTO deliveries (notification_id, started_at, duration_us, status_code, fault, process, state)
			 VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			d.NotificationID, d.StartedAt, d.Duration.Microseconds(), d.StatusCode, clean(d.Fault), clean(d.Process), string(d.State))
		batch.Queue(
			`UPDATE notifications SET state = $1 WHERE id = $2 AND state <> $3`,
			string(d.State), d.NotificationID, string(enablement.NotificationDelivered))
		return true, s.pool.SendBatch(ctx, batch).Close()
	})
}

// RetryNotification implements [store.Store].
func (s *Store) RetryNotification(ctx context.Context, id string) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		var state enablement.NotificationState
		err := tx.QueryRow(ctx, `SELECT state FROM notifications WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&state)
		switch {
		case absent(err):
			return store.ErrNotificationNotFound
		case err != nil:
			return err
		case state != enablement.NotificationDead:
			return store.ErrNotDead
		}
		if _, err := tx.Exec(ctx, `UPDATE notifications SET state = $1 WHERE id = $2`,
			string(enablement.NotificationPending), id); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, id)
	})
}
