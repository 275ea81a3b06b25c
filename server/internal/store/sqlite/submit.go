package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	updateRequest = `
		UPDATE requests SET status = ?, evaluation = ?, rejection_code = ?, rejection_description = ?, updated_at = ?
		WHERE id = ?`
	insertRequest = `
		INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertAudit = `
		INSERT INTO audit (operation, client_id, request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertNotification = `
		INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
)

// Submit implements [enablement.Store]. Submissions that come together share a transaction. It is the
// only writer from its start, so what it reads cannot change before it commits.
func (s *Store) Submit(ctx context.Context, call enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	return s.submitting.Submit(ctx, call, decide)
}

// Change implements [enablement.Store].
func (s *Store) Change(ctx context.Context, call enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	whole := batch.NewWhole(ctx, call, decide)
	if err := s.write(ctx, s.submit([]*batch.Submission{whole})); err != nil {
		return enablement.Change{}, err
	}
	return whole.Change, whole.Err
}

// submit is what is done in a transaction of submissions, or of another change.
func (s *Store) submit(subs []*batch.Submission) func(context.Context, *sql.Tx) error {
	return func(ctx context.Context, tx *sql.Tx) error {
		for _, sub := range subs {
			if err := load(ctx, tx, sub); err != nil {
				return err
			}
		}
		return s.put(ctx, tx, batch.Decide(subs))
	}
}

// put writes what was decided.
func (s *Store) put(ctx context.Context, tx *sql.Tx, w *batch.Writes) error {
	for _, c := range w.Clients {
		if _, err := putClient(ctx, tx, replaceClient, c); err != nil {
			return err
		}
	}
	for _, r := range w.Requested {
		evaluation, err := json.Marshal(r.Evaluation)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insertRequest, r.ID, r.ClientID, r.Product, r.Status, string(evaluation),
			r.RejectionCode, r.RejectionDescription, moment(r.CreatedAt), moment(r.UpdatedAt)); err != nil {
			return err
		}
	}
	for _, r := range w.Requests {
		evaluation, err := json.Marshal(r.Evaluation)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, updateRequest,
			r.Status, string(evaluation), r.RejectionCode, r.RejectionDescription, moment(r.UpdatedAt), r.ID); err != nil {
			return err
		}
	}
	for _, d := range w.Documents {
		if err := putDocument(ctx, tx, d); err != nil {
			return err
		}
	}
	if err := putReviews(ctx, tx, w); err != nil {
		return err
	}
	for _, r := range w.Audit {
		if _, err := tx.ExecContext(ctx, insertAudit, r.Operation, r.ClientID, r.RequestID, r.CompanyID, r.KeyID, r.TraceID,
			r.From, r.To, r.Missing, r.Rejected, moment(r.At)); err != nil {
			return err
		}
	}
	for _, r := range w.Records {
		if err := putRecord(ctx, tx, r); err != nil {
			return err
		}
	}
	for _, id := range w.Deleted {
		if err := deleteClient(ctx, tx, id); err != nil {
			return err
		}
	}
	return s.putNotifications(ctx, tx, w.Notifications)
}

func (s *Store) putNotifications(ctx context.Context, tx *sql.Tx, notifications []enablement.Notification) error {
	if len(notifications) == 0 {
		return nil
	}
	ids := make([]string, len(notifications))
	for i, n := range notifications {
		ids[i] = n.ID
		if _, err := tx.ExecContext(ctx, insertNotification,
			n.ID, n.RequestID, n.ClientID, n.CompanyID, n.Product, n.Status, moment(n.SubmittedAt),
			enablement.NotificationPending); err != nil {
			return err
		}
	}
	return s.enqueue(ctx, tx, []enablement.Due{{NotificationIDs: ids}})
}
