package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	insertReview = `INSERT INTO reviews (request_id, submitted_at, client, documents) VALUES (?, ?, ?, ?)`
	decideReview = `UPDATE reviews SET decided_at = ? WHERE request_id = ?`

	// selectSubmitted has no review of a request that was imported when it was decided already.
	selectSubmitted = `
		SELECT r.id, r.client_id, c.company_id, r.product, r.status, r.updated_at, v.submitted_at, v.client, v.documents
		FROM requests r CROSS JOIN clients c ON c.id = r.client_id LEFT JOIN reviews v ON v.request_id = r.id
		WHERE r.id = ?`
	selectUndecided = `
		SELECT v.request_id FROM reviews v CROSS JOIN requests r ON r.id = v.request_id
		WHERE v.decided_at IS NULL AND r.status = 'in_kyc' AND (v.submitted_at, v.request_id) > (?, ?)
		ORDER BY v.submitted_at, v.request_id LIMIT ?`
	selectReviewed = `
		SELECT ` + documentColumns + ` FROM documents WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`
)

// putReviews keeps what was submitted, and notes what was decided.
func putReviews(ctx context.Context, tx *sql.Tx, w *batch.Writes) error {
	for _, s := range w.Submitted {
		client, err := batch.EncodeClient(s.Client)
		if err != nil {
			return err
		}
		documents, err := json.Marshal(batch.IDs(s.Documents))
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insertReview, s.RequestID, moment(s.At), client, string(documents)); err != nil {
			return err
		}
	}
	for _, d := range w.Decided {
		if _, err := tx.ExecContext(ctx, decideReview, moment(d.At), d.RequestID); err != nil {
			return err
		}
	}
	return nil
}

// Submitted implements [store.Store].
func (s *Store) Submitted(ctx context.Context, requestID string) (submitted enablement.Submitted, err error) {
	err = s.read(ctx, func(tx *sql.Tx) (err error) {
		submitted, err = loadSubmitted(ctx, tx, requestID)
		return err
	})
	return submitted, err
}

// Undecided implements [store.Store].
func (s *Store) Undecided(ctx context.Context, after string, limit int) (list []enablement.Submitted, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		var at string // as it is stored
		if after != "" {
			found, err := present(tx.QueryRowContext(ctx, `SELECT CAST(submitted_at AS TEXT) FROM reviews WHERE request_id = ?`, after).Scan(&at))
			if err != nil {
				return err
			}
			if !found {
				return enablement.ErrRequestNotFound
			}
		}
		ids, err := collect(ctx, tx, func(row row) (id string, err error) { return id, row.Scan(&id) }, selectUndecided, at, after, limit)
		if err != nil {
			return err
		}
		for _, id := range ids {
			submitted, err := loadSubmitted(ctx, tx, id)
			if err != nil {
				return err
			}
			list = append(list, submitted)
		}
		return nil
	})
	return list, err
}

func loadSubmitted(ctx context.Context, tx *sql.Tx, requestID string) (s enablement.Submitted, err error) {
	var at sql.NullTime
	var client, documents sql.NullString
	found, err := present(tx.QueryRowContext(ctx, selectSubmitted, requestID).
		Scan(&s.RequestID, &s.ClientID, &s.CompanyID, &s.Product, &s.Status, &s.At, &at, &client, &documents))
	switch {
	case err != nil:
		return s, err
	case !found:
		return s, enablement.ErrRequestNotFound
	case s.Status.Pending():
		return s, enablement.ErrNotInKYC
	}
	if at.Valid {
		s.At = at.Time
	}
	s.At = s.At.UTC()
	if s.Now = !client.Valid; s.Now {
		if s.Client, err = scanClient(tx.QueryRowContext(ctx, selectClient, s.CompanyID, s.ClientID)); err == nil {
			s.Documents, err = collect(ctx, tx, scanDocument, selectDocuments, s.ClientID)
		}
		return s, err
	}
	if s.Client, err = batch.DecodeClient(client.String); err == nil {
		s.Documents, err = collect(ctx, tx, scanDocument, selectReviewed, documents.String)
	}
	return s, err
}
