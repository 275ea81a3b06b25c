package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/group"
)

const (
	insertDelivery = `
		INSERT INTO deliveries (notification_id, started_at, duration_us, status_code, fault, process, state)
		VALUES (?, ?, ?, ?, ?, ?, ?)`
	selectRetriable = `
		SELECT 1 FROM notifications WHERE id = ? AND (state = 'dead' OR state = 'pending' AND id NOT IN (` + withJob + `))`
)

// notificationStatus joins each notification, n, with the last row of its ledger.
const notificationStatus = `
	SELECT n.id, n.request_id, n.client_id, n.company_id, n.product, n.status, n.submitted_at, n.state,
	       (SELECT count(*) FROM deliveries WHERE notification_id = n.id),
	       (SELECT count(*) FROM deliveries WHERE notification_id = n.id AND fault NOT IN ('', '` + enablement.FaultStopped + `')
	        AND id > coalesce((SELECT max(id) FROM deliveries WHERE notification_id = n.id AND state = 'dead'), 0)),
	       d.started_at, coalesce(d.status_code, 0), coalesce(d.fault, '')
	FROM %s n
	LEFT JOIN deliveries d ON d.id = (SELECT max(id) FROM deliveries WHERE notification_id = n.id)`

const (
	// A page of one state stands side by side in an index, so one of all states is the newest of theirs.
	pageOfState = `SELECT * FROM (SELECT * FROM notifications WHERE state = ?%d AND (submitted_at, id) < (?1, ?2)
		ORDER BY submitted_at DESC, id DESC LIMIT ?3)`
	// newer sorts behind every moment.
	newer = ":"
)

var notificationQuery = fmt.Sprintf(notificationStatus, "notifications")

// pageQuery takes where the page before ended, how many to list, and so many states.
func pageQuery(states int) string {
	pages := make([]string, states)
	for i := range pages {
		pages[i] = fmt.Sprintf(pageOfState, 4+i)
	}
	return fmt.Sprintf(notificationStatus, `(`+strings.Join(pages, " UNION ALL ")+` ORDER BY submitted_at DESC, id DESC LIMIT ?3)`) +
		` ORDER BY n.submitted_at DESC, n.id DESC`
}

// Notification implements [store.Store].
func (s *Store) Notification(ctx context.Context, id string) (enablement.NotificationStatus, error) {
	status, err := scanNotification(s.reading.QueryRowContext(ctx, notificationQuery+` WHERE n.id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return status, enablement.ErrNotificationNotFound
	}
	return status, classify(err)
}

// NotificationsOf implements [store.Store].
func (s *Store) NotificationsOf(ctx context.Context, ids []string) ([]enablement.NotificationStatus, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	found, err := collect(ctx, s.reading, scanNotification, notificationQuery+` WHERE n.id IN (SELECT value FROM json_each(?))`, string(list))
	return found, classify(err)
}

// Notifications implements [store.Store].
func (s *Store) Notifications(ctx context.Context, state enablement.NotificationState, after string, limit int) (list []enablement.NotificationStatus, err error) {
	states := enablement.NotificationStates
	if state != "" {
		states = []enablement.NotificationState{state}
	}
	at := newer
	if after != "" {
		found, err := present(s.reading.QueryRowContext(ctx, `SELECT CAST(submitted_at AS TEXT) FROM notifications WHERE id = ?`, after).Scan(&at))
		if err != nil {
			return nil, classify(err)
		}
		if !found {
			return nil, enablement.ErrNotificationNotFound
		}
	}
	args := []any{at, after, limit}
	for _, state := range states {
		args = append(args, state)
	}
	list, err = collect(ctx, s.reading, scanNotification, pageQuery(len(states)), args...)
	return list, classify(err)
}

func scanNotification(row row) (enablement.NotificationStatus, error) {
	var n enablement.NotificationStatus
	var last sql.NullTime
	err := row.Scan(&n.ID, &n.RequestID, &n.ClientID, &n.CompanyID, &n.Product, &n.Status, &n.SubmittedAt,
		&n.State, &n.Attempts, &n.Failed, &last, &n.LastStatusCode, &n.LastFault)
	n.SubmittedAt, n.LastAttempt = n.SubmittedAt.UTC(), last.Time.UTC()
	return n, err
}

// RecordDelivery implements [store.Store].
func (s *Store) RecordDelivery(ctx context.Context, d enablement.Delivery) error {
	_, err := s.recording.Do(ctx, d)
	if errors.Is(err, batch.ErrAlone) {
		return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.record(ctx, tx, d) })
	}
	return err
}

func (s *Store) recordTogether(ctx context.Context, calls []*group.Call[enablement.Delivery, struct{}]) error {
	err := s.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, call := range calls {
			if err := s.record(ctx, tx, call.In); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return batch.Alone(len(calls), err)
	}
	return nil
}

func (s *Store) record(ctx context.Context, tx *sql.Tx, d enablement.Delivery) error {
	if _, err := tx.ExecContext(ctx, insertDelivery,
		d.NotificationID, moment(d.StartedAt), d.Duration.Microseconds(), d.StatusCode, d.Fault, d.Process, d.State); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx,
		`UPDATE notifications SET state = ? WHERE id = ? AND state NOT IN ('delivered', 'cancelled')`,
		d.State, d.NotificationID)
	if err != nil || d.Next.IsZero() {
		return err
	}
	return s.enqueue(ctx, tx, []enablement.Due{{NotificationIDs: []string{d.NotificationID}, At: d.Next}})
}

// RetryNotification implements [store.Store].
func (s *Store) RetryNotification(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := found(ctx, tx, enablement.ErrNotificationNotFound, `SELECT 1 FROM notifications WHERE id = ?`, id); err != nil {
			return err
		}
		if err := found(ctx, tx, store.ErrNotDead, selectRetriable, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE notifications SET state = ? WHERE id = ?`,
			enablement.NotificationPending, id); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, []enablement.Due{{NotificationIDs: []string{id}}})
	})
}
