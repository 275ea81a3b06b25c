package sample_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// bench is a sample with its own API before a handler that has none of it.
type bench struct {
	*sample.Sample
	store.Store
	handler http.Handler
	router  routers.Router
	doc     *openapi3.T
	log     bytes.Buffer
}

const elsewhere = http.StatusTeapot

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{}
	logger := slog.New(slog.NewTextHandler(&b.log, nil))
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "sample.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	driver := riversqlite.New(db.Writer())
	require.NoError(t, db.Migrate(t.Context(), func(ctx context.Context) error { return delivery.Migrate(ctx, driver, logger) }))
	inserter, err := delivery.NewInserter(driver, logger)
	require.NoError(t, err)
	b.Store = sqlite.NewStore(db, inserter.EnqueueTx)
	require.NoError(t, sample.Load(t.Context(), b.Store))
	b.Sample, err = sample.Start(t.Context(), "kept elsewhere", logger)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Sample.Close()) })
	b.serve(t, b.Store)
	return b
}

// serve serves the stand-in over a store.
func (b *bench) serve(t *testing.T, db store.Store) {
	t.Helper()
	b.handler = wire.LoopbackOnly(b.With(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(elsewhere) }), db),
		slog.New(slog.DiscardHandler))
	served := b.send(httptest.NewRequest(http.MethodGet, "/"+sample.Specification, nil))
	require.Equal(t, "application/yaml", served.Header().Get("Content-Type"))
	var err error
	b.doc, err = openapi3.NewLoader().LoadFromData(served.Body.Bytes())
	require.NoError(t, err)
	require.NoError(t, b.doc.Validate(t.Context()))
	b.router, err = legacy.NewRouter(b.doc)
	require.NoError(t, err)
}

func (b *bench) send(r *http.Request) *httptest.ResponseRecorder {
	r.Host = cmp.Or(r.Header.Get("Host"), "127.0.0.1:8080")
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

// call makes a call and holds what it sends, where it is right, and what it gets to the specification.
func (b *bench) call(t *testing.T, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := b.send(r)
	route, params, err := b.router.FindRoute(r)
	require.NoError(t, err)
	r.Body = io.NopCloser(strings.NewReader(body))
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route}
	if w.Code < 300 {
		require.NoError(t, openapi3filter.ValidateRequest(t.Context(), input))
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}), w.Body.String())
	return w
}

// inKYC submits the sample's complete request.
func (b *bench) inKYC(t *testing.T) (requestID string) {
	t.Helper()
	c := sample.Cases[0]
	change, err := b.Submit(t.Context(), enablement.Call{Operation: "submitProduct", CompanyID: sample.Company, ClientID: c.ClientID, RequestID: c.RequestID},
		func(f enablement.File) (enablement.Change, error) {
			return enablement.Submit(f, time.Now(), func() string { return "ntf_1" })
		})
	require.NoError(t, err)
	require.Equal(t, enablement.InKYC, change.Request.Status)
	return c.RequestID
}

// broken is a store that fails.
type broken struct {
	store.Store
	err error
}

func (b broken) Clients(context.Context, string) ([]enablement.Client, error) { return nil, b.err }

