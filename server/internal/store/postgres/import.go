package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// importLock lets one import through at a time, so that two of them can't wait for each other.
const importLock int64 = 0x656e61626c650002

// Import implements [store.Store].
func (s *Store) Import(ctx context.Context, data *dataset.Dataset) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx,
			`SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, importLock); err != nil {
			return err
		}
		return importAll(ctx, tx, data)
	})
}

func importAll(ctx context.Context, tx pgx.Tx, data *dataset.Dataset) error {
	for i, company := range data.Companies {
		if err := importCompany(ctx, tx, company, data.At); err != nil {
			return &dataset.EntryError{List: "companies", Index: i, ID: company.ID, Err: err}
		}
	}
	for i, client := range data.Clients {
		if err := importClient(ctx, tx, client); err != nil {
			return &dataset.EntryError{List: "clients", Index: i, ID: client.ID, Err: err}
		}
	}
	for i, document := range data.Documents {
		if err := importDocument(ctx, tx, document, data.At); err != nil {
			return &dataset.EntryError{List: "documents", Index: i, ID: document.ClientID + "/" + document.Type, Err: err}
		}
	}
	for i, request := range data.Requests {
		if err := importRequest(ctx, tx, request); err != nil {
			return &dataset.EntryError{List: "requests", Index: i, ID: request.ID, Err: err}
		}
	}
	for i, key := range data.Keys {
		if err := insertKey(ctx, tx, key.Key, key.Hash); err != nil {
			return &dataset.EntryError{List: "keys", Index: i, ID: key.ID, Err: err}
		}
	}
	return nil
}

func importCompany(ctx context.Context, tx pgx.Tx, c dataset.Company, at time.Time) error {
	_, err := tx.Exec(ctx,
		`INSERT INTO companies (id, name, created_at) VALUES ($1, $2, $3)
		 ON CONFLICT (id) DO UPDATE SET name = excluded.name`, c.ID, c.Name, at)
	return err
}

func importClient(ctx context.Context, tx pgx.Tx, c dataset.Client) error {
	if err := found(ctx, tx, fmt.Errorf("company_id: no company %q", c.CompanyID),
		`SELECT 1 FROM companies WHERE id = $1`, c.CompanyID); err != nil {
		return err
	}
	address, err := json.Marshal(c.Address)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx,
		`INSERT INTO clients (id, company_id, first_name, second_name, last_name, email, birth_date,
		                      phone_country_code, phone_number, country, address, created_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		 ON CONFLICT (id) DO UPDATE SET
		   first_name = excluded.first_name, second_name = excluded.second_name,
		   last_name = excluded.last_name, email = excluded.email, birth_date = excluded.birth_date,
		   phone_country_code = excluded.phone_country_code, phone_number = excluded.phone_number,
		   country = excluded.country, address = excluded.address
		 WHERE clients.company_id = excluded.company_id`,
		c.ID, c.CompanyID, c.FirstName, c.SecondName, c.LastName, c.Email, c.BirthDate,
		c.PhoneCountryCode, c.PhoneNumber, c.Address.Country, string(address), c.CreatedAt.Time)
	if err == nil && tag.RowsAffected() == 0 {
		return errors.New("company_id: the client belongs to another company")
	}
	return err
}

func importDocument(ctx context.Context, tx pgx.Tx, d dataset.Document, at time.Time) error {
	if err := found(ctx, tx, fmt.Errorf("client_id: no client %q", d.ClientID),
		`SELECT 1 FROM clients WHERE id = $1`, d.ClientID); err != nil {
		return err
	}
	if d.Metadata == nil {
		d.Metadata = map[string]string{}
	}
	metadata, err := json.Marshal(d.Metadata)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM documents WHERE client_id = $1 AND type = $2`, d.ClientID, d.Type); err != nil {
		return err
	}
	var id int64
	if err := tx.QueryRow(ctx,
		`INSERT INTO documents (client_id, type, metadata, created_at) VALUES ($1, $2, $3, $4) RETURNING id`,
		d.ClientID, d.Type, string(metadata), at).Scan(&id); err != nil {
		return err
	}
	for _, image := range []struct {
		side string
		dataset.Image
	}{{"front", d.Front}, {"back", d.Back}} {
		if image.IsZero() {
			continue
		}
		if _, err := tx.Exec(ctx,
			`INSERT INTO document_images (document_id, side, media_type, content) VALUES ($1, $2, $3, $4)`,
			id, image.side, image.MediaType, image.Content); err != nil {
			return err
		}
	}
	return nil
}

func importRequest(ctx context.Context, tx pgx.Tx, r dataset.Request) error {
	if err := found(ctx, tx, fmt.Errorf("client_id: no client %q", r.ClientID),
		`SELECT 1 FROM clients WHERE id = $1`, r.ClientID); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx,
		`INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, '', $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
		r.ID, r.ClientID, string(r.Product), string(r.Status), r.RejectionCode, r.RejectionDescription,
		r.CreatedAt.Time, r.UpdatedAt.Time)
	if err == nil && tag.RowsAffected() == 0 {
		return errors.New("id: the request is stored already, and only submissions change it")
	}
	return err
}
