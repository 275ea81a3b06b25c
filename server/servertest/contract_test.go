package servertest_test

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/servertest"
)

// TestServer_contract runs the whole case table of package contract, and holds what the provider is
// sent meanwhile to the same specification, attempts that fail included.
func TestServer_contract(t *testing.T) {
	t.Parallel()
	notifications, err := contract.New()
	require.NoError(t, err)
	s := servertest.New(t, servertest.WithProviderHandler(notifications.NotificationHandler))

	coverage := contract.Suite(t, contract.At(s.URL()), fixtures(s), contract.AllCases(), contract.Pace(0))
	require.Empty(t, coverage.NotRun)
	require.Empty(t, coverage.Uncovered)
	require.Empty(t, coverage.Findings)
	require.Len(t, coverage.Ran, len(contract.Cases()))

	// Who deletes a client cancels its notification, so that these two are made anew.
	s.Drain()
	received := len(s.Provider().Received())
	s.Provider().FailNext(2)
	for range 2 {
		clientID, requestID := s.CompleteRequest()
		_, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
		require.NoError(t, err)
	}
	s.Drain()
	require.Len(t, s.Provider().Received(), received+2)
	require.GreaterOrEqual(t, s.Provider().Attempts(), 4)
	require.Empty(t, notifications.Findings())
}

// fixtures is a subject for every case. What the service can't be made to do by data, it does by a
// fault on demand.
func fixtures(s *servertest.Server) contract.Fixtures {
	subject := func(clientID, requestID string) contract.Subject {
		return contract.Subject{ClientID: clientID, RequestID: requestID}
	}
	complete := func() contract.Subject { return subject(s.CompleteRequest()) }
	faulty := func(fault string) contract.Subject {
		one := complete()
		one.Header = http.Header{servertest.FaultHeader: {fault}}
		return one
	}
	undocumented := s.ClientOf(s.DefaultCompany())
	f := contract.Fixtures{
		Key:             s.DefaultKey(),
		LowLevelKey:     s.Key(s.DefaultCompany(), 1),
		BarredKey:       s.Key(s.DefaultCompany(), 3, func(k *servertest.KeyRecord) { k.AllowedFrom = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }),
		RevokedKey:      s.Key(s.DefaultCompany(), 3, func(k *servertest.KeyRecord) { k.RevokedAt = time.Now() }),
		OtherCompanyKey: s.Key(s.Company(), 3),

		Requested: subject(undocumented, s.Request(undocumented, func(r *servertest.RequestRecord) {
			r.Status = api.Requested
		})),
		Decide: func(_ context.Context, requestID string, status api.ProductStatus) error {
			s.Review(requestID, servertest.Decision{Status: status}) //nolint:contextcheck // a test's
			return nil
		},

		Running:     faulty("status=409/IDEMPOTENCY_IN_PROGRESS"),
		Limited:     faulty("status=429"),
		Failing:     faulty("status=500"),
		Unavailable: faulty("status=503"),
	}
	f.Running.IdempotencyKey = "still-running"
	return f
}
