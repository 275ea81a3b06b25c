package main_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/cryptomate-go/enablement/gen/api"
)

// A caller of the authorisation matrix: how it makes its key, and what it is answered.
type caller struct {
	name    string
	flags   []string // of keys create; nil: there is no such key
	key     string   // sent where no key is created
	absent  bool     // no header at all
	header  http.Header
	revoked bool
	level   int // of a version that has more of them; 0: what the flags say
	company string
	// refused is the error that every request is answered with; zero where the caller may.
	refused api.Error
}

var (
	invalidKey = api.Error{Code: api.CodeAuth, Message: "Invalid API key"}
	denied     = api.Error{Code: api.CodeAPIError, Message: "Access denied. The API Key is not authorized to do this operation."}
)

var callers = []caller{
	{name: "none", absent: true, refused: invalidKey},
	{name: "empty", key: "", refused: invalidKey},
	{name: "malformed", key: "\x80\xff ' OR 1=1 --", refused: invalidKey},
	{name: "unknown", key: "cm_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", refused: invalidKey},
	{name: "revoked", flags: []string{}, revoked: true, refused: invalidKey},
	{name: "expired", flags: []string{"--expires", "1ms"}, refused: invalidKey},
	{name: "level-1", flags: []string{"--level", "1"}, refused: denied},
	{name: "level-2", flags: []string{"--level", "2"}, refused: denied},
	{name: "level-3", flags: []string{"--level", "3"}},
	{name: "level-4", flags: []string{}, level: 4},
	{name: "other-company", flags: []string{}, company: "cmp_other"},
	{name: "wrong-address", flags: []string{"--allow", "192.0.2.0/24"}, refused: denied},
	{name: "right-address", flags: []string{"--allow", "127.0.0.0/8"}},
	{
		name: "spoofed-proxy", flags: []string{"--allow", "192.0.2.0/24"}, refused: denied,
		header: http.Header{"X-Forwarded-For": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"}, "X-Real-Ip": {"192.0.2.1"}},
	},
}

// situations are what a request can be in.
var situations = []string{"complete", "incomplete", "terminal", "unknown"}

// TestAuthorisation goes through the whole matrix, over the real listener, on a real database. Every
// caller has requests of its own, so that no cell depends on another.
func TestAuthorisation(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "matrix.db")
	ok := func(stdin string, args ...string) string {
		t.Helper()
		r := command(t, stdin, append(args, "--db", db)...)
		require.Zero(t, r.code, r.err)
		return strings.TrimSpace(r.out)
	}
	ok("", "migrate")
	ok(matrixData(t), "import", "-")
	keys := make(map[string]string)
	for _, c := range callers {
		keys[c.name] = c.key
		if c.flags == nil {
			continue
		}
		company := "cmp_1"
		if c.company != "" {
			company = c.company
		}
		keys[c.name] = ok("", append([]string{"keys", "create", "--company", company}, c.flags...)...)
		if c.level > 0 {
			execute(t, db, fmt.Sprintf(`UPDATE api_keys SET level = %d WHERE prefix = '%s'`, c.level, keys[c.name][:8]))
		}
	}
	p := serve(t, "--db", db, "--rate-limit", "0", "--provider-allow-private", "--provider-url", "http://127.0.0.1:1/", "--provider-secret", secret)
	for _, c := range callers {
		if c.revoked {
			require.Contains(t, p.with(http.Header{"X-Api-Key": {keys[c.name]}}, path(c.name+"-terminal", c.name+"-terminal")).body, `"VAL"`,
				"it is good until it is revoked")
			for line := range strings.Lines(ok("", "keys", "list")) {
				if strings.Contains(line, keys[c.name][:8]) {
					ok("", "keys", "revoke", strings.Fields(line)[0])
				}
			}
			require.Eventually(t, func() bool {
				return p.with(http.Header{"X-Api-Key": {keys[c.name]}}, path(c.name+"-terminal", c.name+"-terminal")).status == http.StatusUnauthorized
			}, time.Second, 10*time.Millisecond, "a revoked key stops within a second")
		}
	}
	for _, c := range callers {
		for _, situation := range situations {
			t.Run(c.name+"/"+situation, func(t *testing.T) {
				id := c.name + "-" + situation
				header := http.Header{}
				if !c.absent {
					header["X-Api-Key"] = []string{keys[c.name]}
				}
				for name, values := range c.header {
					header[name] = values
				}
				before := dump(t, db)
				got := p.with(header, path(id, id))
				status, want := c.expected(situation, id)
				require.Equal(t, status, got.status, got.body)
				if status == http.StatusOK {
					var submission api.EvaluatedProduct
					require.NoError(t, json.Unmarshal([]byte(got.body), &submission))
					require.Equal(t, map[string]api.ProductStatus{
						"complete": api.InKyc, "incomplete": api.PendingDocumentation,
					}[situation], submission.Product.Status)
					require.NotEqual(t, before, dump(t, db))
					return
				}
				want.TraceID = got.header.Get("X-Trace-Id")
				body, err := json.Marshal(want)
				require.NoError(t, err)
				require.Equal(t, string(body), strings.TrimSpace(got.body))
				require.Equal(t, before, dump(t, db), "a refused call changes nothing")
			})
		}
	}
	require.Zero(t, p.Stop())
}

