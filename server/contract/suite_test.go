package contract_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

func TestSuite_minimal(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	coverage := contract.Suite(t, contract.InProcess(handler), fixtures)
	require.Empty(t, coverage.NotRun)
	require.Empty(t, coverage.Uncovered)
	require.Empty(t, coverage.Findings)
	require.Len(t, coverage.Ran, len(contract.Cases()))
}

// TestSuite_at runs against a server below a path, first as anybody's, then as our own.
func TestSuite_at(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	posts := 0
	server := httptest.NewServer(http.StripPrefix("/api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts++
		handler.ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	some := contract.Suite(t, contract.At(server.URL+"/api/"), fixtures, contract.Pace(0))
	require.NotEmpty(t, some.NotRun)
	for _, one := range some.NotRun {
		require.Contains(t, one.Reason, "read-safe")
	}
	require.Less(t, posts, 30)
	all := contract.Suite(t, contract.At(server.URL+"/api"), fixtures, contract.Pace(0), contract.AllCases(), contract.WithTransport(server.Client().Transport))
	require.Empty(t, all.NotRun)
	require.Empty(t, all.Findings)
}

// TestSuite_readSafe shows that read-safe cases change nothing: all others still work after them.
func TestSuite_readSafe(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	contract.Suite(t, contract.InProcess(handler), fixtures, contract.ReadSafe())
	require.Empty(t, contract.Suite(t, contract.InProcess(handler), fixtures).Findings)
}

// fake is a test whose failures are noted.
type fake struct {
	recorder
	log []string
}

func (f *fake) Logf(format string, _ ...any) { f.log = append(f.log, format) }

func (f *fake) Run(_ string, run func(*fake)) bool {
	run(f)
	return len(f.lines) == 0
}

func TestSuite_fails(t *testing.T) {
	t.Parallel()
	var test fake
	coverage := contract.Suite(&test, contract.InProcess(http.NotFoundHandler()), contract.Fixtures{Key: key})
	require.Len(t, test.lines, len(coverage.Findings))
	require.NotEmpty(t, test.lines)
	require.Len(t, test.log, 1)
	require.Contains(t, coverage.String(), "not run: complete: no fixture Complete")
	require.Contains(t, strings.Join(coverage.Uncovered, "\n"), "status 200")

	test = fake{}
	contract.Suite(&test, contract.Target{}, contract.Fixtures{})
	require.Len(t, test.lines, 1)

	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	coverage, err := contract.Inspect(t.Context(), contract.At(server.URL), contract.Fixtures{Key: key}, contract.Pace(0))
	require.NoError(t, err)
	require.NotEmpty(t, coverage.Findings)
	require.Equal(t, "an answer", coverage.Findings[0].Expected)
}