// TestStandIn makes every call of the specification, and one for every status that it has.
func TestStandIn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var described map[string]bool
	for _, test := range []struct {
		name, method, target, body string
		header                     []string
		err                        error // the database's
		submitted                  bool
		status                     int
		contains                   string
	}{
		{name: "reset", method: "POST", target: "/sample/reset", status: 200, contains: "as it was at the start.\n"},
		{name: "reset of the page", method: "POST", target: "/sample/reset", header: []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8080"}, status: 200},
		{name: "reset of another site", method: "POST", target: "/sample/reset", header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, contains: `"API_ERROR"`},
		{name: "reset of another port", method: "POST", target: "/sample/reset", header: []string{"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:9"}, status: 403},
		{name: "reset of an older browser", method: "POST", target: "/sample/reset", header: []string{"Origin", "https://evil.example"}, status: 403},
		{name: "reset of a sandboxed frame", method: "POST", target: "/sample/reset", header: []string{"Origin", "null"}, status: 403},
		{name: "reset, database away", method: "POST", target: "/sample/reset", err: fmt.Errorf("%w: gone", store.ErrUnavailable), status: 503, contains: `"SERVICE_UNAVAILABLE"`},
		{name: "reset, database slow", method: "POST", target: "/sample/reset", err: context.DeadlineExceeded, status: 503},
		{name: "reset, database broken", method: "POST", target: "/sample/reset", err: errors.New("no such table"), status: 500, contains: `"Internal server error"`},

		{name: "import", method: "POST", target: "/sample/import", body: `{"companies": [{"id": "cmp_1", "name": "One"}]}`, status: 200, contains: `"companies": 1`},
		{name: "import again", method: "POST", target: "/sample/import", body: `{"requests": [{"id": "` + sample.Cases[0].RequestID + `", "client_id": "` + sample.Cases[0].ClientID + `", "product": "cards_individuals", "status": "requested"}]}`, status: 200, contains: `"kept": 1`},
		{name: "import with a warning", method: "POST", target: "/sample/import", body: `{"clients": [{"id": "c_1", "company_id": "cmp_sample", "birth_date": "soon"}]}`, status: 200, contains: `"warnings": [`},
		{name: "import with faults", method: "POST", target: "/sample/import", body: "{\"companies\": [{\"id\": \"?\"}],\n\"keys\": []}", status: 400, contains: `there is no list keys (line 2, column 1)`},
		{name: "import of nobody's client", method: "POST", target: "/sample/import", body: `{"clients": [{"id": "c_1", "company_id": "nobody"}]}`, status: 400, contains: `clients[0] \"c_1\": company_id: no company`},
		{name: "import of no JSON", method: "POST", target: "/sample/import", body: `{`, status: 400, contains: `"faults": [`},
		{name: "import, too large", method: "POST", target: "/sample/import", body: `{}` + strings.Repeat(" ", 32<<20), status: 413, contains: `"PAYLOAD_TOO_LARGE"`},
		{name: "import of a form", method: "POST", target: "/sample/import", body: `{}`, header: []string{"Content-Type", "text/plain"}, status: 400, contains: "Content-Type: application/json"},
		{name: "import of another site", method: "POST", target: "/sample/import", body: `{}`, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},

		{name: "calls", method: "GET", target: "/sample/calls", status: 200, contains: "[]"},
		{name: "calls by another name", method: "GET", target: "/sample/calls", header: []string{"Host", "evil.example"}, status: 421},
		{name: "forget", method: "DELETE", target: "/sample/calls", status: 204},
		{name: "forget of another site", method: "DELETE", target: "/sample/calls", header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},

		{name: "no notifications", method: "GET", target: "/sample/notifications", status: 200, contains: "[]"},
		{name: "notifications", method: "GET", target: "/sample/notifications", submitted: true, status: 200, contains: `"state": "pending"`},
		{name: "notifications in a state", method: "GET", target: "/sample/notifications?state=dead", submitted: true, status: 200, contains: "[]"},
		{name: "notifications in no state", method: "GET", target: "/sample/notifications?state=lost", status: 400, contains: "query parameter state"},

		{name: "enable", method: "POST", target: decision, body: `{"status": "enabled"}`, submitted: true, status: 200, contains: `"status": "enabled"`},
		{name: "reject", method: "POST", target: decision, body: `{"status": "rejected"}`, submitted: true, status: 200, contains: `"rejection_code": "REJECTED_BY_PROVIDER"`},
		{name: "reject with reasons", method: "POST", target: decision, body: `{"status": "rejected", "rejection_code": "BLURRED", "rejection_description": "Too dark."}`, submitted: true, status: 200, contains: `"rejection_description": "Too dark."`},
		{name: "decide what was not submitted", method: "POST", target: decision, body: `{"status": "enabled"}`, status: 409, contains: `"VAL"`},
		{name: "decide nothing", method: "POST", target: decision, body: `{"status": "maybe"}`, submitted: true, status: 400, contains: "status: must be enabled or rejected"},
		{name: "decide with more", method: "POST", target: decision, body: `{"status": "enabled", "statsu": 1}`, submitted: true, status: 400, contains: "/statsu: there is no such field"},
		{name: "decide of nobody", method: "POST", target: "/sample/requests/nobody/decision", body: `{"status": "enabled"}`, status: 404, contains: `"NOT_FOUND"`},
		{name: "decide, too large", method: "POST", target: decision, body: `{` + strings.Repeat(" ", 64<<10), status: 413},
		{name: "decide of another site", method: "POST", target: decision, body: `{}`, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},

		{name: "clock", method: "GET", target: "/sample/clock", status: 200, contains: `"ahead": "0s"`},
		{name: "clock by another name", method: "GET", target: "/sample/clock", header: []string{"Host", "evil.example"}, status: 421},
		{name: "set", method: "PUT", target: "/sample/clock", body: `{"now": "` + inYears(2) + `"}`, status: 200, contains: `"now": "` + inYears(2)},
		{name: "set back", method: "PUT", target: "/sample/clock", body: `{"now": "` + inYears(-1) + `"}`, status: 400, contains: "now: must not be before"},
		{name: "set to nothing", method: "PUT", target: "/sample/clock", body: `{}`, status: 400, contains: "now: must not be before"},
		{name: "set too far", method: "PUT", target: "/sample/clock", body: `{"now": "` + inYears(101) + `"}`, status: 400, contains: "at most 100 years"},
		{name: "set, too large", method: "PUT", target: "/sample/clock", body: `{` + strings.Repeat(" ", 64<<10), status: 413},
		{name: "set of another site", method: "PUT", target: "/sample/clock", body: `{}`, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		{name: "forward", method: "POST", target: "/sample/clock", body: `{"forward": "24h"}`, status: 200, contains: `"ahead": "24h0m0s"`},
		{name: "backward", method: "POST", target: "/sample/clock", body: `{"forward": "-1s"}`, status: 400, contains: "forward: must be above zero"},
		{name: "forward by no time", method: "POST", target: "/sample/clock", body: `{"forward": "tomorrow"}`, status: 400, contains: "must be a duration"},
		{name: "forward too far", method: "POST", target: "/sample/clock", body: `{"forward": "900000h"}`, status: 400, contains: "100 years"},
		{name: "forward, too large", method: "POST", target: "/sample/clock", body: `{` + strings.Repeat(" ", 64<<10), status: 413},
		{name: "forward of another site", method: "POST", target: "/sample/clock", body: `{}`, header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			described = statuses(b.doc)
			if test.submitted {
				require.Equal(t, seed.RequestID, b.inKYC(t))
			}
			if test.err != nil {
				b.serve(t, broken{b.Store, test.err})
			}
			b.log.Reset()
			w := b.call(t, test.method, test.target, test.body, test.header...)
			require.Equal(t, test.status, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), test.contains)
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			require.NotContains(t, w.Body.String(), "no such table")
			if test.status >= 400 {
				require.Contains(t, w.Body.String(), w.Header().Get("X-Trace-Id"))
				require.NotEmpty(t, w.Header().Get("X-Trace-Id"))
			}
			if test.status == 503 {
				require.Equal(t, "1", w.Header().Get("Retry-After"))
			}
			path, _, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(test.target, seed.RequestID, "{id}"), "nobody", "{id}"), "?")
			seen[fmt.Sprint(test.method, " ", path, " ", test.status)] = true
		})
	}
	for described := range described {
		require.True(t, seen[described], described)
	}
}

