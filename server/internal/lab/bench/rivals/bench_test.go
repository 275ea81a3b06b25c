package rivals

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The rows P1, P2 and P2b. Each reports the time and the allocations of one call, ours and theirs.
func BenchmarkP1(b *testing.B)  { compare(b, submit, ours(b, false), made(b, newOgen)) }
func BenchmarkP2(b *testing.B)  { compare(b, submit, ours(b, true), made(b, newOgen)) }
func BenchmarkP2b(b *testing.B) { compare(b, submit, ours(b, true), made(b, newStock)) }
func BenchmarkP9a(b *testing.B) { compare(b, create, ours(b, false), made(b, newOgen)) }
func BenchmarkP9b(b *testing.B) { compare(b, update, ours(b, false), made(b, newOgen)) }

// turn is how many calls one side makes before it is the other's turn: few, so that what else the
// machine does hits both alike, and enough for each to collect its own garbage.
const turn = 500

// compare reports the median turn of each side.
func compare(b *testing.B, c call, ours, theirs http.Handler) {
	sides := [2]func(){caller(b, c, ours), caller(b, c, theirs)}
	var turns [2][]time.Duration
	for b.Loop() {
		for side, call := range sides {
			began := time.Now()
			for range turn {
				call()
			}
			turns[side] = append(turns[side], time.Since(began))
		}
	}
	for side, name := range [2]string{"ours", "theirs"} {
		slices.Sort(turns[side])
		median := turns[side][len(turns[side])/2]
		b.ReportMetric(float64(median.Nanoseconds())/turn, name+"-ns")
		b.ReportMetric(testing.AllocsPerRun(1000, sides[side]), name+"-allocs")
	}
}

// BenchmarkCall is each by itself, for profiles.
func BenchmarkCall(b *testing.B) {
	for _, way := range ways(b) {
		b.Run(way.name, func(b *testing.B) {
			call := caller(b, submit, way.handler)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}

// Whoever is compared does the same: answers alike, and refuses the same calls.
func TestAlike(t *testing.T) {
	const body = `{"product":{"id":"` + requestID + `","client_id":"` + clientID + `","product":"cards_individuals","status":"in_kyc",` +
		`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"},"rejected_items":[]}`
	for _, way := range ways(t) {
		t.Run(way.name, func(t *testing.T) {
			ask := func(change func(*http.Request)) *httptest.ResponseRecorder {
				r, w := newRequest(t.Context(), submit), httptest.NewRecorder()
				change(r)
				way.handler.ServeHTTP(w, r)
				return w
			}
			w := ask(func(*http.Request) {})
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			require.JSONEq(t, body, w.Body.String())
			require.NotEmpty(t, w.Header().Get("X-Trace-Id"))

			w = ask(func(r *http.Request) { r.Header.Set("X-Api-Key", "another") })
			require.Equal(t, http.StatusUnauthorized, w.Code, w.Body)
			w = ask(func(r *http.Request) { r.Header.Set("Idempotency-Key", "a b") })
			require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
			w = ask(func(r *http.Request) { r.URL.Path = "/management/clients/individuals/a.b/products/c/submit" })
			require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
		})
	}
}

// TestAlike_clients: of ours and ogen's, a client that is created or updated comes back the same, but for its id and time;
// and both refuse what is not as described.
func TestAlike_clients(t *testing.T) {
	for _, c := range []call{create, update} {
		for _, way := range []way{{"ours", ours(t, false)}, {"ogen", made(t, newOgen)}} {
			ask := func(body string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				way.handler.ServeHTTP(w, newRequest(t.Context(), call{c.method, c.path, body}))
				return w
			}
			w := ask(c.body)
			require.Equal(t, 2, w.Code/100, "%s: %s", way.name, w.Body)
			var sent, got map[string]any
			require.NoError(t, json.Unmarshal([]byte(c.body), &sent))
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
			for _, name := range []string{"id", "type", "status", "created_at", "updated_at"} {
				require.NotEmpty(t, got[name], "%s: %s", way.name, name)
				delete(got, name)
			}
			require.Equal(t, sent, got, way.name)
			for _, body := range []string{"{}", strings.Replace(c.body, "Ana", strings.Repeat("a", 51), 1), c.body[1:]} {
				require.Equal(t, http.StatusBadRequest, ask(body).Code, way.name)
			}
		}
	}
}

type way struct {
	name    string
	handler http.Handler
}

func ways(tb testing.TB) []way {
	return []way{
		{"ours", ours(tb, false)},
		{"ours-responses-validated", ours(tb, true)},
		{"ogen", made(tb, newOgen)},
		{"nethttp-middleware", made(tb, newStock)},
	}
}

func ours(tb testing.TB, validateResponses bool) http.Handler {
	return made(tb, func() (http.Handler, error) { return newOurs(validateResponses) })
}

func made(tb testing.TB, make func() (http.Handler, error)) http.Handler {
	tb.Helper()
	handler, err := make()
	require.NoError(tb, err)
	return handler
}

// caller returns a function that makes one call, and itself makes no garbage.
func caller(tb testing.TB, c call, handler http.Handler) func() {
	ctx, cancel := context.WithCancel(context.Background()) // as net/http's is
	tb.Cleanup(cancel)
	template, w := newRequest(ctx, c), &lean{header: make(http.Header, 8)}
	r := new(http.Request)
	return func() {
		*r = *template // a mux writes into it
		if c.body != "" {
			r.Body = io.NopCloser(strings.NewReader(c.body))
		}
		clear(w.header)
		w.status, w.size = 0, 0
		handler.ServeHTTP(w, r)
		if w.status/100 != 2 || w.size == 0 {
			panic(w.status)
		}
	}
}

// lean is a ResponseWriter that keeps nothing.
type lean struct {
	header       http.Header
	status, size int
}

func (w *lean) Header() http.Header    { return w.header }
func (w *lean) WriteHeader(status int) { w.status = status }
func (w *lean) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.size += len(b)
	return len(b), nil
}
