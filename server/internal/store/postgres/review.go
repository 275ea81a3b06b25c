package postgres

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	// insertReviews takes the ids of each one's documents as a text: a list of lists of many lengths can't be taken apart.
	insertReviews = `
		INSERT INTO reviews (request_id, submitted_at, client, documents)
		SELECT request_id, at, client, documents::bigint[]
		FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) a (request_id, at, client, documents)`
	decideReview = `UPDATE reviews SET decided_at = $2 WHERE request_id = $1`

	// missingReviews are of requests that were imported, or submitted by a program that knew no reviews.
	missingReviews = `
		INSERT INTO reviews (request_id, submitted_at)
		SELECT id, updated_at FROM requests r
		WHERE status = 'in_kyc' AND (SELECT request_id FROM reviews WHERE request_id = r.id) IS NULL`
	// passOver is for what others do at the same moment.
	passOver       = ` FOR KEY SHARE ON CONFLICT DO NOTHING`
	importedReview = missingReviews + ` AND id = $1` + passOver

	selectSubmitted = `
		SELECT r.id, r.product, r.status, coalesce(v.submitted_at, r.updated_at), v.client,` + clientColumns + `,` + documentColumns + `
		FROM requests r JOIN clients c ON c.id = r.client_id LEFT JOIN reviews v ON v.request_id = r.id
		LEFT JOIN LATERAL (
			SELECT * FROM documents
			WHERE id = ANY (coalesce(v.documents, ARRAY(SELECT id FROM documents WHERE client_id = r.client_id))) OFFSET 0) d ON true
		WHERE r.id = ANY (`
	ofSubmitted = `) ORDER BY coalesce(v.submitted_at, r.updated_at), r.id, d.id`
	undecided   = `ARRAY(
		SELECT v.request_id FROM reviews v JOIN requests r ON r.id = v.request_id
		WHERE v.decided_at IS NULL AND r.status = 'in_kyc' AND (v.submitted_at, v.request_id) > ($1, $2)
		ORDER BY v.submitted_at, v.request_id LIMIT $3)`
)

// holdReviews keeps what was submitted, and notes what was decided.
func holdReviews(tx *pipeline, w *batch.Writes) error {
	for _, d := range w.Decided {
		tx.hold(decideReview, d.RequestID, d.At)
	}
	n := len(w.Submitted)
	if n == 0 {
		return nil
	}
	ids, at, clients, documents := make([]string, n), make([]time.Time, n), make([]string, n), make([]string, n)
	for i, s := range w.Submitted {
		client, err := batch.EncodeClient(s.Client)
		if err != nil {
			return err
		}
		ids[i], at[i], clients[i], documents[i] = s.RequestID, s.At, client, arrayOf(batch.IDs(s.Documents))
	}
	tx.hold(insertReviews, ids, at, clients, documents)
	return nil
}

// arrayOf writes a list as PostgreSQL does.
func arrayOf(ids []int64) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// Submitted implements [store.Store].
func (s *Store) Submitted(ctx context.Context, requestID string) (enablement.Submitted, error) {
	if !storable(requestID) {
		return enablement.Submitted{}, enablement.ErrRequestNotFound
	}
	list, err := s.submitted(ctx, `$1::text[]`, []string{requestID})
	switch {
	case err != nil:
		return enablement.Submitted{}, err
	case len(list) == 0:
		return enablement.Submitted{}, enablement.ErrRequestNotFound
	case list[0].Status.Pending():
		return enablement.Submitted{}, enablement.ErrNotInKYC
	}
	return list[0], nil
}

// Undecided implements [store.Store].
func (s *Store) Undecided(ctx context.Context, after string, limit int) ([]enablement.Submitted, error) {
	var at time.Time
	if after != "" {
		err := s.pool.QueryRow(ctx, `SELECT submitted_at FROM reviews WHERE request_id = $1`, after).Scan(&at)
		if absent(err) {
			return nil, enablement.ErrRequestNotFound
		}
		if err != nil {
			return nil, classify(ctx, err)
		}
	}
	return s.submitted(ctx, undecided, at, after, limit)
}

// submitted reads requests with what was submitted, by the expression for their ids. What was not recorded is as it is now.
func (s *Store) submitted(ctx context.Context, ids string, args ...any) (list []enablement.Submitted, err error) {
	rows, err := s.pool.Query(ctx, selectSubmitted+ids+ofSubmitted, args...)
	if err != nil {
		return nil, classify(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var next enablement.Submitted
		var product, status string
		var recorded *string
		var c clientRow
		var d documentRow
		places := append([]any{&next.RequestID, &product, &status, &next.At, &recorded}, c.places()...)
		if err := rows.Scan(append(places, d.places()...)...); err != nil {
			return nil, err
		}
		if len(list) == 0 || list[len(list)-1].RequestID != next.RequestID {
			next.Product, next.Status, next.At = enablement.Product(product), enablement.Status(status), next.At.UTC()
			next.ClientID, next.CompanyID = c.ID, c.CompanyID
			if next.Now = recorded == nil; next.Now {
				next.Client, err = c.client()
			} else {
				next.Client, err = batch.DecodeClient(*recorded)
			}
			if err != nil {
				return nil, err
			}
			list = append(list, next)
		}
		if err := d.addTo(&list[len(list)-1].Documents); err != nil {
			return nil, err
		}
	}
	return list, classify(ctx, rows.Err())
}
