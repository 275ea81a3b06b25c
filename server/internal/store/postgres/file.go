package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
)

const (
	clientColumns = `
		c.id, c.company_id, c.status, c.first_name, c.second_name, c.last_name, c.email, c.birth_date,
		c.phone_country_code, c.phone_number, c.address, c.created_at, coalesce(c.updated_at, c.created_at)`
	selectClients = `SELECT ` + clientColumns + ` FROM clients c WHERE company_id = $1`

	// lockEmail has one change at a time look whether somebody has the e-mail, until its transaction ends. A unique
	// index would refuse twins that were imported. Its ids are of two parts: they never meet those of the idempotency
	// keys, which are of one.
	lockEmail  = `SELECT pg_advisory_xact_lock(1, $1)`
	selectTwin = `
		SELECT (SELECT id FROM clients
			WHERE company_id = $1 AND lower(email COLLATE "C") = lower($2::text COLLATE "C") AND id <> $3 LIMIT 1) IS NOT NULL`
	lockClient = `SELECT 1 FROM clients WHERE id = $1 AND company_id = $2 FOR UPDATE`
	// lockRequest keeps submissions out, which lock nothing else.
	lockRequest = `SELECT 1 FROM requests WHERE id = $1 AND client_id = $2 FOR NO KEY UPDATE`

	requestColumns = `
		r.id, r.client_id, r.product, r.status, r.evaluation, r.rejection_code, r.rejection_description, r.created_at, r.updated_at`
	selectRequests = `
		SELECT ` + requestColumns + ` FROM requests r
		WHERE client_id = (SELECT id FROM clients WHERE id = $1 AND company_id = $2)
		ORDER BY created_at DESC, id DESC`
)

// Client implements [enablement.Store].
func (s *Store) Client(ctx context.Context, companyID, clientID string) (enablement.Client, error) {
	c, err := scanClient(s.pool.QueryRow(ctx, selectClients+` AND id = $2`, companyID, clientID))
	if absent(err) {
		return enablement.Client{}, enablement.ErrClientNotFound
	}
	return c, classify(ctx, err)
}

// Clients implements [enablement.Store].
func (s *Store) Clients(ctx context.Context, companyID string) ([]enablement.Client, error) {
	rows, err := s.pool.Query(ctx, selectClients+` ORDER BY created_at DESC, id DESC`, companyID)
	if err != nil {
		return nil, classify(ctx, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (enablement.Client, error) { return scanClient(row) })
	return list, classify(ctx, err)
}

// File implements [enablement.Store]. All is read in one round trip.
func (s *Store) File(ctx context.Context, companyID, clientID string) (enablement.File, error) {
	if !storable(companyID) || !storable(clientID) {
		return enablement.File{}, enablement.ErrClientNotFound
	}
	var whole *batch.Submission
	err := repeat(ctx, func() (committing bool, err error) {
		whole = &batch.Submission{Call: enablement.Call{CompanyID: companyID, ClientID: clientID}, Whole: true}
		b := &pgx.Batch{}
		b.BeginTx(pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		readFile(b, whole)
		b.Queue("commit")
		return false, s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return conn.SendBatch(ctx, b).Close() })
	})
	switch {
	case err != nil:
		return enablement.File{}, err
	case whole.Fault != nil:
		return enablement.File{}, whole.Fault
	case !whole.ClientFound:
		return enablement.File{}, enablement.ErrClientNotFound
	}
	return whole.File, nil
}

// loadWhole begins the transaction of a change and reads its file. Its locks come first, each before what is read
// behind it: the e-mail's, the client's, the request's.
func loadWhole(s *batch.Submission) *pgx.Batch {
	s.Reset()
	keys := make(keyed)
	if s.Idempotency != nil {
		keys.add(s)
	}
	b := &pgx.Batch{}
	b.BeginTx(readCommitted)
	keys.lock(b)
	if s.Email != "" {
		b.Queue(lockEmail, emailID(s.CompanyID, s.Email))
		b.Queue(selectTwin, s.CompanyID, s.Email, s.ClientID).QueryRow(func(row pgx.Row) error { return row.Scan(&s.File.EmailTaken) })
	}
	if !s.Creates() {
		b.Queue(lockClient, s.ClientID, s.CompanyID)
		if s.RequestID != "" && storable(s.RequestID) {
			b.Queue(lockRequest, s.RequestID, s.ClientID)
		}
		readFile(b, s)
	}
	keys.read(b)
	return b
}

// emailID is a part of a hash: another e-mail with the same one at most waits for it.
func emailID(companyID, email string) int32 {
	hash := sha256.Sum256([]byte(companyID + " " + strings.ToLower(email)))
	return int32(binary.BigEndian.Uint32(hash[:])) //nolint:gosec // any bits will do
}

// readFile reads the client, its documents and its requests.
func readFile(b *pgx.Batch, s *batch.Submission) {
	b.Queue(selectFiles, []string{""}, []string{s.ClientID}, []string{s.CompanyID}).
		Query(func(rows pgx.Rows) error { return scanFiles(rows, []*batch.Submission{s}, wait) })
	b.Queue(selectRequests, s.ClientID, s.CompanyID).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var r requestRow
			if err := rows.Scan(r.places()...); err != nil {
				return err
			}
			s.File.Requests = append(s.File.Requests, r.of(s))
		}
		return rows.Err()
	})
}

// requestRow is a request as it is read.
type requestRow struct {
	enablement.Request
	product, status, evaluation string
}

func (r *requestRow) places() []any {
	return []any{&r.ID, &r.ClientID, &r.product, &r.status, &r.evaluation, &r.RejectionCode, &r.RejectionDescription, &r.CreatedAt, &r.UpdatedAt}
}

// of returns the request, which is one of the file's client.
func (r *requestRow) of(s *batch.Submission) enablement.Request {
	r.CompanyID, r.Product, r.Status = s.CompanyID, enablement.Product(r.product), enablement.Status(r.status)
	r.CreatedAt, r.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	if r.evaluation != "" {
		if err := json.Unmarshal([]byte(r.evaluation), &r.Evaluation); err != nil {
			s.Fault = fmt.Errorf("stored evaluation: %w", err)
		}
	}
	return r.Request
}

// clientRow is a client as it is read.
type clientRow struct {
	enablement.Client
	status, address string
}

func (c *clientRow) places() []any {
	return []any{&c.ID, &c.CompanyID, &c.status, &c.FirstName, &c.SecondName, &c.LastName, &c.Email, &c.BirthDate,
		&c.PhoneCountryCode, &c.PhoneNumber, &c.address, &c.CreatedAt, &c.UpdatedAt}
}

func (c *clientRow) client() (enablement.Client, error) {
	c.Status = enablement.ClientStatus(c.status)
	c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	if err := json.Unmarshal([]byte(c.address), &c.Address); err != nil {
		return c.Client, fmt.Errorf("stored address: %w", err)
	}
	return c.Client, nil
}

func scanClient(row pgx.Row) (enablement.Client, error) {
	var c clientRow
	if err := row.Scan(c.places()...); err != nil {
		return enablement.Client{}, err
	}
	return c.client()
}
