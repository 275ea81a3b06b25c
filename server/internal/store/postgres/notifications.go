package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/group"
)

// notificationStatus joins each notification, n, with the last row of its ledger.
const notificationStatus = `
	SELECT n.id, n.request_id, n.client_id, n.company_id, n.product, n.status, n.submitted_at, n.state,
	       (SELECT count(*) FROM deliveries WHERE notification_id = n.id),
	       (SELECT count(*) FROM deliveries WHERE notification_id = n.id AND fault NOT IN ('', '` + enablement.FaultStopped + `')
	        AND id > coalesce((SELECT max(id) FROM deliveries WHERE notification_id = n.id AND state = 'dead'), 0)),
	       d.started_at, coalesce(d.status_code, 0), coalesce(d.fault, '')
	FROM %s n
	LEFT JOIN LATERAL (
		SELECT started_at, status_code, fault FROM deliveries
		WHERE notification_id = n.id ORDER BY notification_id, id DESC LIMIT 1) d ON true`

var (
	notificationQuery = fmt.Sprintf(notificationStatus, "notifications")
	// A page of one state stands side by side in an index, so one of all states is the newest of theirs.
	pageQuery = fmt.Sprintf(notificationStatus, `(
		SELECT p.* FROM unnest($1::text[]) s (state) CROSS JOIN LATERAL (
			SELECT * FROM notifications WHERE state = s.state AND (submitted_at, id) < ($2, $3)
			ORDER BY submitted_at DESC, id DESC LIMIT $4) p
		ORDER BY submitted_at DESC, id DESC LIMIT $4)`) + ` ORDER BY n.submitted_at DESC, n.id DESC`
)

const (
	insertDeliveries = `
		INSERT INTO deliveries (notification_id, started_at, duration_us, status_code, fault, process, state)
		SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[])`
	updateNotifications = `
		UPDATE notifications n SET state = a.state FROM unnest($1::text[], $2::text[]) a (id, state)
		WHERE n.id = a.id AND n.id = ANY ($1) AND n.state NOT IN ('delivered', 'cancelled')`
)

// Notification implements [store.Store].
func (s *Store) Notification(ctx context.Context, id string) (enablement.NotificationStatus, error) {
	if !storable(id) {
		return enablement.NotificationStatus{}, enablement.ErrNotificationNotFound
	}
	found, err := s.NotificationsOf(ctx, []string{id})
	if err != nil || len(found) == 0 {
		return enablement.NotificationStatus{}, cmp.Or(err, enablement.ErrNotificationNotFound)
	}
	return found[0], nil
}

// NotificationsOf implements [store.Store].
func (s *Store) NotificationsOf(ctx context.Context, ids []string) ([]enablement.NotificationStatus, error) {
	rows, err := s.pool.Query(ctx, notificationQuery+` WHERE n.id = ANY ($1)`, ids)
	if err != nil {
		return nil, classify(ctx, err)
	}
	found, err := pgx.CollectRows(rows, scanNotification)
	return found, classify(ctx, err)
}

// Notifications implements [store.Store].
func (s *Store) Notifications(ctx context.Context, state enablement.NotificationState, after string, limit int) ([]enablement.NotificationStatus, error) {
	states := enablement.NotificationStates
	if state != "" {
		states = []enablement.NotificationState{state}
	}
	at := pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	if after != "" {
		err := s.pool.QueryRow(ctx, `SELECT submitted_at FROM notifications WHERE id = $1`, after).Scan(&at)
		if absent(err) {
			return nil, enablement.ErrNotificationNotFound
		}
		if err != nil {
			return nil, classify(ctx, err)
		}
	}
	rows, err := s.pool.Query(ctx, pageQuery, states, at, after, limit)
	if err != nil {
		return nil, classify(ctx, err)
	}
	list, err := pgx.CollectRows(rows, scanNotification)
	return list, classify(ctx, err)
}

