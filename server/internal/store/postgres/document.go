package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/prune"
)

const (
	documentColumns = `
		d.id, d.type, d.metadata,
		(SELECT side FROM document_images WHERE document_id = d.id AND side = 'front') IS NOT NULL,
		(SELECT side FROM document_images WHERE document_id = d.id AND side = 'back') IS NOT NULL`

	// What an upload is stored with waits for whoever deletes the client, and finds nothing then.
	insertUpload = `
		INSERT INTO documents (kept_for, type, metadata, created_at)
		SELECT id, $3, $4, $5 FROM clients WHERE company_id = $1 AND id = $2 FOR KEY SHARE RETURNING id`
	insertImage = `
		INSERT INTO document_images (document_id, side, media_type, content)
		SELECT id, $2, $3, $4 FROM documents WHERE id = $1 FOR KEY SHARE`
	insertChunk = `
		INSERT INTO document_chunks (document_id, side, n, content)
		SELECT document_id, side, $3, $4 FROM document_images WHERE document_id = $1 AND side = $2 FOR KEY SHARE`
	supersedeDocument = `
		UPDATE documents SET client_id = NULL, kept_for = client_id, superseded_at = $3 WHERE client_id = $1 AND type = $2`
	linkDocument = `
		UPDATE documents SET client_id = kept_for, kept_for = NULL
		WHERE id = $1 AND kept_for = $2 AND type = $3 AND superseded_at IS NULL`
	selectPhoto = `
		SELECT 0 AS n, content FROM document_images WHERE document_id = $1 AND side = $2
		UNION ALL SELECT n, content FROM document_chunks WHERE document_id = $1 AND side = $2
		ORDER BY n`

	// oldDocuments are kept for a client since a moment. Those that were submitted are to stay.
	oldDocuments = `
		SELECT coalesce(superseded_at, created_at), id, (
			SELECT r.id FROM requests r JOIN reviews v ON v.request_id = r.id
			WHERE r.client_id = d.kept_for AND d.id = ANY (v.documents) LIMIT 1) IS NOT NULL
		FROM documents d
		WHERE kept_for IS NOT NULL AND (coalesce(superseded_at, created_at), id) > ($1, $2) AND coalesce(superseded_at, created_at) <= $3
		ORDER BY coalesce(superseded_at, created_at), id LIMIT $4`
	// abandonDocument has one that is being stored be as one that was superseded, so that no client gets it any more.
	abandonDocument = `
		UPDATE documents SET superseded_at = coalesce(superseded_at, created_at)
		WHERE id = $1 AND kept_for IS NOT NULL AND coalesce(superseded_at, created_at) <= $2`
	deleteChunks = `
		DELETE FROM document_chunks WHERE ctid = ANY (ARRAY(SELECT ctid FROM document_chunks WHERE document_id = $1 LIMIT $2))`
)

// Upload implements [enablement.Store].
func (s *Store) Upload(ctx context.Context, companyID, clientID string, u enablement.Upload, at time.Time) (id int64, err error) {
	if !storable(companyID) || !storable(clientID) {
		return 0, enablement.ErrClientNotFound
	}
	metadata, err := json.Marshal(u.Metadata)
	if err != nil {
		return 0, err
	}
	// Each statement is a transaction of its own, whose commit is sent with it.
	err = repeat(ctx, func() (committing bool, err error) {
		return true, s.pool.QueryRow(ctx, insertUpload, companyID, clientID, u.Type, string(metadata), at).Scan(&id)
	})
	if absent(err) {
		return 0, enablement.ErrClientNotFound
	}
	if err != nil {
		return 0, err
	}
	for chunk := range store.Chunks(u) {
		var stored pgconn.CommandTag
		if err := repeat(ctx, func() (committing bool, err error) {
			if chunk.N == 0 {
				stored, err = s.pool.Exec(ctx, insertImage, id, chunk.Side, chunk.MediaType, chunk.Content)
			} else {
				stored, err = s.pool.Exec(ctx, insertChunk, id, chunk.Side, chunk.N, chunk.Content)
			}
			return true, err
		}); err != nil {
			return 0, err
		}
		if stored.RowsAffected() == 0 { // the client was deleted meanwhile
			return 0, enablement.ErrClientNotFound
		}
	}
	return id, nil
}

// putDocument makes an uploaded document its client's.
func putDocument(ctx context.Context, tx *pipeline, d batch.Document) error {
	tx.hold(supersedeDocument, d.ClientID, d.Type, d.At)
	linked, err := tx.Exec(ctx, linkDocument, d.ID, d.ClientID, d.Type)
	if err == nil && linked.RowsAffected() == 0 {
		return batch.ErrUploadGone
	}
	return err
}

// documentRow is a document as it is read, or none.
type documentRow struct {
	id             *int64
	kind, metadata *string
	front, back    bool
}

func (d *documentRow) places() []any { return []any{&d.id, &d.kind, &d.metadata, &d.front, &d.back} }

// addTo adds the document, if it is one, to a list.
func (d *documentRow) addTo(list *[]enablement.Document) error {
	if d.id == nil {
		return nil
	}
	document := enablement.Document{ID: *d.id, Type: *d.kind, FrontImage: d.front, BackImage: d.back}
	if err := json.Unmarshal([]byte(*d.metadata), &document.Metadata); err != nil {
		return fmt.Errorf("stored metadata: %w", err)
	}
	*list = append(*list, document)
	return nil
}

// Photo implements [store.Store].
func (s *Store) Photo(ctx context.Context, documentID int64, side string) (enablement.Photo, error) {
	rows, _ := s.pool.Query(ctx, selectPhoto, documentID, side) // CollectRows has the error
	chunks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (content []byte, err error) { return content, row.Scan(nil, &content) })
	return store.Photo(chunks), classify(ctx, err)
}

// PruneDocuments implements [store.Store].
func (s *Store) PruneDocuments(ctx context.Context, before time.Time) (int64, error) {
	var at time.Time
	var id int64
	return prune.Documents(ctx, func(ctx context.Context) ([]prune.Document, error) {
		rows, _ := s.pool.Query(ctx, oldDocuments, at, id, before, prune.FirstStep) // CollectRows has the error
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d prune.Document, err error) {
			err = row.Scan(&at, &id, &d.Submitted)
			d.ID = id
			return d, err
		})
		return list, classify(ctx, err)
	}, func(ctx context.Context, id int64) (done prune.Step, err error) {
		started := time.Now()
		err = s.write(ctx, func(tx pgx.Tx) error {
			done = prune.Step{}
			tag, err := tx.Exec(ctx, abandonDocument, id, before)
			if done.Looked = tag.RowsAffected(); err != nil || done.Looked == 0 {
				return err
			}
			if tag, err = tx.Exec(ctx, deleteChunks, id, prune.Chunks); err != nil || tag.RowsAffected() > 0 {
				return err
			}
			tag, err = tx.Exec(ctx, `DELETE FROM documents WHERE id = $1`, id)
			done.Removed = tag.RowsAffected()
			return err
		})
		if err != nil {
			return prune.Step{}, err
		}
		done.Took = time.Since(started)
		return done, nil
	})
}
