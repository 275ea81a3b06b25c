package main_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/internal/dataset"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// TestContract runs the whole case table of the contract kit against the built program, on both
// databases.
func TestContract(t *testing.T) {
	t.Parallel()
	for name, location := range map[string]func(t testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "contract.db") },
		"postgres": pgtest.DSN,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := location(t)
			fixtures, data := contractData()
			key, err := process.Prepare(t.Context(), binary, db, "cmp_1", data)
			require.NoError(t, err)
			create := func(company string, flags ...string) string {
				t.Helper()
				r := command(t, "", append([]string{"keys", "create", "--company", company, "--db", db}, flags...)...)
				require.Zero(t, r.code, r.err)
				return r.out[:len(r.out)-1]
			}
			fixtures.Key = key
			fixtures.LowLevelKey = create("cmp_1", "--level", "1")
			fixtures.BarredKey = create("cmp_1", "--allow", "192.0.2.0/24")
			fixtures.RevokedKey = create("cmp_1", "--expires", "1ms")
			fixtures.OtherCompanyKey = create("cmp_2")

			fixtures.Decide = func(_ context.Context, requestID string, status api.ProductStatus) error {
				decision := map[api.ProductStatus]string{api.Enabled: "enable", api.Rejected: "reject"}[status]
				if r := command(t, "", "review", decision, requestID, "--db", db); r.code != 0 { //nolint:contextcheck // a test's
					return errors.New(r.err)
				}
				return nil
			}

			p := serve(t, "--sample", "--decide-after", "0s", "--db", db)
			coverage := contract.Suite(t, contract.At(p.URL), fixtures, contract.AllCases(), contract.Pace(0))
			require.Empty(t, coverage.NotRun)
			require.Empty(t, coverage.Uncovered)
			require.Empty(t, coverage.Findings)
			require.Len(t, coverage.Ran, len(contract.Cases()))
			require.Zero(t, p.Stop())
		})
	}
}

// contractData is a subject for every fixture. What the service can't be made to do by data, it does
// by a fault on demand.
func contractData() (contract.Fixtures, *dataset.Dataset) {
	sample := sample.Data(time.Now())
	d := &dataset.Dataset{Companies: []dataset.Company{{ID: "cmp_1"}, {ID: "cmp_2"}}}
	add := func(name string, status enablement.Status, change func(*dataset.Client, *dataset.Document)) contract.Subject {
		client, document := sample.Clients[0], sample.Documents[0]
		document.Metadata = map[string]string{"number": "X7654321", "issuing_country": "ARG", "expiration_date": "2099-12-31"}
		client.ID, client.CompanyID, document.ClientID = "cl_"+name, "cmp_1", "cl_"+name
		change(&client, &document)
		d.Clients = append(d.Clients, client)
		if document.Type != "" {
			d.Documents = append(d.Documents, document)
		}
		d.Requests = append(d.Requests, dataset.Request{ID: "rq_" + name, ClientID: client.ID, Product: enablement.CardsIndividuals, Status: status})
		return contract.Subject{ClientID: client.ID, RequestID: "rq_" + name}
	}
	faulty := func(s contract.Subject, fault string) contract.Subject {
		s.Header = http.Header{"X-Sample-Fault": {fault}}
		return s
	}
	f := contract.Fixtures{
		Requested: add("requested", enablement.Requested, func(c *dataset.Client, document *dataset.Document) {
			c.PhoneCountryCode, c.PhoneNumber, *document = 0, 0, dataset.Document{}
		}),
	}
	other := add("faults", enablement.PendingDocumentation, func(*dataset.Client, *dataset.Document) {})
	f.Running = faulty(other, "status=409/IDEMPOTENCY_IN_PROGRESS")
	f.Running.IdempotencyKey = "still-running"
	f.Limited, f.Failing, f.Unavailable = faulty(other, "status=429"), faulty(other, "status=500"), faulty(other, "status=503")
	return f, d
}
