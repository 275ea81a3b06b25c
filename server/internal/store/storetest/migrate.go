package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// Before is a database with the schema of version 2.
type Before struct {
	// Exec runs statements, separated by semicolons.
	Exec func(statements string) error
	// Rows returns the columns of a query, and its rows.
	Rows func(query string) (columns []string, rows [][]any)
	// Migrate brings the database up to date and opens a store in it.
	Migrate func() Fixture
}

// version2 fills every table as a program of version 2 does.
const version2 = `
	INSERT INTO companies (id, name, created_at) VALUES ('cmp_1', 'Company', '2026-04-15 09:00:00+00:00');
	INSERT INTO api_keys (id, company_id, prefix, hash, level, allow, created_at)
		VALUES ('key_1', 'cmp_1', 'ek_1', 'hash', 3, '', '2026-04-15 09:00:00+00:00');
	INSERT INTO clients (id, company_id, first_name, second_name, last_name, email, birth_date,
		phone_country_code, phone_number, country, address, created_at) VALUES
		('cl_1', 'cmp_1', 'Ana', 'Eva', 'Example', 'ana@example.com', '1984-11-21', 54, 91123456789, 'ARG',
			'{"street_line1":"Calle 1","city":"Del Viso","state":"ARG-B","country":"ARG"}', '2026-04-15 09:00:00+00:00'),
		('cl_2', 'cmp_1', 'Ana', '', 'Example', 'ANA@example.com', '', 0, 0, '', '{}', '2026-04-15 09:00:01+00:00');
	INSERT INTO documents (client_id, type, metadata, created_at) VALUES
		('cl_1', 'passport', '{"number":"TEST0001"}', '2026-04-15 09:00:00+00:00');
	INSERT INTO document_images (document_id, side, media_type, content)
		SELECT id, 'front', 'image/png', 'photo' FROM documents;
	INSERT INTO requests (id, client_id, product, status, evaluation, rejection_code, rejection_description, created_at, updated_at) VALUES
		('rq_1', 'cl_1', 'cards_individuals', 'in_kyc', '{"missing":{"documents":[],"data":[]},"rejected":[]}', '', '', '2026-04-15 09:00:00+00:00', '2026-04-15 10:00:00+00:00'),
		('rq_2', 'cl_1', 'ramps_pix', 'enabled', '', '', '', '2026-04-15 09:00:00+00:00', '2026-04-15 09:00:00+00:00'),
		('rq_3', 'cl_2', 'ramps_cards', 'pending_documentation', '', '', '', '2026-04-15 09:00:00+00:00', '2026-04-15 09:00:00+00:00');
	INSERT INTO audit (request_id, company_id, key_id, trace_id, from_status, to_status, missing, rejected, at) VALUES
		('rq_1', 'cmp_1', 'key_1', 'trace_1', 'requested', 'pending_documentation', 2, 1, '2026-04-15 09:30:00+00:00'),
		('rq_1', 'cmp_1', 'key_1', 'trace_2', 'pending_documentation', 'in_kyc', 0, 0, '2026-04-15 10:00:00+00:00');
	INSERT INTO idempotency (id, fingerprint, reply, created_at) VALUES
		('one', 'print', '{"product":{"id":"rq_1","client_id":"cl_1","status":"in_kyc"}}', '2026-04-15 10:00:00+00:00'),
		('two', 'print', 'no JSON', '2026-04-15 10:00:00+00:00');
	INSERT INTO notifications (id, request_id, client_id, company_id, product, status, submitted_at, state) VALUES
		('ntf_1', 'rq_1', 'cl_1', 'cmp_1', 'cards_individuals', 'in_kyc', '2026-04-15 10:00:00+00:00', 'dead');
	INSERT INTO deliveries (notification_id, started_at, duration_us, status_code, fault, process, state) VALUES
		('ntf_1', '2026-04-15 10:00:00+00:00', 12, 503, 'answered 503', 'process', 'pending'),
		('ntf_1', '2026-04-15 11:00:00+00:00', 34, 410, 'answered 410', 'process', 'dead')`

