package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// The statements of a submission, in the order in which they are sent.
const (
	lockRequest = `
		SELECT r.product, r.status, r.evaluation, r.rejection_code, r.rejection_description, r.created_at, r.updated_at
		FROM requests r JOIN clients c ON c.id = r.client_id
		WHERE r.id = $1 AND r.client_id = $2 AND c.company_id = $3
		FOR NO KEY UPDATE OF r`

	// selectFile reads the client and the documents in one statement, so of one moment.
	selectFile = `
		SELECT c.first_name, c.last_name, c.email, c.birth_date, c.phone_country_code, c.phone_number, c.country,
		       d.type, d.metadata,
		       EXISTS (SELECT 1 FROM document_images WHERE document_id = d.id AND side = 'front'),
		       EXISTS (SELECT 1 FROM document_images WHERE document_id = d.id AND side = 'back')
		FROM clients c LEFT JOIN documents d ON d.client_id = c.id
		WHERE c.id = $1 AND c.company_id = $2
		ORDER BY d.id`

	insertAudit = `
		INSERT INTO audit (request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	insertNotification = `
		INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	updateRequest = `UPDATE requests SET status = $1, evaluation = $2, updated_at = $3 WHERE id = $4`
)

// Submit implements [enablement.Store].
//
// All is read in one round trip: the lock on the request first, so that what is read after it is not
// older than what the submission saw that had the lock before. The client and the documents are not
// locked: an import is seen as a whole or not at all, and a submission that did not see it came
// before it. All is written in a second round trip, with the job, and committed in a third. The
// request itself is written last: behind a new version of it, each row that refers to it would lock
// it once more.
func (s *Store) Submit(ctx context.Context, sub enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
	if !storable(sub.CompanyID) || !storable(sub.ClientID) {
		return enablement.Decision{}, enablement.ErrClientNotFound
	}
	var decision enablement.Decision
	err := repeat(ctx, func() (committing bool, err error) {
		decision, committing, err = s.submit(ctx, sub, decide)
		return committing, err
	})
	if err != nil {
		return enablement.Decision{}, err
	}
	return decision, nil
}

func (s *Store) submit(ctx context.Context, sub enablement.Submission, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, bool, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return enablement.Decision{}, false, err
	}
	defer conn.Release()
	var found lookup
	batch := found.batch(sub)
	results := conn.SendBatch(ctx, batch)
	err = results.Close()
	tx := &pipeline{Tx: results.Tx()}
	if err != nil {
		rollback(ctx, tx)
		return enablement.Decision{}, false, err
	}
	if reply, err := found.replay(sub.Idempotency); err != nil || reply != nil {
		rollback(ctx, tx)
		return enablement.Decision{Reply: reply, Replayed: true}, false, err
	}
	decision, err := s.decide(ctx, tx, sub, &found, decide)
	if err != nil {
		rollback(ctx, tx)
		return enablement.Decision{}, false, err
	}
	if err := tx.Commit(ctx); err != nil {
		rollback(ctx, tx)
		return enablement.Decision{}, tx.committing, err
	}
	return decision, true, nil
}

// decide decides on what was found and writes it, all but the commit.
func (s *Store) decide(ctx context.Context, tx *pipeline, sub enablement.Submission, found *lookup, decide func(enablement.File) (enablement.Decision, error)) (enablement.Decision, error) {
	switch {
	case !found.client:
		return enablement.Decision{}, enablement.ErrClientNotFound
	case !found.request:
		return enablement.Decision{}, enablement.ErrRequestNotFound
	}
	d, err := decide(found.file)
	if err != nil {
		return d, err
	}
	missing := d.Request.Evaluation.Missing
	tx.hold(insertAudit, d.Request.ID, sub.CompanyID, sub.KeyID, clean(sub.TraceID), string(d.From), string(d.Request.Status),
		len(missing.Documents)+len(missing.Data), len(d.Request.Evaluation.Rejected), d.At)
	if n := d.Notification; n != nil {
		tx.hold(insertNotification, n.ID, n.RequestID, n.ClientID, n.CompanyID, string(n.Product), string(n.Status),
			n.SubmittedAt, string(enablement.NotificationPending))
	}
	if key := sub.Idempotency; key != nil {
		tx.hold(upsertReply, key.ID[:], key.Fingerprint[:], d.Reply, d.At)
	}
	if d.Changed {
		evaluation, err := json.Marshal(d.Request.Evaluation)
		if err != nil {
			return d, err
		}
		tx.hold(updateRequest, string(d.Request.Status), string(evaluation), d.Request.UpdatedAt, d.Request.ID)
	}
	if d.Notification != nil {
		err = s.enqueue(ctx, tx, d.Notification.ID)
	}
	return d, err
}

