package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Submit implements [enablement.Store]. The transaction is the only writer from its start, so what
// it reads cannot change before it commits.
func (s *Store) Submit(ctx context.Context, sub enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
	var decision enablement.Decision
	err := s.write(ctx, func(tx *sql.Tx) error {
		replay, err := findReply(ctx, tx, sub.Idempotency)
		if err != nil || replay != nil {
			decision = enablement.Decision{Reply: replay, Replayed: true}
			return err
		}
		file, err := loadFile(ctx, tx, sub)
		if err != nil {
			return err
		}
		if decision, err = decide(file); err != nil {
			return err
		}
		return s.commit(ctx, tx, sub, decision)
	})
	if err != nil {
		return enablement.Decision{}, err
	}
	return decision, nil
}

// commit writes what was decided.
func (s *Store) commit(ctx context.Context, tx *sql.Tx, sub enablement.Submission, d enablement.Decision) error {
	if d.Changed {
		evaluation, err := json.Marshal(d.Request.Evaluation)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx,
			`UPDATE requests SET status = ?, evaluation = ?, updated_at = ? WHERE id = ?`,
			d.Request.Status, string(evaluation), moment(d.Request.UpdatedAt), d.Request.ID); err != nil {
			return err
		}
	}
	missing := d.Request.Evaluation.Missing
	if _, err := tx.ExecContext(ctx,
		`INSERT INTO audit (request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
		 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Request.ID, sub.CompanyID, sub.KeyID, sub.TraceID, d.From, d.Request.Status,
		len(missing.Documents)+len(missing.Data), len(d.Request.Evaluation.Rejected), moment(d.At)); err != nil {
		return err
	}
	if err := recordReply(ctx, tx, sub.Idempotency, d); err != nil {
		return err
	}
	if d.Notification == nil {
		return nil
	}
	n := d.Notification
	if _, err := tx.ExecContext(ctx,
		`INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
		 VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		n.ID, n.RequestID, n.ClientID, n.CompanyID, n.Product, n.Status, moment(n.SubmittedAt),
		enablement.NotificationPending); err != nil {
		return err
	}
	return s.enqueue(ctx, tx, n.ID)
}

// loadFile reads all that a decision needs. Whatever belongs to another company is not found.
func loadFile(ctx context.Context, tx *sql.Tx, sub enablement.Submission) (file enablement.File, err error) {
	if file.Client, err = loadClient(ctx, tx, sub); err != nil {
		return file, err
	}
	if file.Request, err = loadRequest(ctx, tx, sub); err != nil {
		return file, err
	}
	file.Documents, err = loadDocuments(ctx, tx, sub.ClientID)
	return file, err
}

func loadClient(ctx context.Context, tx *sql.Tx, sub enablement.Submission) (enablement.Client, error) {
	var c enablement.Client
	err := tx.QueryRowContext(ctx,
		`SELECT id, company_id, first_name, last_name, email, birth_date, phone_country_code, phone_number, country
		 FROM clients WHERE id = ? AND company_id = ?`, sub.ClientID, sub.CompanyID).
		Scan(&c.ID, &c.CompanyID, &c.FirstName, &c.LastName, &c.Email, &c.BirthDate,
			&c.PhoneCountryCode, &c.PhoneNumber, &c.Country)
	if errors.Is(err, sql.ErrNoRows) {
		return c, enablement.ErrClientNotFound
	}
	return c, err
}

func loadRequest(ctx context.Context, tx *sql.Tx, sub enablement.Submission) (enablement.Request, error) {
	r := enablement.Request{CompanyID: sub.CompanyID}
	var evaluation string
	err := tx.QueryRowContext(ctx,
		`SELECT id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at
		 FROM requests WHERE id = ? AND client_id = ?`, sub.RequestID, sub.ClientID).
		Scan(&r.ID, &r.ClientID, &r.Product, &r.Status, &evaluation,
			&r.RejectionCode, &r.RejectionDescription, &r.CreatedAt, &r.UpdatedAt)
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, enablement.ErrRequestNotFound
	case err != nil:
		return r, err
	case evaluation == "":
		return r, nil
	}
	if err := json.Unmarshal([]byte(evaluation), &r.Evaluation); err != nil {
		return r, fmt.Errorf("stored evaluation: %w", err)
	}
	return r, nil
}

func loadDocuments(ctx context.Context, tx *sql.Tx, clientID string) (documents []enablement.Document, err error) {
	rows, err := tx.QueryContext(ctx,
		`SELECT type, metadata,
		        EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'front'),
		        EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'back')
		 FROM documents WHERE client_id = ? ORDER BY id`, clientID)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var d enablement.Document
		var metadata string
		if err := rows.Scan(&d.Type, &metadata, &d.FrontImage, &d.BackImage); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(metadata), &d.Metadata); err != nil {
			return nil, fmt.Errorf("stored metadata: %w", err)
		}
		documents = append(documents, d)
	}
	return documents, rows.Err()
}
