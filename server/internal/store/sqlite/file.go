package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	selectClients = `
		SELECT id, company_id, status, first_name, second_name, last_name, email, birth_date, phone_country_code, phone_number,
		       address, created_at, updated_at
		FROM clients WHERE company_id = ?`
	selectClient = selectClients + ` AND id = ?`
	// selectTwin looks for another client with the e-mail.
	selectTwin = `SELECT 1 FROM clients WHERE company_id = ? AND lower(email) = lower(?) AND id <> ? LIMIT 1`

	selectRequests = `
		SELECT id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at
		FROM requests WHERE client_id = ?`
	selectRequest   = selectRequests + ` AND id = ?`
	documentColumns = `
		id, type, metadata,
		EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'front'),
		EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'back')`
	selectDocuments = `
		SELECT ` + documentColumns + ` FROM documents WHERE client_id = ? ORDER BY id`

	newestFirst = ` ORDER BY created_at DESC, id DESC`
)

// Client implements [enablement.Store].
func (s *Store) Client(ctx context.Context, companyID, clientID string) (enablement.Client, error) {
	c, err := scanClient(s.reading.QueryRowContext(ctx, selectClient, companyID, clientID))
	if errors.Is(err, sql.ErrNoRows) {
		return c, enablement.ErrClientNotFound
	}
	return c, classify(err)
}

// Clients implements [enablement.Store].
func (s *Store) Clients(ctx context.Context, companyID string) ([]enablement.Client, error) {
	list, err := collect(ctx, s.reading, scanClient, selectClients+newestFirst, companyID)
	return list, classify(err)
}

// File implements [enablement.Store].
func (s *Store) File(ctx context.Context, companyID, clientID string) (enablement.File, error) {
	whole := &batch.Submission{Call: enablement.Call{CompanyID: companyID, ClientID: clientID}, Whole: true}
	err := s.read(ctx, func(tx *sql.Tx) error { return load(ctx, tx, whole) })
	switch {
	case err != nil:
		return enablement.File{}, err
	case whole.Fault != nil:
		return enablement.File{}, whole.Fault
	case !whole.ClientFound:
		return enablement.File{}, enablement.ErrClientNotFound
	}
	return whole.File, nil
}

// load reads all that a decision needs. Whatever belongs to another company is not found.
func load(ctx context.Context, tx *sql.Tx, s *batch.Submission) error {
	err := loadFile(ctx, tx, s)
	var fault *unreadableError
	if errors.As(err, &fault) { // of this one alone
		s.Fault = fault
		return nil
	}
	return err
}

func loadFile(ctx context.Context, tx *sql.Tx, s *batch.Submission) (err error) {
	if s.Recorded, err = findRecord(ctx, tx, s.Idempotency); err != nil {
		return err
	}
	if s.Email != "" {
		s.File.EmailTaken, err = present(tx.QueryRowContext(ctx, selectTwin, s.CompanyID, s.Email, s.ClientID).Scan(new(int)))
	}
	if err != nil || s.Creates() {
		return err
	}
	s.File.Client, err = scanClient(tx.QueryRowContext(ctx, selectClient, s.CompanyID, s.ClientID))
	if s.ClientFound, err = present(err); !s.ClientFound {
		return err
	}
	if err := loadRequests(ctx, tx, s); err != nil || !s.RequestFound && !s.Whole {
		return err
	}
	s.File.Documents, err = collect(ctx, tx, scanDocument, selectDocuments, s.ClientID)
	return err
}

// loadRequests reads the one that is submitted, or all of the client.
func loadRequests(ctx context.Context, tx *sql.Tx, s *batch.Submission) (err error) {
	scan := func(row row) (enablement.Request, error) { return scanRequest(row, s.CompanyID) }
	if s.Whole {
		s.File.Requests, err = collect(ctx, tx, scan, selectRequests+newestFirst, s.ClientID)
		return err
	}
	s.File.Request, err = scan(tx.QueryRowContext(ctx, selectRequest, s.ClientID, s.RequestID))
	s.RequestFound, err = present(err)
	return err
}

func scanClient(row row) (c enablement.Client, err error) {
	var address string
	var updated sql.NullTime // NULL: as it was created
	if err := row.Scan(&c.ID, &c.CompanyID, &c.Status, &c.FirstName, &c.SecondName, &c.LastName, &c.Email, &c.BirthDate,
		&c.PhoneCountryCode, &c.PhoneNumber, &address, &c.CreatedAt, &updated); err != nil {
		return c, err
	}
	c.CreatedAt = c.CreatedAt.UTC()
	c.UpdatedAt = c.CreatedAt
	if updated.Valid {
		c.UpdatedAt = updated.Time.UTC()
	}
	return c, decode("address", address, &c.Address)
}

func scanRequest(row row, companyID string) (enablement.Request, error) {
	r := enablement.Request{CompanyID: companyID}
	var evaluation string
	if err := row.Scan(&r.ID, &r.ClientID, &r.Product, &r.Status, &evaluation,
		&r.RejectionCode, &r.RejectionDescription, &r.CreatedAt, &r.UpdatedAt); err != nil {
		return r, err
	}
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	if evaluation == "" {
		return r, nil
	}
	return r, decode("evaluation", evaluation, &r.Evaluation)
}

func scanDocument(row row) (d enablement.Document, err error) {
	var metadata string
	if err := row.Scan(&d.ID, &d.Type, &metadata, &d.FrontImage, &d.BackImage); err != nil {
		return d, err
	}
	return d, decode("metadata", metadata, &d.Metadata)
}

// decode reads what is stored as JSON.
func decode(what, text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return &unreadableError{fmt.Errorf("stored %s: %w", what, err)}
	}
	return nil
}

// unreadableError says that what is stored cannot be read.
type unreadableError struct{ error }

func (e *unreadableError) Unwrap() error { return e.error }
