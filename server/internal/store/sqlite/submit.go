package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	updateRequest = `UPDATE requests SET status = ?, evaluation = ?, updated_at = ? WHERE id = ?`
	insertAudit   = `
		INSERT INTO audit (request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertNotification = `
		INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	selectClient = `
		SELECT id, company_id, first_name, last_name, email, birth_date, phone_country_code, phone_number, country
		FROM clients WHERE id = ? AND company_id = ?`
	selectRequest = `
		SELECT id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at
		FROM requests WHERE id = ? AND client_id = ?`
	selectDocuments = `
		SELECT type, metadata,
		       EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'front'),
		       EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'back')
		FROM documents WHERE client_id = ? ORDER BY id`
)

// Submit implements [enablement.Store]. Submissions that come together share a transaction. It is the
// only writer from its start, so what it reads cannot change before it commits.
func (s *Store) Submit(ctx context.Context, call enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	return s.submitting.Submit(ctx, call, decide)
}

// submit is what is done in a transaction of submissions.
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
	for _, r := range w.Requests {
		evaluation, err := json.Marshal(r.Evaluation)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, updateRequest,
			r.Status, string(evaluation), moment(r.UpdatedAt), r.ID); err != nil {
			return err
		}
	}
	for _, r := range w.Audit {
		if _, err := tx.ExecContext(ctx, insertAudit,
			r.RequestID, r.CompanyID, r.KeyID, r.TraceID, r.From, r.To, r.Missing, r.Rejected, moment(r.At)); err != nil {
			return err
		}
	}
	for _, r := range w.Records {
		if err := putRecord(ctx, tx, r); err != nil {
			return err
		}
	}
	return s.putNotifications(ctx, tx, w.Notifications)
}

func (s *Store) putNotifications(ctx context.Context, tx *sql.Tx, notifications []enablement.Notification) error {
	if len(notifications) == 0 {
		return nil
	}
	deliveries := make([]enablement.Due, len(notifications))
	for i, n := range notifications {
		deliveries[i].NotificationID = n.ID
		if _, err := tx.ExecContext(ctx, insertNotification,
			n.ID, n.RequestID, n.ClientID, n.CompanyID, n.Product, n.Status, moment(n.SubmittedAt),
			enablement.NotificationPending); err != nil {
			return err
		}
	}
	return s.enqueue(ctx, tx, deliveries)
}

// load reads all that a decision needs. Whatever belongs to another company is not found.
func load(ctx context.Context, tx *sql.Tx, s *batch.Submission) (err error) {
	if s.Recorded, err = findRecord(ctx, tx, s.Idempotency); err != nil {
		return err
	}
	if s.File.Client, s.ClientFound, err = loadClient(ctx, tx, s.Call); err != nil || !s.ClientFound {
		return err
	}
	if s.RequestFound, err = loadRequest(ctx, tx, s); err != nil || !s.RequestFound {
		return err
	}
	return loadDocuments(ctx, tx, s)
}

func loadClient(ctx context.Context, tx *sql.Tx, call enablement.Call) (c enablement.Client, found bool, err error) {
	err = tx.QueryRowContext(ctx, selectClient, call.ClientID, call.CompanyID).
		Scan(&c.ID, &c.CompanyID, &c.FirstName, &c.LastName, &c.Email, &c.BirthDate,
			&c.PhoneCountryCode, &c.PhoneNumber, &c.Country)
	found, err = present(err)
	return c, found, err
}

func loadRequest(ctx context.Context, tx *sql.Tx, s *batch.Submission) (bool, error) {
	r := enablement.Request{CompanyID: s.CompanyID}
	var evaluation string
	found, err := present(tx.QueryRowContext(ctx, selectRequest, s.RequestID, s.ClientID).
		Scan(&r.ID, &r.ClientID, &r.Product, &r.Status, &evaluation,
			&r.RejectionCode, &r.RejectionDescription, &r.CreatedAt, &r.UpdatedAt))
	if !found {
		return false, err
	}
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	if evaluation != "" {
		if err := json.Unmarshal([]byte(evaluation), &r.Evaluation); err != nil {
			s.Fault = fmt.Errorf("stored evaluation: %w", err)
		}
	}
	s.File.Request = r
	return true, nil
}

func loadDocuments(ctx context.Context, tx *sql.Tx, s *batch.Submission) (err error) {
	s.File.Documents, err = collect(ctx, tx, func(row row) (d enablement.Document, err error) {
		var metadata string
		if err := row.Scan(&d.Type, &metadata, &d.FrontImage, &d.BackImage); err != nil {
			return d, err
		}
		if err := json.Unmarshal([]byte(metadata), &d.Metadata); err != nil {
			s.Fault = fmt.Errorf("stored metadata: %w", err)
		}
		return d, nil
	}, selectDocuments, s.ClientID)
	return err
}
