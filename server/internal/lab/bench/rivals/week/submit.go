package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	selectRequest = `
		SELECT id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at
		FROM requests WHERE id = $1 AND client_id = $2`
	selectClient = `
		SELECT id, company_id, status, first_name, second_name, last_name, email, birth_date, phone_country_code, phone_number,
		       address, created_at, updated_at FROM clients WHERE id = $1 AND company_id = $2`
	selectDocuments = `
		SELECT id, type, metadata,
		       EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'front'),
		       EXISTS (SELECT 1 FROM document_images WHERE document_id = id AND side = 'back')
		FROM documents WHERE client_id = $1 ORDER BY id`
	updateRequest = `UPDATE requests SET status = $1, evaluation = $2, updated_at = $3 WHERE id = $4`
	insertAudit   = `
		INSERT INTO audit (operation, client_id, request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
		VALUES ('submitProduct', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	insertNotification = `
		INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending')`
	insertReview = `INSERT INTO reviews (request_id, submitted_at, client, documents) VALUES ($1, $2, $3, $4)`
)

// submit submits a request in one transaction.
func submit(ctx context.Context, db database, call enablement.Call) (change enablement.Change, err error) {
	err = db.transact(ctx, func(tx transaction) error {
		file, err := load(ctx, tx, db.dialect(), call)
		if err != nil {
			return err
		}
		if change, err = enablement.Submit(file, time.Now(), enablement.NewNotificationID); err != nil {
			return err
		}
		return put(ctx, tx, db.dialect(), call, change)
	})
	return change, err
}

// load locks the request and reads what the decision needs.
func load(ctx context.Context, tx transaction, d dialect, call enablement.Call) (f enablement.File, err error) {
	var evaluation, address string
	var updated *time.Time // NULL: as it was created
	if err := tx.each(ctx, func(r row) error {
		return r.Scan(&f.Request.ID, &f.Request.ClientID, &f.Request.Product, &f.Request.Status, &evaluation,
			&f.Request.RejectionCode, &f.Request.RejectionDescription, &f.Request.CreatedAt, &f.Request.UpdatedAt)
	}, selectRequest+d.lock, call.RequestID, call.ClientID); err != nil {
		return f, err
	}
	if err := tx.each(ctx, func(r row) error {
		c := &f.Client
		return r.Scan(&c.ID, &c.CompanyID, &c.Status, &c.FirstName, &c.SecondName, &c.LastName, &c.Email, &c.BirthDate,
			&c.PhoneCountryCode, &c.PhoneNumber, &address, &c.CreatedAt, &updated)
	}, selectClient, call.ClientID, call.CompanyID); err != nil {
		return f, err
	}
	switch {
	case f.Client.ID == "":
		return f, enablement.ErrClientNotFound
	case f.Request.ID == "":
		return f, enablement.ErrRequestNotFound
	}
	f.Request.CompanyID = call.CompanyID
	f.Request.CreatedAt, f.Request.UpdatedAt = f.Request.CreatedAt.UTC(), f.Request.UpdatedAt.UTC()
	f.Client.CreatedAt, f.Client.UpdatedAt = f.Client.CreatedAt.UTC(), f.Client.CreatedAt.UTC()
	if updated != nil {
		f.Client.UpdatedAt = updated.UTC()
	}
	if evaluation != "" {
		if err := json.Unmarshal([]byte(evaluation), &f.Request.Evaluation); err != nil {
			return f, err
		}
	}
	if err := json.Unmarshal([]byte(address), &f.Client.Address); err != nil {
		return f, err
	}
	return f, tx.each(ctx, func(r row) error {
		var document enablement.Document
		var metadata string
		if err := r.Scan(&document.ID, &document.Type, &metadata, &document.FrontImage, &document.BackImage); err != nil {
			return err
		}
		f.Documents = append(f.Documents, document)
		return json.Unmarshal([]byte(metadata), &f.Documents[len(f.Documents)-1].Metadata)
	}, selectDocuments, call.ClientID)
}

// put writes what was decided, and the job with it.
func put(ctx context.Context, tx transaction, d dialect, call enablement.Call, c enablement.Change) error {
	r := c.Request
	if c.Changed {
		evaluation, err := json.Marshal(r.Evaluation)
		if err != nil {
			return err
		}
		if err := tx.exec(ctx, updateRequest, string(r.Status), string(evaluation), r.UpdatedAt, r.ID); err != nil {
			return err
		}
	}
	missing := len(r.Evaluation.Missing.Documents) + len(r.Evaluation.Missing.Data)
	if err := tx.exec(ctx, insertAudit, r.ClientID, r.ID, call.CompanyID, call.KeyID, call.TraceID, string(c.From), string(r.Status),
		missing, len(r.Evaluation.Rejected), c.At); err != nil {
		return err
	}
	if c.Notification == nil {
		return nil
	}
	n := c.Notification
	if err := tx.exec(ctx, insertNotification, n.ID, n.RequestID, n.ClientID, n.CompanyID, string(n.Product), string(n.Status), n.SubmittedAt); err != nil {
		return err
	}
	client, err := batch.EncodeClient(c.Submitted.Client)
	if err != nil {
		return err
	}
	documents, err := d.list(batch.IDs(c.Submitted.Documents))
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, insertReview, r.ID, c.At, client, documents); err != nil {
		return err
	}
	return tx.enqueue(ctx, jobArgs{n.ID})
}