// ExerciseMigration migrates a database that a program of version 2 filled.
func ExerciseMigration(t *testing.T, b Before) {
	require.NoError(t, b.Exec(version2))
	type table struct {
		columns []string
		rows    [][]any
	}
	tables := map[string]table{}
	for _, name := range []string{
		"companies", "api_keys", "clients", "documents", "document_images", "requests", "audit", "idempotency", "notifications", "deliveries",
	} {
		columns, rows := b.Rows("SELECT * FROM " + name + " ORDER BY 1")
		require.NotEmpty(t, rows, name)
		tables[name] = table{columns, rows}
	}
	f := b.Migrate()
	for name, before := range tables {
		_, rows := b.Rows("SELECT " + strings.Join(before.columns, ", ") + " FROM " + name + " ORDER BY 1")
		require.Equal(t, before.rows, rows, name)
	}

	require.Equal(t, 1, f.Count(`clients WHERE id = 'cl_1' AND status = 'active'`), "it has a request that is enabled")
	require.Equal(t, 1, f.Count(`clients WHERE id = 'cl_2' AND status = 'pending'`))
	require.Equal(t, 1, f.Count(`idempotency WHERE client_id = 'cl_1'`), "its reply names the client")
	require.Equal(t, 1, f.Count(`idempotency WHERE client_id = ''`))
	require.Equal(t, 2, f.Count(`audit WHERE operation = 'submitProduct' AND client_id = ''`))

	n, err := f.Notification(t.Context(), "ntf_1")
	require.NoError(t, err)
	require.Equal(t, enablement.NotificationDead, n.State)
	require.Equal(t, 2, n.Attempts)
	request, _, err := submitAt(t, f, enablement.Call{CompanyID: "cmp_1", ClientID: "cl_2", RequestID: "rq_3"}, now)
	require.NoError(t, err)
	require.Equal(t, enablement.PendingDocumentation, request.Status)

	list, err := f.Undecided(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	file, err := f.File(t.Context(), "cmp_1", "cl_1")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"number": "TEST0001"}, file.Documents[0].Metadata)
	require.Equal(t, enablement.Submitted{
		RequestID: "rq_1", ClientID: "cl_1", CompanyID: "cmp_1", Product: enablement.CardsIndividuals, Status: enablement.InKYC,
		At: time.Date(2026, time.April, 15, 10, 0, 0, 0, time.UTC), Client: file.Client, Documents: file.Documents, Now: true,
	}, list[0])
	photo, err := f.Photo(t.Context(), file.Documents[0].ID, "front")
	require.NoError(t, err)
	require.Equal(t, "photo", string(photo.Content))
	require.Error(t, b.Exec(`UPDATE documents SET client_id = NULL`), "it is somebody's")
	require.Error(t, b.Exec(`UPDATE documents SET kept_for = client_id`), "it is not both")
	require.Error(t, b.Exec(`INSERT INTO documents (client_id, type, metadata, created_at)
		SELECT client_id, type, metadata, created_at FROM documents`), "a client has one of a type")

	require.NoError(t, b.Exec(`DELETE FROM requests WHERE id = 'rq_1'`), "nothing that is kept for good refers to it")
	require.NoError(t, b.Exec(`UPDATE notifications SET state = 'cancelled'`))
	require.Error(t, b.Exec(`UPDATE notifications SET state = 'nonsense'`))
	require.Error(t, b.Exec(`DELETE FROM notifications`), "its deliveries refer to it")
	require.Zero(t, f.Count("reviews"), "they go with their requests")
	require.Error(t, b.Exec(`DELETE FROM clients`), "its documents refer to it")
	require.Error(t, b.Exec(`INSERT INTO notifications SELECT 'ntf_2', request_id, client_id, company_id, product, status, submitted_at, state FROM notifications`),
		"one for each request")
	for _, index := range []string{
		"clients_company", "clients_email", "idempotency_client", "audit_request", "audit_client",
		"notifications_state", "deliveries_notification", "documents_kept_for", "documents_age", "reviews_undecided",
	} {
		require.Error(t, b.Exec(`CREATE INDEX `+index+` ON companies (name)`), "%s is there", index)
	}
	require.NoError(t, f.RecordDelivery(t.Context(), enablement.Delivery{NotificationID: "ntf_1", StartedAt: now.Add(time.Hour), State: enablement.NotificationDead}))
}
