package contract_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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
	var calls atomic.Int64 // some come at once
	server := httptest.NewServer(http.StripPrefix("/api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		handler.ServeHTTP(w, r)
	})))
	t.Cleanup(server.Close)
	some := contract.Suite(t, contract.At(server.URL+"/api/"), fixtures, contract.Pace(0))
	require.NotEmpty(t, some.NotRun)
	for _, one := range some.NotRun {
		require.Contains(t, one.Reason, "read-safe")
	}
	few := calls.Load()
	all := contract.Suite(t, contract.At(server.URL+"/api"), fixtures, contract.Pace(0), contract.AllCases(), contract.WithTransport(server.Client().Transport))
	require.Empty(t, all.NotRun)
	require.Empty(t, all.Findings)
	require.Greater(t, calls.Load()-few, few)
}

// TestSuite_operations asks a server that has one operation for no more.
func TestSuite_operations(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	part := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.True(t, strings.Contains(r.URL.Path, "/submit"), r.URL.Path)
		handler.ServeHTTP(w, r)
	})
	coverage := contract.Suite(t, contract.InProcess(part), fixtures, contract.Operations("submitProduct"))
	require.Empty(t, coverage.Findings)
	require.Contains(t, coverage.Ran, "submitProduct: no key")
	require.Contains(t, coverage.String(), "not run: client created: it needs createClient, which was not asked for")
	for _, point := range coverage.Uncovered {
		require.False(t, strings.HasPrefix(point, "getClient"), point)
	}
	_, err := contract.Inspect(t.Context(), contract.InProcess(part), fixtures, contract.Operations("submit"))
	require.Error(t, err)
}

// TestSuite_skips: what comes after a step that failed is not run, and said so.
func TestSuite_skips(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	var calls atomic.Int64 // some come at once
	broken := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/products") && r.Method == http.MethodPost && r.Header.Get("x-api-key") == fixtures.Key {
			calls.Add(1)
			r.URL.Path += "/nothing"
		}
		handler.ServeHTTP(w, r)
	})
	coverage, err := contract.Inspect(t.Context(), contract.InProcess(broken), fixtures)
	require.NoError(t, err)
	require.Contains(t, coverage.NotRun, contract.NotRun{Case: "data completed, add a phone number", Reason: "a step before it failed: request cards_individuals"})
	require.Contains(t, coverage.Ran, "data completed")
	require.Contains(t, coverage.Uncovered, "requestProduct 201")
	require.NotContains(t, coverage.Uncovered, "createClient 201")
	require.Positive(t, calls.Load())
}

// TestSuite_cleansUp: no client is left of those that the suite made, whatever becomes of its cases.
func TestSuite_cleansUp(t *testing.T) {
	t.Parallel()
	creates := func(r *http.Request) bool {
		return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/individuals")
	}
	for name, test := range map[string]struct {
		// wrong answers in place of the service, which was called.
		wrong func(stop func(), w http.ResponseWriter, r *http.Request) bool
		end   error
	}{
		"all is well": {func(func(), http.ResponseWriter, *http.Request) bool { return false }, nil},
		"creation without a body": {func(_ func(), w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusCreated)
			return creates(r)
		}, nil},
		"creation that looks failed": {func(_ func(), w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return creates(r)
		}, nil},
		"end within a creation": {func(stop func(), _ http.ResponseWriter, r *http.Request) bool {
			if creates(r) {
				stop()
			}
			return creates(r)
		}, context.Canceled},
		"end within a case": {func(stop func(), _ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/submit") {
				stop()
			}
			return false
		}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, fixtures := minimal.New()
			list := func() string {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/management/clients/individuals", nil)
				r.Header.Set("x-api-key", fixtures.Key)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				return w.Body.String()
			}
			before := list()
			var made atomic.Bool // some calls come at once
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			coverage, err := contract.Inspect(ctx, contract.InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				right := httptest.NewRecorder()
				handler.ServeHTTP(right, r)
				if creates(r) && right.Code == http.StatusCreated {
					made.Store(true)
				}
				if test.wrong(stop, httptest.NewRecorder(), r) {
					test.wrong(stop, w, r)
					return
				}
				maps.Copy(w.Header(), right.Header())
				w.WriteHeader(right.Code)
				_, _ = w.Write(right.Body.Bytes())
			})), contract.Fixtures{Key: fixtures.Key, LowLevelKey: fixtures.LowLevelKey, OtherCompanyKey: fixtures.OtherCompanyKey})
			require.ErrorIs(t, err, test.end)
			require.Empty(t, coverage.Left)
			require.True(t, made.Load())
			require.Equal(t, before, list())
			if test.end != nil {
				require.Contains(t, coverage.NotRun, contract.NotRun{Case: "unknown path", Reason: "the context ended before"})
			}
		})
	}
}

// TestSuite_left: what can't be deleted is said.
func TestSuite_left(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	coverage, err := contract.Inspect(t.Context(), contract.InProcess(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	})), fixtures)
	require.NoError(t, err)
	require.NotEmpty(t, coverage.Left)
	require.Contains(t, coverage.String(), "clients left behind: "+coverage.Left[0])
}

func TestSuite_withoutCases(t *testing.T) {
	t.Parallel()
	handler, fixtures := minimal.New()
	coverage, err := contract.Inspect(t.Context(), contract.InProcess(handler), fixtures, contract.WithoutCases("large photo"), contract.WithoutCases("client exists"))
	require.NoError(t, err)
	require.Equal(t, []contract.NotRun{{Case: "client exists", Reason: "it is left out"}, {Case: "large photo", Reason: "it is left out"}}, coverage.NotRun)
	_, err = contract.Inspect(t.Context(), contract.InProcess(handler), fixtures, contract.WithoutCases("large"))
	require.ErrorContains(t, err, `there is no case "large"`)
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
	require.Contains(t, coverage.String(), "not run: enabled: no fixture Decide")
	require.Contains(t, strings.Join(coverage.Uncovered, "\n"), "submitProduct 200")

	test = fake{}
	contract.Suite(&test, contract.Target{}, contract.Fixtures{})
	require.Len(t, test.lines, 1)

	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	coverage, err := contract.Inspect(t.Context(), contract.At(server.URL), contract.Fixtures{Key: key}, contract.Pace(0))
	require.NoError(t, err)
	require.NotEmpty(t, coverage.Findings)
	require.Regexp(t, "^an answer: dial tcp .*: connection refused$", coverage.Findings[0].Expected)

	for _, url := range []string{"127.0.0.1:8080", "http://", "http://127.0.0.1?", "http://127.0.0.1/?a=b", "http://127.0.0.1/docs/#/"} {
		_, err := contract.Inspect(t.Context(), contract.At(url), contract.Fixtures{Key: key})
		require.ErrorContains(t, err, "the base URL", url)
	}
}
