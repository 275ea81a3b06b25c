package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
)

// Import implements [store.Store].
func (s *Store) Import(ctx context.Context, data *dataset.Dataset) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
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
	})
}

func importCompany(ctx context.Context, tx *sql.Tx, c dataset.Company, at time.Time) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO companies (id, name, created_at) VALUES (?, ?, ?)
		 ON CONFLICT (id) DO UPDATE SET name = excluded.name`, c.ID, c.Name, moment(at))
	return err
}

func importClient(ctx context.Context, tx *sql.Tx, c dataset.Client) error {
	if err := found(ctx, tx, fmt.Errorf("company_id: no company %q", c.CompanyID),
		`SELECT 1 FROM companies WHERE id = ?`, c.CompanyID); err != nil {
		return err
	}
	address, err := json.Marshal(c.Address)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx,
		`INSERT INTO clients (id, company_id, first_name, second_name, last_name, email, birth_date,
		                      phone_country_code, phone_number, country, address, created_at)
		 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		 ON CONFLICT (id) DO UPDATE SET
		   first_name = excluded.first_name, second_name = excluded.second_name,
		   last_name = excluded.last_name, email = excluded.email, birth_date = excluded.birth_date,
		   phone_country_code = excluded.phone_country_code, phone_number = excluded.phone_number,
		   country = excluded.country, address = excluded.address
		 WHERE company_id = excluded.company_id`,
		c.ID, c.CompanyID, c.FirstName, c.SecondName, c.LastName, c.Email, c.BirthDate,
		c.PhoneCountryCode, c.PhoneNumber, c.Address.Country, string(address), moment(c.CreatedAt.Time))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errors.New("company_id: the client belongs to another company"))
	}
	return nil
}

func importDocument(ctx context.Context, tx *sql.Tx, d dataset.Document, at time.Time) error {
	if err := found(ctx, tx, fmt.Errorf("client_id: no client %q", d.ClientID),
		`SELECT 1 FROM clients WHERE id = ?`, d.ClientID); err != nil {
		return err
	}
	if d.Metadata == nil {
		d.Metadata = map[string]string{}
	}
	metadata, err := json.Marshal(d.Metadata)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx,
		`DELETE FROM documents WHERE client_id = ? AND type = ?`, d.ClientID, d.Type); err != nil {
		return err
	}
	var id int64
	if err := tx.QueryRowContext(ctx,
		`INSERT INTO documents (client_id, type, metadata, created_at) VALUES (?, ?, ?, ?) RETURNING id`,
		d.ClientID, d.Type, string(metadata), moment(at)).Scan(&id); err != nil {
		return err
	}
	for _, image := range []struct {
		side string
		dataset.Image
	}{{"front", d.Front}, {"back", d.Back}} {
		if image.IsZero() {
			continue
		}
		if _, err := tx.ExecContext(ctx,
			`INSERT INTO document_images (document_id, side, media_type, content) VALUES (?, ?, ?, ?)`,
			id, image.side, image.MediaType, image.Content); err != nil {
			return err
		}
	}
	return nil
}

func importRequest(ctx context.Context, tx *sql.Tx, r dataset.Request) error {
	if err := found(ctx, tx, fmt.Errorf("client_id: no client %q", r.ClientID),
		`SELECT 1 FROM clients WHERE id = ?`, r.ClientID); err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx,
		`INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at)
		 VALUES (?, ?, ?, ?, '', ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		r.ID, r.ClientID, r.Product, r.Status, r.RejectionCode, r.RejectionDescription,
		moment(r.CreatedAt.Time), moment(r.UpdatedAt.Time))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errors.New("id: the request is stored already, and only submissions change it"))
	}
	return nil
}