var (
	seed     = sample.Cases[0]
	decision = "/sample/requests/" + seed.RequestID + "/decision"
)

func inYears(n int) string { return time.Now().UTC().AddDate(n, 0, 0).Format("2006-01-02T15:04:05") }

// statuses are all of the specification, but for those that any call may end with.
func statuses(doc *openapi3.T) map[string]bool {
	all := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if status != "default" {
					all[method+" "+path+" "+status] = true
				}
			}
		}
	}
	return all
}

// TestStandIn_others: what is none of its calls is an error of the API's form below its path, and nothing else's
// business above it.
func TestStandIn_others(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		method, target string
		status         int
		allow          string
	}{
		"another path":        {target: "/management/clients", status: elsewhere},
		"the same, longer":    {target: "/sample", status: elsewhere},
		"another call":        {target: "/sample/keys", status: 404},
		"GET of the reset":    {target: "/sample/reset", status: 405, allow: "POST"},
		"PATCH of the clock":  {method: "PATCH", target: "/sample/clock", status: 405, allow: "GET, HEAD, POST, PUT"},
		"GET of another site": {target: "/sample/calls", status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(cmp.Or(test.method, "GET"), test.target, nil)
			r.Header.Set("Sec-Fetch-Site", map[bool]string{true: "cross-site", false: "same-origin"}[test.status == 200])
			w := b.send(r)
			require.Equal(t, test.status, w.Code)
			require.Equal(t, test.allow, w.Header().Get("Allow"))
			if test.status != elsewhere && test.status != 200 {
				require.Contains(t, w.Body.String(), `"trace_id":"`+w.Header().Get("X-Trace-Id"))
			}
		})
	}
}

// TestReset: what a call stored is gone, and what it changed is as it was.
func TestReset(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	before, err := b.Clients(t.Context(), sample.Company)
	require.NoError(t, err)
	require.Len(t, before, len(sample.Cases))
	b.inKYC(t)
	for range 2 {
		b.call(t, "POST", "/sample/import", `{"clients": [{"id": "c_1", "company_id": "cmp_sample", "email": "a@example.com"}, {"id": "c_2", "company_id": "cmp_other"}]}`)
		require.Equal(t, 200, b.call(t, "POST", "/sample/reset", "").Code)
		after, err := b.Clients(t.Context(), sample.Company)
		require.NoError(t, err)
		require.Equal(t, before, after)
		others, err := b.Clients(t.Context(), sample.OtherCompany)
		require.NoError(t, err)
		require.Empty(t, others)
	}
	file, err := b.File(t.Context(), sample.Company, seed.ClientID)
	require.NoError(t, err)
	require.Equal(t, enablement.PendingDocumentation, file.Requests[0].Status)
	keys, err := b.Keys(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, keys, len(sample.Keys))
}

func TestTell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sample.Tell(&out, "http://127.0.0.1:8080", 3*time.Second)
	require.Contains(t, out.String(), "curl -X POST \"http://127.0.0.1:8080/sample/reset\"\n")
	require.Equal(t, len(sample.Cases)+1, strings.Count(out.String(), "curl -X POST "))
	require.Contains(t, out.String(), "The provider decides 3s after a request entered KYC. It rejects a request with a document whose number begins with REJECT.\n")
	out.Reset()
	sample.Tell(&out, "http://127.0.0.1:8080", 0)
	require.Contains(t, out.String(), "The provider decides only when told to (--decide-after).\n")
}
