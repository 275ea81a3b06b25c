package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

const (
	upsertCompany = `
		INSERT INTO companies (id, name, created_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name`
	importedClient = upsertClient + sameCompany // whose status stays
	insertDocument = `
		WITH document AS (
		  INSERT INTO documents (client_id, type, metadata, created_at)
		  SELECT id, $2, $3, $4 FROM clients WHERE id = $1 RETURNING id)
		INSERT INTO document_images (document_id, side, media_type, content)
		SELECT id, image.* FROM document, unnest($5::text[], $6::text[], $7::bytea[]) image`
	importedRequest = `
		INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at)
		SELECT $1, id, $3, $4, '', $5, $6, $7, $8 FROM clients WHERE id = $2 ON CONFLICT (id) DO NOTHING`
	// activateClient is for a request that is enabled: its client was accepted.
	activateClient = `UPDATE clients SET status = 'active' WHERE id = (SELECT client_id FROM requests WHERE id = $1 AND status = 'enabled')`
)

// importLock lets one import through at a time, so that two of them can't wait for each other.
const importLock int64 = 0x656e61626c650002

// How many statements, and bytes of photos, are sent before their results are read: waiting for each one costs
// a round trip.
const (
	importStatements = 1000
	importPhotos     = 4 << 20
)

// Import implements [store.Store].
func (s *Store) Import(ctx context.Context, data dataset.Source) error {
	return s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx,
			`SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`); err != nil {
			return err
		}
		return importAll(ctx, tx, data)
	})
}

func importAll(ctx context.Context, tx pgx.Tx, data dataset.Source) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, importLock); err != nil {
		return err
	}
	next := importing{tx: tx, at: data.Moment()}
	for entry, err := range data.All() {
		if err != nil {
			return err
		}
		if err := next.add(ctx, entry); err != nil {
			return err
		}
	}
	if err := next.send(ctx); err != nil {
		return err
	}
	return next.faults.Err()
}

// importing is an import under way, with the statements that are to be sent next.
type importing struct {
	tx     pgx.Tx
	at     time.Time
	batch  pgx.Batch
	photos int
	faults dataset.Faults
	full   bool // of faults
}

func (i *importing) add(ctx context.Context, entry dataset.Entry) error {
	switch value := entry.Value.(type) {
	case *dataset.Company:
		i.company(entry, value)
	case *dataset.Client:
		if err := i.client(entry, value); err != nil {
			return entry.Fault(err)
		}
	case *dataset.Document:
		if err := i.document(entry, value); err != nil {
			return entry.Fault(err)
		}
	case *dataset.Request:
		i.request(entry, value)
	case *dataset.Key: // only the sample has them
		if err := i.send(ctx); err != nil {
			return err
		}
		if err := insertKey(ctx, i.tx, value.Key, value.Hash); err != nil {
			i.faults.Add(entry, err)
			return i.faults.Err()
		}
	default:
		return fmt.Errorf("a %T is nothing to import", value)
	}
	if i.batch.Len() < importStatements && i.photos < importPhotos {
		return nil
	}
	return i.send(ctx)
}

// send sends what is to be sent and waits for the results, which are the entries' own to judge.
func (i *importing) send(ctx context.Context) error {
	batch := i.batch
	i.batch, i.photos = pgx.Batch{}, 0
	err := i.tx.SendBatch(ctx, &batch).Close()
	if err == nil && i.full {
		err = i.faults.Err()
	}
	return err
}

// queue adds a statement of an entry. unchanged is what it means that no row is found or changed; nil: nothing.
// The statements behind it are made all the same.
func (i *importing) queue(entry dataset.Entry, unchanged error, statement string, args ...any) {
	i.judge(entry, func(rows int64) error {
		if rows == 0 {
			return unchanged
		}
		return nil
	}, statement, args...)
}

// judge adds a statement of an entry whose rows are judged.
func (i *importing) judge(entry dataset.Entry, fault func(rows int64) error, statement string, args ...any) {
	i.batch.Queue(statement, args...).Fn = func(results pgx.BatchResults) error {
		tag, err := results.Exec()
		switch {
		case lost(err):
			return err
		case err != nil: // it ends the transaction
			i.faults.Add(entry, err)
			return i.faults.Err()
		}
		if err := fault(tag.RowsAffected()); err != nil && !i.faults.Add(entry, err) {
			i.full = true
		}
		return nil
	}
}

func (i *importing) company(entry dataset.Entry, c *dataset.Company) {
	i.queue(entry, nil, upsertCompany, c.ID, c.Name, i.at)
}

func (i *importing) client(entry dataset.Entry, c *dataset.Client) error {
	address, err := json.Marshal(c.Address)
	if err != nil {
		return err
	}
	i.queue(entry, fmt.Errorf("company_id: no company %q", c.CompanyID), `SELECT 1 FROM companies WHERE id = $1`, c.CompanyID)
	i.queue(entry, errors.New("company_id: the client belongs to another company"), importedClient, clientValues(c.Stored(), address)...)
	return nil
}

func (i *importing) document(entry dataset.Entry, d *dataset.Document) error {
	metadata, err := d.MetadataJSON()
	if err != nil {
		return err
	}
	var sides, mediaTypes []string
	var contents [][]byte
	for side, image := range map[string]dataset.Image{"front": d.Front, "back": d.Back} {
		if !image.IsZero() {
			sides, mediaTypes, contents = append(sides, side), append(mediaTypes, image.MediaType), append(contents, image.Content)
			i.photos += len(image.Content)
		}
	}
	i.queue(entry, fmt.Errorf("client_id: no client %q", d.ClientID), `SELECT 1 FROM clients WHERE id = $1 FOR KEY SHARE`, d.ClientID)
	i.queue(entry, nil, supersedeDocument, d.ClientID, d.Type, i.at)
	i.queue(entry, nil, insertDocument,
		d.ClientID, d.Type, metadata, i.at, sides, mediaTypes, contents)
	return nil
}

func (i *importing) request(entry dataset.Entry, r *dataset.Request) {
	i.queue(entry, fmt.Errorf("client_id: no client %q", r.ClientID), `SELECT 1 FROM clients WHERE id = $1`, r.ClientID)
	added := false
	i.judge(entry, func(rows int64) error { added = rows > 0; return nil }, importedRequest,
		r.ID, r.ClientID, string(r.Product), string(r.Status), r.RejectionCode, r.RejectionDescription,
		r.CreatedAt.Time, r.UpdatedAt.Time)
	i.judge(entry, func(rows int64) error {
		switch {
		case rows == 0:
			return dataset.ErrRequestStored
		case !added:
			entry.Keep()
		}
		return nil
	}, `SELECT 1 FROM requests WHERE id = $1 AND client_id = $2 AND product = $3`, r.ID, r.ClientID, string(r.Product))
	switch r.Status {
	case enablement.Enabled:
		i.queue(entry, nil, activateClient, r.ID)
	case enablement.InKYC:
		i.queue(entry, nil, importedReview, r.ID)
	}
}