func scanNotification(row pgx.CollectableRow) (enablement.NotificationStatus, error) {
	var n enablement.NotificationStatus
	var last *time.Time
	err := row.Scan(&n.ID, &n.RequestID, &n.ClientID, &n.CompanyID, &n.Product, &n.Status, &n.SubmittedAt,
		&n.State, &n.Attempts, &n.Failed, &last, &n.LastStatusCode, &n.LastFault)
	n.SubmittedAt, n.LastAttempt = n.SubmittedAt.UTC(), timeOf(last)
	return n, err
}

// RecordDelivery implements [store.Store].
func (s *Store) RecordDelivery(ctx context.Context, d enablement.Delivery) error {
	_, err := s.recording.Do(ctx, d)
	if errors.Is(err, batch.ErrAlone) {
		return s.record(ctx, []enablement.Delivery{d})
	}
	return err
}

func (s *Store) recordTogether(ctx context.Context, calls []*group.Call[enablement.Delivery, struct{}]) error {
	if err := s.record(ctx, group.Ins(calls)); err != nil {
		return batch.Alone(len(calls), err)
	}
	return nil
}

// record adds rows to the ledger, with the jobs of the next attempts. The statements of a batch are one transaction.
func (s *Store) record(ctx context.Context, deliveries []enablement.Delivery) error {
	n := len(deliveries)
	ids, started, took, codes := make([]string, n), make([]time.Time, n), make([]int64, n), make([]int, n)
	faults, processes, states := make([]string, n), make([]string, n), make([]string, n)
	// Each notification once, as an UPDATE takes any one of several rows that it joins.
	last := make(map[string]string, n)
	var next []enablement.Due
	for i, d := range deliveries {
		ids[i], started[i], took[i], codes[i] = d.NotificationID, d.StartedAt, d.Duration.Microseconds(), d.StatusCode
		faults[i], processes[i], states[i] = clean(d.Fault), clean(d.Process), string(d.State)
		if last[d.NotificationID] != string(enablement.NotificationDelivered) {
			last[d.NotificationID] = states[i]
		}
		if !d.Next.IsZero() {
			next = append(next, enablement.Due{NotificationIDs: []string{d.NotificationID}, At: d.Next})
		}
	}
	notifications, settled := make([]string, 0, n), make([]string, 0, n)
	for _, id := range slices.Sorted(maps.Keys(last)) {
		notifications, settled = append(notifications, id), append(settled, last[id])
	}
	rows := func() *pgx.Batch {
		b := &pgx.Batch{}
		b.Queue(insertDeliveries, ids, started, took, codes, faults, processes, states)
		b.Queue(updateNotifications, notifications, settled)
		return b
	}
	if len(next) == 0 {
		return repeat(ctx, func() (bool, error) { return true, s.pool.SendBatch(ctx, rows()).Close() })
	}
	return s.write(ctx, func(tx pgx.Tx) error {
		if err := tx.SendBatch(ctx, rows()).Close(); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, next)
	})
}

// RetryNotification implements [store.Store].
func (s *Store) RetryNotification(ctx context.Context, id string) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		var state enablement.NotificationState
		err := tx.QueryRow(ctx, `SELECT state FROM notifications WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&state)
		if absent(err) {
			return enablement.ErrNotificationNotFound
		}
		queued := false
		if err == nil && state == enablement.NotificationPending { // behind the lock, as in RequeueStranded
			err = tx.QueryRow(ctx, `SELECT $1 IN (`+withJob+`)`, id).Scan(&queued)
		}
		if err != nil {
			return err
		}
		if state != enablement.NotificationDead && (state != enablement.NotificationPending || queued) {
			return store.ErrNotDead
		}
		if _, err := tx.Exec(ctx, `UPDATE notifications SET state = $1 WHERE id = $2`,
			string(enablement.NotificationPending), id); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, []enablement.Due{{NotificationIDs: []string{id}}})
	})
}
