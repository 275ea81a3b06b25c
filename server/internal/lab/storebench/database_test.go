package storebench

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

// database is a store and a way past it.
type database struct {
	store.Store
	exec func(statement string) error
	dsn  string
	// deliveries is the queue on it, empties one whose jobs do nothing, both not started.
	deliveries func(testing.TB, delivery.Config) working
	empties    func(b testing.TB, jobs int, done func()) working
}

// working is a queue that can be started and stopped.
type working interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

var engines = map[string]func(testing.TB) database{"sqlite": openSQLite, "postgres": openPostgres}

func openSQLite(t testing.TB) database {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "bench.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	driver := riversqlite.New(db.Writer())
	require.NoError(t, db.Migrate(t.Context(), func(ctx context.Context) error {
		return delivery.Migrate(ctx, driver, slog.New(slog.DiscardHandler))
	}))
	inserter, err := delivery.NewInserter(driver, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return database{
		Store: sqlite.NewStore(db, inserter.EnqueueTx),
		exec: func(statement string) error {
			_, err := db.Writer().ExecContext(t.Context(), statement)
			return err
		},
		deliveries: deliveriesOn(driver),
		empties:    emptiesOn(driver),
	}
}

func openPostgres(t testing.TB) database {
	t.Helper()
	return openPostgresAt(t, pgtest.DSN(t))
}

func openPostgresAt(t testing.TB, dsn string) database {
	t.Helper()
	db, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context(), func(ctx context.Context, pool *pgxpool.Pool) error {
		return delivery.Migrate(ctx, riverpgxv5.New(pool), slog.New(slog.DiscardHandler))
	}))
	driver := riverpgxv5.New(db.Pool())
	inserter, err := delivery.NewInserter(driver, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return database{
		Store:      postgres.NewStore(db, inserter.EnqueueTx),
		dsn:        dsn,
		deliveries: deliveriesOn(driver),
		empties:    emptiesOn(driver),
		exec: func(statement string) error {
			conn, err := db.Pool().Acquire(t.Context())
			if err != nil {
				return err
			}
			defer conn.Release()
			_, err = conn.Exec(t.Context(), "SET statement_timeout = 0")
			if err == nil {
				_, err = conn.Exec(t.Context(), statement)
			}
			_, _ = conn.Exec(t.Context(), "RESET statement_timeout")
			return err
		},
	}
}

// fill stores n complete requests of as many clients, beside the sample. All but one of every so many
// have been through: they have an audit row, a recorded response, a notification and a delivery.
func (db database) fill(t testing.TB, n, every int) {
	t.Helper()
	require.NoError(t, db.Import(t.Context(), sample.Data(time.Now())))
	hash := "randomblob(32)"
	if db.dsn != "" {
		hash = "sha256(i::text::bytea)"
	}
	sample := "WHERE %s = '" + sample.Cases[0].ClientID + "'"
	done := fmt.Sprintf("i %% %d <> 0", every)
	for _, statement := range []string{
		`INSERT INTO clients (id, company_id, first_name, second_name, last_name, email, birth_date,
				phone_country_code, phone_number, country, address, created_at)
			SELECT 'client-' || i, company_id, first_name, second_name, last_name, 'client-' || i || '@example.com', birth_date,
				phone_country_code, phone_number, country, address, created_at FROM series, clients ` + fmt.Sprintf(sample, "clients.id"),
		`INSERT INTO documents (client_id, type, metadata, created_at)
			SELECT 'client-' || i, type, metadata, created_at FROM series, documents ` + fmt.Sprintf(sample, "client_id"),
		`INSERT INTO document_images SELECT d.id, s.side, s.media_type, s.content FROM documents d, document_images s
			WHERE d.client_id LIKE 'client-%' AND s.document_id = (SELECT id FROM documents ` + fmt.Sprintf(sample, "client_id") + `)`,
		`INSERT INTO requests SELECT 'request-' || i, 'client-' || i, product, CASE WHEN ` + done + ` THEN 'in_kyc' ELSE status END,
			evaluation, rejection_code, rejection_description, created_at, updated_at FROM series, requests ` + fmt.Sprintf(sample, "client_id"),
		`INSERT INTO audit (client_id, request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at)
			SELECT 'client-' || i, 'request-' || i, company_id, 'key', '', 'pending_documentation', 'in_kyc', 0, 0, created_at
			FROM series, clients ` + fmt.Sprintf(sample, "clients.id") + ` AND ` + done,
		`INSERT INTO idempotency (id, fingerprint, reply, created_at, client_id)
			SELECT ` + hash + `, ` + hash + `, ` + hash + `, created_at, 'client-' || i
			FROM series, clients ` + fmt.Sprintf(sample, "clients.id") + ` AND ` + done,
		`INSERT INTO notifications SELECT 'ntf-' || i, 'request-' || i, 'client-' || i, company_id, 'cards_individuals', 'in_kyc', created_at, 'delivered'
			FROM series, clients ` + fmt.Sprintf(sample, "clients.id") + ` AND ` + done,
		`INSERT INTO deliveries (notification_id, started_at, duration_us, status_code, fault, process, state)
			SELECT 'ntf-' || i, created_at, 1000, 204, '', 'bench', 'delivered'
			FROM series, clients ` + fmt.Sprintf(sample, "clients.id") + ` AND ` + done,
	} {
		if strings.Contains(statement, "series") {
			statement = series(n) + statement
		}
		require.NoError(t, db.exec(statement), statement)
	}
}

