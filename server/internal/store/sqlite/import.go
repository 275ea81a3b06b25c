package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	upsertCompany = `
		INSERT INTO companies (id, name, created_at) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name`
	importedClient  = upsertClient + sameCompany // whose status stays
	insertDocument  = `INSERT INTO documents (client_id, type, metadata, created_at) VALUES (?, ?, ?, ?) RETURNING id`
	importedRequest = insertRequest + ` ON CONFLICT (id) DO NOTHING`
	// activateClient is for a request that is enabled: its client was accepted.
	activateClient = `UPDATE clients SET status = 'active' WHERE id = ?`
)

// Import implements [store.Store].
func (s *Store) Import(ctx context.Context, data dataset.Source) error {
	return s.write(ctx, func(uncut context.Context, tx *sql.Tx) error { return importAll(ctx, uncut, tx, data) })
}

// importAll ends between two entries when the caller's context does, and uses the other one for its statements.
func importAll(ctx, uncut context.Context, tx *sql.Tx, data dataset.Source) error {
	var faults dataset.Faults
	for entry, err := range data.All() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		err := importEntry(uncut, tx, entry, data.Moment())
		switch {
		case away(err):
			return err
		case err != nil && (!faults.Add(entry, err) || codeOf(err) != 0):
			return faults.Err()
		}
	}
	return faults.Err()
}

func importEntry(ctx context.Context, tx *sql.Tx, entry dataset.Entry, at time.Time) error {
	switch value := entry.Value.(type) {
	case *dataset.Company:
		return importCompany(ctx, tx, value, at)
	case *dataset.Client:
		return importClient(ctx, tx, value)
	case *dataset.Document:
		return importDocument(ctx, tx, value, at)
	case *dataset.Request:
		return importRequest(ctx, tx, entry, value)
	case *dataset.Key:
		return insertKey(ctx, tx, value.Key, value.Hash)
	}
	return fmt.Errorf("a %T is nothing to import", entry.Value)
}

func importCompany(ctx context.Context, tx *sql.Tx, c *dataset.Company, at time.Time) error {
	_, err := tx.ExecContext(ctx, upsertCompany, c.ID, c.Name, moment(at))
	return err
}

func importClient(ctx context.Context, tx *sql.Tx, c *dataset.Client) error {
	if err := found(ctx, tx, fmt.Errorf("company_id: no company %q", c.CompanyID),
		`SELECT 1 FROM companies WHERE id = ?`, c.CompanyID); err != nil {
		return err
	}
	if n, err := putClient(ctx, tx, importedClient, c.Stored()); err != nil || n == 0 {
		return errors.Join(err, errors.New("company_id: the client belongs to another company"))
	}
	return nil
}

func importDocument(ctx context.Context, tx *sql.Tx, d *dataset.Document, at time.Time) error {
	if err := found(ctx, tx, fmt.Errorf("client_id: no client %q", d.ClientID),
		`SELECT 1 FROM clients WHERE id = ?`, d.ClientID); err != nil {
		return err
	}
	metadata, err := d.MetadataJSON()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, supersedeDocument, d.ClientID, d.Type, moment(at)); err != nil {
		return err
	}
	var id int64
	if err := tx.QueryRowContext(ctx, insertDocument,
		d.ClientID, d.Type, metadata, moment(at)).Scan(&id); err != nil {
		return err
	}
	for _, image := range []struct {
		side string
		dataset.Image
	}{{"front", d.Front}, {"back", d.Back}} {
		if image.IsZero() {
			continue
		}
		if _, err := tx.ExecContext(ctx, insertImage, id, image.side, image.MediaType, image.Content); err != nil {
			return err
		}
	}
	return nil
}

func importRequest(ctx context.Context, tx *sql.Tx, entry dataset.Entry, r *dataset.Request) error {
	if err := found(ctx, tx, fmt.Errorf("client_id: no client %q", r.ClientID),
		`SELECT 1 FROM clients WHERE id = ?`, r.ClientID); err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, importedRequest,
		r.ID, r.ClientID, r.Product, r.Status, "", r.RejectionCode, r.RejectionDescription,
		moment(r.CreatedAt.Time), moment(r.UpdatedAt.Time))
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	switch {
	case n == 0 || err != nil:
	case r.Status == enablement.Enabled:
		_, err = tx.ExecContext(ctx, activateClient, r.ClientID)
	case r.Status == enablement.InKYC:
		_, err = tx.ExecContext(ctx, insertReview, r.ID, moment(r.UpdatedAt.Time), nil, nil)
	}
	if n > 0 || err != nil {
		return err
	}
	if err := found(ctx, tx, dataset.ErrRequestStored,
		`SELECT 1 FROM requests WHERE id = ? AND client_id = ? AND product = ?`, r.ID, r.ClientID, r.Product); err != nil {
		return err
	}
	entry.Keep()
	return nil
}
