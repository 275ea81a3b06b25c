package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

// The statements of submissions that share a transaction, in the order in which they are sent. Each takes
// lists, one entry for each submission.
//
// The planner makes one plan for all lengths of the lists, perhaps when a table is still empty, and must not
// be led into temptation. A LATERAL query that locks, or has an OFFSET, is asked once for each entry, by
// index; so is a query for a value, while EXISTS may be answered by reading all there is; = ANY offers the
// index to an update; and IS NOT DISTINCT FROM keeps a request from being looked up by way of its client,
// who may have many.
const (
	lockRequests = `
		SELECT a.n, ` + requestColumns + `
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY a (request_id, client_id, company_id, n),
		LATERAL (
			SELECT * FROM requests
			WHERE id = a.request_id AND client_id IS NOT DISTINCT FROM a.client_id
			  AND EXISTS (SELECT 1 FROM clients WHERE id = a.client_id AND company_id = a.company_id)
			FOR NO KEY UPDATE`
	lockedRequests = `) r`

	// selectFiles reads the clients and the documents in one statement, so of one moment. It tells of
	// each request whether it is there.
	selectFiles = `
		SELECT a.n, ` + clientColumns + `,
		       (SELECT id FROM requests WHERE id = a.request_id AND client_id IS NOT DISTINCT FROM a.client_id) IS NOT NULL,` + documentColumns + `
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY a (request_id, client_id, company_id, n)
		CROSS JOIN LATERAL (SELECT * FROM clients WHERE id = a.client_id AND company_id = a.company_id OFFSET 0) c
		LEFT JOIN LATERAL (SELECT * FROM documents WHERE client_id = a.client_id OFFSET 0) d ON true
		ORDER BY a.n, d.id`

	insertAudit = `
		INSERT INTO audit (operation, client_id, request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
			$9::int[], $10::int[], $11::timestamptz[])`

	insertNotifications = `
		INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state)
		SELECT *, 'pending' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])`

	insertRequest = `
		INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	updateRequests = `
		UPDATE requests r SET status = a.status, evaluation = a.evaluation, rejection_code = a.rejection_code,
		  rejection_description = a.rejection_description, updated_at = a.updated_at
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
		  a (id, status, evaluation, rejection_code, rejection_description, updated_at)
		WHERE r.id = a.id AND r.id = ANY ($1)`
)

// submissions is how many transactions of submissions are open at a time, where there are enough of them:
// while one waits for the database, another one decides. With more, each has fewer to share its cost.
const submissions = 2

// Submit implements [enablement.Store]. Submissions that come together share a transaction, unless one
// has to wait for a lock: it goes on alone.
func (s *Store) Submit(ctx context.Context, call enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	if !storable(call.CompanyID) || !storable(call.ClientID) {
		return enablement.Change{}, enablement.ErrClientNotFound
	}
	return s.submitting.Submit(ctx, call, decide)
}

// locking is what to do about a request that another transaction holds.
type locking string

const (
	wait locking = ""
	skip locking = " SKIP LOCKED"
)

// submit makes a transaction of submissions.
//
// All is read in one round trip: the locks on the requests first, so that what is read after them is not
// older than what the submission saw that had the lock before. The clients and the documents are not
// locked: an import is seen as a whole or not at all, and a submission that did not see it came
// before it. All is written in a second round trip, with the jobs, and committed in a third.
func (s *Store) submit(ctx context.Context, subs []*batch.Submission, locking locking) error {
	return s.transact(ctx, subs, func() *pgx.Batch { return load(subs, locking) })
}

// Change implements [enablement.Store].
func (s *Store) Change(ctx context.Context, call enablement.Call, decide func(enablement.File) (enablement.Change, error)) (enablement.Change, error) {
	if !storable(call.CompanyID) || !storable(call.ClientID) {
		return enablement.Change{}, enablement.ErrClientNotFound
	}
	whole := batch.NewWhole(ctx, call, decide)
	if err := s.transact(ctx, []*batch.Submission{whole}, func() *pgx.Batch { return loadWhole(whole) }); err != nil {
		return enablement.Change{}, err
	}
	return whole.Change, whole.Err
}

// transact makes a transaction that load begins: it reads into the submissions.
func (s *Store) transact(ctx context.Context, subs []*batch.Submission, load func() *pgx.Batch) error {
	return repeat(ctx, func() (committing bool, err error) {
		conn, err := s.pool.Acquire(ctx)
		if err != nil {
			return false, err
		}
		defer conn.Release()
		results := conn.SendBatch(ctx, load())
		err = results.Close()
		tx := &pipeline{Tx: results.Tx()}
		if err != nil {
			rollback(ctx, tx)
			return false, err
		}
		writes := batch.Decide(subs)
		if writes.Empty() {
			rollback(ctx, tx)
			return false, nil
		}
		if err := s.put(ctx, tx, writes); err != nil {
			rollback(ctx, tx)
			return false, err
		}
		if err := tx.Commit(ctx); err != nil {
			rollback(ctx, tx)
			return tx.committing, err
		}
		return true, nil
	})
}

// load begins the transaction and reads into the submissions.
func load(subs []*batch.Submission, locking locking) *pgx.Batch {
	ids := make([][]string, 3)
	keys := make(keyed)
	for _, s := range subs {
		s.Reset()
		requestID := s.RequestID
		if !storable(requestID) {
			requestID = "" // no request's
		}
		ids[0], ids[1], ids[2] = append(ids[0], requestID), append(ids[1], s.ClientID), append(ids[2], s.CompanyID)
		if s.Idempotency != nil {
			keys.add(s)
		}
	}
	b := &pgx.Batch{}
	b.BeginTx(readCommitted)
	keys.lock(b)
	b.Queue(lockRequests+string(locking)+lockedRequests, ids[0], ids[1], ids[2]).Query(func(rows pgx.Rows) error { return scanRequests(rows, subs) })
	b.Queue(selectFiles, ids[0], ids[1], ids[2]).Query(func(rows pgx.Rows) error { return scanFiles(rows, subs, locking) })
	// Behind the lock on the request: what was recorded while it was waited for is seen.
	keys.read(b)
	return b
}

func scanRequests(rows pgx.Rows, subs []*batch.Submission) error {
	for rows.Next() {
		var n int
		var r requestRow
		if err := rows.Scan(append([]any{&n}, r.places()...)...); err != nil {
			return err
		}
		s := subs[n-1]
		s.File.Request, s.RequestFound = r.of(s), true
	}
	return rows.Err()
}

func scanFiles(rows pgx.Rows, subs []*batch.Submission, locking locking) error {
	for rows.Next() {
		var n int
		var c clientRow
		var d documentRow
		var requested bool
		places := append([]any{&n}, c.places()...)
		if err := rows.Scan(append(append(places, &requested), d.places()...)...); err != nil {
			return err
		}
		s := subs[n-1]
		client, err := c.client()
		if err != nil {
			s.Fault = err
		}
		s.File.Client, s.ClientFound = client, true
		s.Locked = locking == skip && requested && !s.RequestFound
		if err := d.addTo(&s.File.Documents); err != nil {
			s.Fault = err
		}
	}
	return rows.Err()
}

// put gives the transaction what is to be written, and sends it, with the jobs, unless there are none.
func (s *Store) put(ctx context.Context, tx *pipeline, w *batch.Writes) error {
	for _, c := range w.Clients {
		address, err := json.Marshal(c.Address)
		if err != nil {
			return err
		}
		tx.hold(replaceClient, clientValues(c, address)...)
	}
	for _, r := range w.Requested {
		evaluation, err := json.Marshal(r.Evaluation)
		if err != nil {
			return err
		}
		tx.hold(insertRequest, r.ID, r.ClientID, string(r.Product), string(r.Status), string(evaluation),
			r.RejectionCode, r.RejectionDescription, r.CreatedAt, r.UpdatedAt)
	}
	for _, d := range w.Documents {
		if err := putDocument(ctx, tx, d); err != nil {
			return err
		}
	}
	// Before the requests: the check of their ids locks a row that is locked already, not its new version.
	if err := holdReviews(tx, w); err != nil {
		return err
	}
	holdAudit(tx, w.Audit)
	if len(w.Notifications) > 0 {
		holdNotifications(tx, w.Notifications)
	}
	if len(w.Records) > 0 {
		holdRecords(tx, w.Records)
	}
	if len(w.Requests) > 0 {
		if err := holdRequests(tx, w.Requests); err != nil {
			return err
		}
	}
	for _, id := range w.Deleted {
		if err := deleteClient(ctx, tx, id); err != nil {
			return err
		}
	}
	if len(w.Notifications) == 0 {
		return nil
	}
	ids := make([]string, len(w.Notifications))
	for i, n := range w.Notifications {
		ids[i] = n.ID
	}
	return s.enqueue(ctx, tx, []enablement.Due{{NotificationIDs: ids}})
}

func holdAudit(tx *pipeline, rows []batch.Audit) {
	n := len(rows)
	operations, clients := make([]string, n), make([]string, n)
	requests, companies, keys, traces := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	from, to := make([]string, n), make([]string, n)
	missing, rejected, at := make([]int, n), make([]int, n), make([]time.Time, n)
	for i, r := range rows {
		operations[i], clients[i] = r.Operation, r.ClientID
		requests[i], companies[i], keys[i], traces[i] = r.RequestID, r.CompanyID, r.KeyID, clean(r.TraceID)
		from[i], to[i] = string(r.From), string(r.To)
		missing[i], rejected[i], at[i] = r.Missing, r.Rejected, r.At
	}
	tx.hold(insertAudit, operations, clients, requests, companies, keys, traces, from, to, missing, rejected, at)
}

func holdNotifications(tx *pipeline, notifications []enablement.Notification) {
	n := len(notifications)
	ids, requests, clients, companies := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	products, statuses, at := make([]string, n), make([]string, n), make([]time.Time, n)
	for i, n := range notifications {
		ids[i], requests[i], clients[i], companies[i] = n.ID, n.RequestID, n.ClientID, n.CompanyID
		products[i], statuses[i], at[i] = string(n.Product), string(n.Status), n.SubmittedAt
	}
	tx.hold(insertNotifications, ids, requests, clients, companies, products, statuses, at)
}

func holdRequests(tx *pipeline, requests []enablement.Request) error {
	n := len(requests)
	ids, statuses, evaluations, at := make([]string, n), make([]string, n), make([]string, n), make([]time.Time, n)
	codes, descriptions := make([]string, n), make([]string, n)
	for i, r := range requests {
		evaluation, err := json.Marshal(r.Evaluation)
		if err != nil {
			return err
		}
		ids[i], statuses[i], evaluations[i], at[i] = r.ID, string(r.Status), string(evaluation), r.UpdatedAt
		codes[i], descriptions[i] = r.RejectionCode, r.RejectionDescription
	}
	tx.hold(updateRequests, ids, statuses, evaluations, codes, descriptions, at)
	return nil
}