// series begins a statement that has the numbers from 0 to n-1.
func series(n int) string {
	return fmt.Sprintf("WITH RECURSIVE series (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM series WHERE i + 1 < %d) ", n)
}

// queueAll has every notification wait for its delivery.
func (db database) queueAll(t testing.TB) {
	t.Helper()
	args := `jsonb('{"notification_id":"' || id || '"}')`
	if db.dsn != "" {
		args = `('{"notification_id":"' || id || '"}')::jsonb`
	}
	for _, statement := range []string{
		`UPDATE notifications SET state = 'pending'`,
		`INSERT INTO river_job (args, kind, max_attempts) SELECT ` + args + `, 'notification_deliver', 10 FROM notifications`,
	} {
		require.NoError(t, db.exec(statement), statement)
	}
}

// settle does what a database does by itself after a while. PostgreSQL does it to all tables, unless some are named.
// Nothing has SQLite analyse its tables; where somebody did, it plans anew each time that a statement gets other values.
func (db database) settle(t testing.TB, tables ...string) {
	t.Helper()
	statements := []string{"PRAGMA wal_checkpoint(TRUNCATE)"}
	if db.dsn != "" {
		statements = []string{"VACUUM ANALYZE " + strings.Join(tables, ", ")}
	}
	for _, statement := range statements {
		require.NoError(t, db.exec(statement))
	}
}

// submission is of the request that fill numbered i.
func submission(i int) enablement.Call {
	return storetest.Keyed(enablement.Call{
		CompanyID: sample.Company,
		ClientID:  fmt.Sprintf("client-%d", i),
		RequestID: fmt.Sprintf("request-%d", i),
		KeyID:     "key_bench",
		TraceID:   "4bf92f3577b34da6a3ce929d0e0e4736",
	}, fmt.Sprint(i))
}

// submit submits the request that fill numbered i, which must enter KYC.
func (db database) submit(t testing.TB, i int) {
	change, err := storetest.Submit(t.Context(), db, submission(i), time.Now())
	if r := change.Request; err == nil && r.Status != enablement.InKYC {
		err = fmt.Errorf("request %d is %s: %v", i, r.Status, r.Evaluation)
	}
	if err != nil {
		t.Error(err)
	}
}

// listing returns the operation listProducts on the database, about the client that fill numbered i.
func (db database) listing(t testing.TB) func(i int) {
	t.Helper()
	company := server.AuthenticatorFunc(func(context.Context, string, netip.Addr) (server.Principal, error) {
		return server.Principal{CompanyID: sample.Company, AccessLevel: 1}, nil
	})
	handler, err := server.Handler(httpapi.New(httpapi.Config{Store: db, Clock: time.Now}),
		server.WithTimeout(time.Minute),
		server.WithAuthenticator(company), server.WithLogger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	return func(i int) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/management/clients/individuals/"+submission(i).ClientID+"/products", nil)
		r.Header.Set("x-api-key", "any")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK || strings.Count(w.Body.String(), `"client_id"`) != 1 {
			t.Errorf("client %d: %d %s", i, w.Code, w.Body)
		}
	}
}