// lookup is what a submission reads. Whatever belongs to another company is not found.
type lookup struct {
	file            enablement.File
	client, request bool

	// locked tells whether no other process works on the idempotency key.
	locked bool
	// recorded tells whether the key has a reply, in its window.
	recorded           bool
	fingerprint, reply []byte
}

// batch begins the transaction and reads into l.
func (l *lookup) batch(sub enablement.Submission) *pgx.Batch {
	batch := &pgx.Batch{}
	batch.BeginTx(readCommitted)
	if sub.Idempotency != nil {
		batch.Queue(lockReply, lockID(sub.Idempotency)).QueryRow(func(row pgx.Row) error { return row.Scan(&l.locked) })
	}
	if storable(sub.RequestID) {
		batch.Queue(lockRequest, sub.RequestID, sub.ClientID, sub.CompanyID).Query(func(rows pgx.Rows) error {
			return l.scanRequest(rows, sub)
		})
	}
	batch.Queue(selectFile, sub.ClientID, sub.CompanyID).Query(func(rows pgx.Rows) error {
		return l.scanFile(rows, sub)
	})
	if sub.Idempotency != nil {
		// Behind the lock on the request: what was recorded while it was waited for is seen.
		batch.Queue(selectReply, sub.Idempotency.ID[:], sub.Idempotency.Since).Query(l.scanReply)
	}
	return batch
}

func (l *lookup) scanRequest(rows pgx.Rows, sub enablement.Submission) error {
	for rows.Next() {
		var product, status, evaluation string
		r := enablement.Request{ID: sub.RequestID, ClientID: sub.ClientID, CompanyID: sub.CompanyID}
		if err := rows.Scan(&product, &status, &evaluation, &r.RejectionCode, &r.RejectionDescription, &r.CreatedAt, &r.UpdatedAt); err != nil {
			return err
		}
		r.Product, r.Status = enablement.Product(product), enablement.Status(status)
		r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
		if evaluation != "" {
			if err := json.Unmarshal([]byte(evaluation), &r.Evaluation); err != nil {
				return fmt.Errorf("stored evaluation: %w", err)
			}
		}
		l.file.Request, l.request = r, true
	}
	return rows.Err()
}

func (l *lookup) scanFile(rows pgx.Rows, sub enablement.Submission) error {
	for rows.Next() {
		c := &l.file.Client
		var kind, metadata *string // NULL where the client has no document
		var front, back bool
		if err := rows.Scan(&c.FirstName, &c.LastName, &c.Email, &c.BirthDate, &c.PhoneCountryCode, &c.PhoneNumber, &c.Country,
			&kind, &metadata, &front, &back); err != nil {
			return err
		}
		c.ID, c.CompanyID = sub.ClientID, sub.CompanyID
		l.client = true
		if kind == nil {
			continue
		}
		d := enablement.Document{Type: *kind, FrontImage: front, BackImage: back}
		if err := json.Unmarshal([]byte(*metadata), &d.Metadata); err != nil {
			return fmt.Errorf("stored metadata: %w", err)
		}
		l.file.Documents = append(l.file.Documents, d)
	}
	return rows.Err()
}
