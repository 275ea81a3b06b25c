package servertest_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/servertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNew(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	clientID, requestID := s.CompleteRequest()
	submission, err := s.Client().SubmitProduct(t.Context(), clientID, requestID)
	require.NoError(t, err)
	require.Equal(t, api.InKyc, submission.Product.Status)
	s.CheckStatus(requestID, api.InKyc)
	s.CheckAudit(requestID, api.InKyc)
	s.CheckNotified(requestID, 1)
}

// BenchmarkNew reports the median, which is what somebody waits for. The first server of a process
// also makes the template, so it comes before.
func BenchmarkNew(b *testing.B) {
	servertest.New(b)
	var starts, stops []time.Duration
	for b.Loop() {
		inner := &scope{TB: b}
		began := time.Now()
		servertest.New(inner)
		started := time.Now()
		inner.end()
		starts, stops = append(starts, started.Sub(began)), append(stops, time.Since(started))
	}
	for name, list := range map[string][]time.Duration{"start": starts, "stop": stops} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2].Seconds()*1000, name+"-median-ms")
	}
}

// scope is a test within a test: it ends when it is told to.
type scope struct {
	testing.TB
	cleanups []func()
	failures []string
}

func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *scope) TempDir() string {
	dir, err := os.MkdirTemp("", "servertest-scope-")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (s *scope) Errorf(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}

func (s *scope) end() {
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	s.cleanups = nil
}

// The way of a client over HTTP, with what the server kept of it.
func TestServer_journey(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := s.Client()
	person := api.ClientInput{
		FirstName: "Ana", LastName: "Example", Email: "ana@example.com", BirthDate: "1984-11-21", PhoneCountryCode: 54, PhoneNumber: 91123456789,
		Address: api.AddressInput{StreetLine1: "Calle 1", City: "Del Viso", PostalCode: "1669", State: "ARG-B", Country: "ARG"},
	}
	created, err := c.CreateClient(t.Context(), person)
	require.NoError(t, err)
	request, err := c.RequestProduct(t.Context(), created.ID, api.CardsIndividuals)
	require.NoError(t, err)
	s.Document(created.ID)
	evaluated, err := c.SubmitProduct(t.Context(), created.ID, request.ID)
	require.NoError(t, err)
	require.True(t, evaluated.Complete())
	s.CheckNotified(request.ID, 1)
	s.CheckAudit(request.ID, api.InKyc)
	require.NoError(t, c.DeleteClient(t.Context(), created.ID))

	var operations []string
	for _, row := range s.Audit(created.ID) {
		operations = append(operations, row.Operation)
		require.NotEmpty(t, row.TraceID)
	}
	require.Equal(t, []string{"createClient", "requestProduct", "submitProduct", "deleteClient"}, operations)
	require.Equal(t, servertest.NotificationDelivered, s.Notifications(request.ID)[0].State)
}