// expected is what the caller is answered.
func (c caller) expected(situation, id string) (int, api.Error) {
	switch {
	case c.refused.Code != "":
		return http.StatusUnauthorized, c.refused
	case c.company != "":
		return http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "Company client not found with id: " + id}
	case situation == "unknown":
		return http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "Product enablement request not found with id: " + id}
	case situation == "terminal":
		return http.StatusConflict, api.Error{Code: api.CodeVal, Message: "The enablement request is not pending documentation"}
	default:
		return http.StatusOK, api.Error{}
	}
}

// matrixData has a client for every cell, and a request where the situation has one.
func matrixData(t *testing.T) string {
	t.Helper()
	var data struct {
		Companies []map[string]any `json:"companies"`
		Clients   []map[string]any `json:"clients"`
		Documents []map[string]any `json:"documents"`
		Requests  []map[string]any `json:"requests"`
	}
	require.NoError(t, json.Unmarshal([]byte(dataFile(t)), &data))
	data.Companies = append(data.Companies, map[string]any{"id": "cmp_other"})
	copied := func(from map[string]any, changes map[string]any) map[string]any {
		to := make(map[string]any)
		for _, m := range []map[string]any{from, changes} {
			for key, value := range m {
				to[key] = value
			}
		}
		return to
	}
	for _, c := range callers {
		for _, situation := range situations {
			id := c.name + "-" + situation
			data.Clients = append(data.Clients, copied(data.Clients[0], map[string]any{"id": id}))
			if situation != "incomplete" {
				data.Documents = append(data.Documents, copied(data.Documents[0], map[string]any{"client_id": id}))
			}
			status := "pending_documentation"
			if situation == "terminal" {
				status = "enabled"
			}
			if situation != "unknown" {
				data.Requests = append(data.Requests, copied(data.Requests[0], map[string]any{"id": id, "client_id": id, "status": status}))
			}
		}
	}
	text, err := json.Marshal(data)
	require.NoError(t, err)
	return string(text)
}

// dump is all that a submission can write to.
func dump(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var text strings.Builder
	for _, table := range []string{"clients", "requests", "audit", "idempotency", "notifications"} {
		var n int
		var sum sql.NullString
		require.NoError(t, db.QueryRow(fmt.Sprintf(`SELECT count(*), group_concat(x, '|') FROM (SELECT json_array(%s) AS x FROM %s ORDER BY 1)`,
			map[string]string{
				"clients":       "id, first_name, email, phone_number, updated_at",
				"requests":      "id, status, evaluation, updated_at",
				"audit":         "id, request_id, to_status",
				"idempotency":   "hex(id)",
				"notifications": "id, request_id",
			}[table], table)).Scan(&n, &sum))
		fmt.Fprintf(&text, "%s %d %s\n", table, n, sum.String)
	}
	return text.String()
}
