package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/prune"
)

const (
	insertUpload = `
		INSERT INTO documents (kept_for, type, metadata, created_at)
		SELECT id, ?3, ?4, ?5 FROM clients WHERE company_id = ?1 AND id = ?2 RETURNING id`
	insertImage = `
		INSERT INTO document_images (document_id, side, media_type, content)
		SELECT id, ?2, ?3, ?4 FROM documents WHERE id = ?1`
	insertChunk = `
		INSERT INTO document_chunks (document_id, side, n, content)
		SELECT document_id, side, ?3, ?4 FROM document_images WHERE document_id = ?1 AND side = ?2`
	supersedeDocument = `
		UPDATE documents SET client_id = NULL, kept_for = client_id, superseded_at = ?3 WHERE client_id = ?1 AND type = ?2`
	linkDocument = `
		UPDATE documents SET client_id = kept_for, kept_for = NULL
		WHERE id = ? AND kept_for = ? AND type = ? AND superseded_at IS NULL`
	selectPhoto = `
		SELECT 0, content FROM document_images WHERE document_id = ?1 AND side = ?2
		UNION ALL SELECT n, content FROM document_chunks WHERE document_id = ?1 AND side = ?2
		ORDER BY 1`

	// oldDocuments are kept for a client since a moment. Those that were submitted are to stay. SQLite finds no pair of
	// an expression and an id in an index, so that what is of the same moment is looked at again.
	oldDocuments = `
		SELECT CAST(coalesce(superseded_at, created_at) AS TEXT), id, EXISTS (
			SELECT 1 FROM requests r CROSS JOIN reviews v ON v.request_id = r.id CROSS JOIN json_each(v.documents) j
			WHERE r.client_id = d.kept_for AND j.value = d.id)
		FROM documents d
		WHERE kept_for IS NOT NULL AND coalesce(superseded_at, created_at) BETWEEN ?1 AND ?3
		  AND (coalesce(superseded_at, created_at) > ?1 OR id > ?2)
		ORDER BY coalesce(superseded_at, created_at), id LIMIT ?4`
	// abandonDocument has one that is being stored be as one that was superseded, so that no client gets it any more.
	abandonDocument = `
		UPDATE documents SET superseded_at = coalesce(superseded_at, created_at)
		WHERE id = ? AND kept_for IS NOT NULL AND coalesce(superseded_at, created_at) <= ?`
	deleteChunks = `
		DELETE FROM document_chunks WHERE rowid IN (SELECT rowid FROM document_chunks WHERE document_id = ? LIMIT ?)`
)

// Upload implements [enablement.Store].
func (s *Store) Upload(ctx context.Context, companyID, clientID string, u enablement.Upload, at time.Time) (id int64, err error) {
	metadata, err := json.Marshal(u.Metadata)
	if err != nil {
		return 0, err
	}
	if err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		found, err := present(tx.QueryRowContext(ctx, insertUpload, companyID, clientID, u.Type, string(metadata), moment(at)).Scan(&id))
		if !found && err == nil {
			return enablement.ErrClientNotFound
		}
		return err
	}); err != nil {
		return 0, err
	}
	for chunk := range store.Chunks(u) {
		if err := s.writeChunk(ctx, id, chunk); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func (s *Store) writeChunk(ctx context.Context, id int64, c store.Chunk) error {
	select {
	case s.uploading <- struct{}{}:
		defer func() { <-s.uploading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return putChunk(ctx, tx, id, c) })
}

// putChunk finds no document where its client is deleted meanwhile.
func putChunk(ctx context.Context, tx *sql.Tx, id int64, c store.Chunk) error {
	var stored int64
	var err error
	if c.N == 0 {
		stored, err = changed(tx.ExecContext(ctx, insertImage, id, c.Side, c.MediaType, c.Content))
	} else {
		stored, err = changed(tx.ExecContext(ctx, insertChunk, id, c.Side, c.N, c.Content))
	}
	if err == nil && stored == 0 {
		return enablement.ErrClientNotFound
	}
	return err
}

// putDocument makes an uploaded document its client's.
func putDocument(ctx context.Context, tx *sql.Tx, d batch.Document) error {
	if _, err := tx.ExecContext(ctx, supersedeDocument, d.ClientID, d.Type, moment(d.At)); err != nil {
		return err
	}
	linked, err := changed(tx.ExecContext(ctx, linkDocument, d.ID, d.ClientID, d.Type))
	if err == nil && linked == 0 {
		return batch.ErrUploadGone
	}
	return err
}

// Photo implements [store.Store].
func (s *Store) Photo(ctx context.Context, documentID int64, side string) (enablement.Photo, error) {
	chunks, err := collect(ctx, s.reading, func(row row) (content []byte, err error) { return content, row.Scan(new(int), &content) },
		selectPhoto, documentID, side)
	return store.Photo(chunks), classify(err)
}

// PruneDocuments implements [store.Store].
func (s *Store) PruneDocuments(ctx context.Context, before time.Time) (int64, error) {
	var at string // as it is stored
	var id int64
	scan := func(row row) (d prune.Document, err error) {
		err = row.Scan(&at, &id, &d.Submitted)
		d.ID = id
		return d, err
	}
	return prune.Documents(ctx, func(ctx context.Context) ([]prune.Document, error) {
		list, err := collect(ctx, s.reading, scan, oldDocuments, at, id, moment(before), prune.FirstStep)
		return list, classify(err)
	}, func(ctx context.Context, id int64) (prune.Step, error) {
		return s.step(ctx, func(ctx context.Context, tx *sql.Tx) (looked, removed int64, err error) {
			looked, err = changed(tx.ExecContext(ctx, abandonDocument, id, moment(before)))
			if err != nil || looked == 0 {
				return 0, 0, err
			}
			if chunks, err := changed(tx.ExecContext(ctx, deleteChunks, id, prune.Chunks)); err != nil || chunks > 0 {
				return looked, 0, err
			}
			removed, err = changed(tx.ExecContext(ctx, `DELETE FROM documents WHERE id = ?`, id))
			return looked, removed, err
		})
	})
}
