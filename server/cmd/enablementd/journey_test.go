package main_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

const clientsPath = "/management/clients/individuals"

// person is a client's data, with one part replaced by another for each pair.
func person(email string, edits ...string) string {
	text := `{"first_name":"Ana","last_name":"Example","email":"` + email + `","birth_date":"1984-11-21",` +
		`"phone_country_code":54,"phone_number":91123456789,` +
		`"address":{"street_line1":"Calle 1","city":"Del Viso","postal_code":"1669","state":"ARG-B","country":"ARG"}}`
	return strings.NewReplacer(edits...).Replace(text)
}

// noPhone is what leaves the phone out of a person.
var noPhone = []string{`"phone_country_code":54,"phone_number":91123456789,`, ""}

// sampleOn serves the sample on a database of each kind.
func sampleOn(t *testing.T, test func(t *testing.T, p *service, db string)) {
	t.Helper()
	for kind, db := range map[string]func(testing.TB) string{
		"sqlite":   func(t testing.TB) string { return filepath.Join(t.TempDir(), "sample.db") },
		"postgres": pgtest.DSN,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			location := db(t)
			test(t, serve(t, "--sample", "--decide-after", "0s", "--rate-limit", "0", "--db", location), location)
		})
	}
}

// send makes a call with a body of the sample's company.
func (p *service) send(method, path, body string, header ...string) answer {
	p.t.Helper()
	h := http.Header{"X-Api-Key": {sample.KeyLevel3}, "Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return p.doBody(method, p.URL+path, h, body)
}

// create creates a client and returns its path.
func (p *service) create(email string, edits ...string) string {
	p.t.Helper()
	a := p.send(http.MethodPost, clientsPath, person(email, edits...))
	require.Equal(p.t, http.StatusCreated, a.status, a.body)
	return clientsPath + "/" + a.decoded(p.t)["id"].(string)
}

func (a answer) decoded(t testing.TB) map[string]any {
	t.Helper()
	var body map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &body), a.body)
	return body
}

// missing are the documents and fields that the one product of a list lacks.
func (a answer) missing(t testing.TB) (missing []string) {
	t.Helper()
	var products []api.Product
	require.NoError(t, json.Unmarshal([]byte(a.body), &products), a.body)
	require.Len(t, products, 1)
	for _, document := range products[0].MissingRequirements.Documents {
		missing = append(missing, document.ID)
	}
	for _, data := range products[0].MissingRequirements.Data {
		for _, field := range data.Fields {
			missing = append(missing, field.Key)
		}
	}
	return missing
}

// TestJourney is the way of a client over HTTP alone.
func TestJourney(t *testing.T) {
	t.Parallel()
	sampleOn(t, func(t *testing.T, p *service, _ string) {
		created := p.send(http.MethodPost, clientsPath, person("ana@example.com", noPhone...))
		require.Equal(t, http.StatusCreated, created.status, created.body)
		client := created.decoded(t)
		require.Equal(t, "pending", client["status"])
		require.Equal(t, "Ana", client["first_name"])
		require.NotContains(t, client, "phone_number")
		require.Regexp(t, "^[0-9a-f]{32}$", created.header.Get("X-Trace-Id"))
		path := clientsPath + "/" + client["id"].(string)
		require.Equal(t, created.body, p.send(http.MethodGet, path, "").body)

		again := p.send(http.MethodPost, clientsPath, person("ANA@example.COM"))
		require.Equal(t, http.StatusBadRequest, again.status)
		requireError(t, again, api.CodeVal, "Company client already exists for this company")

		list := p.send(http.MethodGet, clientsPath, "")
		var clients []api.Client
		require.NoError(t, json.Unmarshal([]byte(list.body), &clients), list.body)
		require.Equal(t, client["id"], clients[0].ID, "the newest is the first")
		require.True(t, slices.IsSortedFunc(clients, func(a, b api.Client) int { return b.CreatedAt.Compare(a.CreatedAt.Time) }))

		require.Equal(t, "[]", p.send(http.MethodGet, path+"/products", "").body)
		requested := p.send(http.MethodPost, path+"/products", `{"subproduct":"cards_individuals"}`)
		require.Equal(t, http.StatusCreated, requested.status, requested.body)
		product := requested.decoded(t)
		require.Equal(t, "pending_documentation", product["status"])
		require.Equal(t, client["id"], product["client_id"], "the product is bare")
		require.NotContains(t, product, "rejected_items")
		requireError(t, p.send(http.MethodPost, path+"/products", `{"subproduct":"cards_individuals"}`), api.CodeVal,
			"An enablement request is already active for this product")
		nonsense := p.send(http.MethodPost, path+"/products", `{"subproduct":"nonsense"}`)
		require.Equal(t, http.StatusPreconditionFailed, nonsense.status)
		requireError(t, nonsense, api.CodeVal, "Invalid product")

		require.Equal(t, []string{"identity_document", "phone"}, p.send(http.MethodGet, path+"/products", "").missing(t))
		submitted := p.send(http.MethodPost, path+"/products/"+product["id"].(string)+"/submit", "")
		require.Equal(t, http.StatusOK, submitted.status, submitted.body)
		require.Contains(t, submitted.body, `"status":"pending_documentation"`)

		updated := p.send(http.MethodPut, path, person("ana@example.com"))
		require.Equal(t, http.StatusOK, updated.status, updated.body)
		require.Equal(t, []string{"identity_document"}, p.send(http.MethodGet, path+"/products", "").missing(t))
		require.Equal(t, updated.body, p.send(http.MethodPut, path, person("ana@example.com")).body, "nothing changed, nor updated_at")
		cleared := p.send(http.MethodPut, path, person("ana@example.com", noPhone...))
		require.NotContains(t, cleared.body, "phone_number")

		gone := p.send(http.MethodDelete, path, "")
		require.Equal(t, http.StatusNoContent, gone.status)
		require.Empty(t, gone.body)
		for _, call := range []struct{ method, path, body string }{
			{http.MethodDelete, path, ""}, {http.MethodGet, path, ""}, {http.MethodPut, path, person("ana@example.com")},
			{http.MethodGet, path + "/products", ""}, {http.MethodPost, path + "/products", `{"subproduct":"cards_individuals"}`},
		} {
			a := p.send(call.method, call.path, call.body)
			require.Equal(t, http.StatusNotFound, a.status, call.method)
			requireError(t, a, api.CodeNotFound, "Company client not found with id: "+client["id"].(string))
		}
		require.NotContains(t, p.send(http.MethodGet, clientsPath, "").body, client["id"])
		p.create("ana@example.com")
	})
}

// What an operation can't take names the field and the rule, never the value, and changes nothing.
func TestJourney_refused(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "refused.db")
	p := serve(t, "--sample", "--rate-limit", "0", "--db", db)
	path := p.create("canary@example.com")
	before := dump(t, db)
	for name, test := range map[string]struct {
		body    string
		status  int
		code    api.ErrorCode
		message string
	}{
		"underscore":  {person("canary2@example.com", "street_line1", "street_line_1"), 400, api.CodeBadRequest, "request body /address/street_line_1: is not known"},
		"misspelt":    {person("canary2@example.com", "phone_number", "phone_nubmer"), 400, api.CodeBadRequest, "request body /phone_nubmer: is not known"},
		"twice":       {person("canary2@example.com", `"city"`, `"state":"canary","city"`), 400, api.CodeBadRequest, "request body /address/state: this field stands twice"},
		"text behind": {person("canary2@example.com") + "canary", 400, api.CodeBadRequest, ""},
		"no day":      {person("canary2@example.com", "1984-11-21", "2025-02-30"), 400, api.CodeBadRequest, "request body /birth_date: must be a date of the calendar, written yyyy-mm-dd"},
		"fraction":    {person("canary2@example.com", "91123456789", "9112345678.0"), 400, api.CodeBadRequest, "request body /phone_number: must be written in digits only"},
		"exponent":    {person("canary2@example.com", ":54", ":5e1"), 400, api.CodeBadRequest, "request body /phone_country_code: must be written in digits only"},
		"code alone":  {person("canary2@example.com", `,"phone_number":91123456789`, ""), 400, api.CodeBadRequest, "request body /phone_number: must be there if phone_country_code is"},
		"NUL":         {person("canary2@example.com", `"Ana"`, `"canary\u0000"`), 400, api.CodeBadRequest, ""},
		"state":       {person("canary2@example.com", "ARG-B", "USA-CA"), 412, api.CodeVal, "request body /address/state: is not a state of the country"},
	} {
		for _, call := range [][2]string{{http.MethodPost, clientsPath}, {http.MethodPut, path}} {
			a := p.send(call[0], call[1], test.body)
			require.Equal(t, test.status, a.status, "%s: %s", name, a.body)
			requireError(t, a, test.code, test.message)
			require.NotContains(t, a.body, "canary", name)
		}
	}
	require.Equal(t, before, dump(t, db))
	p.Stop()
	require.NotContains(t, p.Output(), "canary")
}

// One key is one call: the same bytes again, and no other body.
func TestJourney_idempotency(t *testing.T) {
	t.Parallel()
	sampleOn(t, func(t *testing.T, p *service, _ string) {
		const header = "Idempotency-Key"
		first := p.send(http.MethodPost, clientsPath, person("ana@example.com"), header, "k-1")
		require.Equal(t, http.StatusCreated, first.status, first.body)
		again := p.send(http.MethodPost, clientsPath, "  "+person("ana@example.com"), header, "k-1")
		require.Equal(t, http.StatusCreated, again.status, again.body)
		require.Equal(t, first.body, again.body)
		other := p.send(http.MethodPost, clientsPath, person("bea@example.com"), header, "k-1")
		require.Equal(t, http.StatusUnprocessableEntity, other.status)
		requireError(t, other, api.CodeIdempotencyMismatch, "")

		path := clientsPath + "/" + first.decoded(t)["id"].(string)
		requested := p.send(http.MethodPost, path+"/products", `{"subproduct":"ramps_pix"}`, header, "k-1")
		require.Equal(t, http.StatusCreated, requested.status, "a key is an operation's")
		require.Equal(t, requested.body, p.send(http.MethodPost, path+"/products", `{"subproduct":"ramps_pix"}`, header, "k-1").body)

		require.Equal(t, http.StatusNoContent, p.send(http.MethodDelete, path, "").status)
		anew := p.send(http.MethodPost, clientsPath, person("ana@example.com"), header, "k-1")
		require.Equal(t, http.StatusCreated, anew.status, anew.body)
		require.NotEqual(t, first.body, anew.body, "what was kept went with the client")
	})
}

// Of 20 at once, one creates the client, and one requests the product.
func TestJourney_together(t *testing.T) {
	t.Parallel()
	const callers = 20
	sampleOn(t, func(t *testing.T, p *service, _ string) {
		together := func(call func(i int) answer) map[int]int {
			var mu sync.Mutex
			var group sync.WaitGroup
			statuses := make(map[int]int)
			for i := range callers {
				group.Go(func() {
					a := call(i)
					mu.Lock()
					defer mu.Unlock()
					statuses[a.status]++
				})
			}
			group.Wait()
			return statuses
		}
		require.Equal(t, map[int]int{201: 1, 400: callers - 1}, together(func(i int) answer {
			email := "ana@example.com"
			return p.send(http.MethodPost, clientsPath, person(strings.ToUpper(email[:i%10])+email[i%10:]))
		}))
		path := p.create("bea@example.com")
		require.Equal(t, map[int]int{201: 1, 409: callers - 1}, together(func(int) answer {
			return p.send(http.MethodPost, path+"/products", `{"subproduct":"cards_individuals"}`)
		}))
	})
}

// Every operation asks for its level, of a key that is good, from a good address, of the client's company; who is
// refused changes nothing.
func TestJourney_levels(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "levels.db")
	p := serve(t, "--sample", "--rate-limit", "0", "--db", db)
	key := func(flags ...string) string {
		t.Helper()
		r := command(t, "", append([]string{"keys", "create", "--db", db}, flags...)...)
		require.Zero(t, r.code, r.err)
		return strings.TrimSpace(r.out)
	}
	keys := map[string]string{"none": "", "unknown": "cm_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
	for level := range 4 {
		name := fmt.Sprintf("level-%d", level+1)
		keys[name] = key("--company", sample.Company, "--level", fmt.Sprint(min(level+1, 3)))
	}
	execute(t, db, fmt.Sprintf(`UPDATE api_keys SET level = 4 WHERE prefix = '%s'`, keys["level-4"][:8]))
	keys["revoked"] = key("--company", sample.Company, "--expires", "1ms")
	keys["wrong-address"] = key("--company", sample.Company, "--allow", "192.0.2.0/24")
	keys["other-company"] = sample.KeyOtherCompany

	path := p.create("ana@example.com")
	product := path + "/products/" + p.send(http.MethodPost, path+"/products", `{"subproduct":"cards_individuals"}`).decoded(t)["id"].(string)
	operations := []struct {
		name, method, path, body string
		level, success           int
		ofCompany                bool // it is about no client
	}{
		{"createClient", http.MethodPost, clientsPath, "", 1, 201, true},
		{"listClients", http.MethodGet, clientsPath, "", 1, 200, true},
		{"getClient", http.MethodGet, path, "", 1, 200, false},
		{"updateClient", http.MethodPut, path, person("ana@example.com", "Ana", "Anna"), 3, 200, false},
		{"requestProduct", http.MethodPost, path + "/products", `{"subproduct":"ramps_pix"}`, 3, 201, false},
		{"listProducts", http.MethodGet, path + "/products", "", 1, 200, false},
		{"submitProduct", http.MethodPost, product + "/submit", "", 3, 200, false},
		{"deleteClient", http.MethodDelete, path, "", 3, 204, false},
	}
	for _, o := range operations {
		for _, name := range []string{"none", "unknown", "revoked", "wrong-address", "level-1", "level-2", "other-company", "level-3", "level-4"} {
			body := o.body
			if o.name == "createClient" {
				body = person(name + "@example.com")
			}
			before := dump(t, db)
			a := p.send(o.method, o.path, body, "X-Api-Key", keys[name])
			level := strings.Index("0123456789", strings.TrimPrefix(name, "level-"))
			what := o.name + " by " + name + ": " + a.body
			switch {
			case slices.Contains([]string{"none", "unknown", "revoked"}, name):
				require.Equal(t, 401, a.status, what)
				requireError(t, a, api.CodeAuth, invalidKey.Message)
			case name == "wrong-address" || level > 0 && level < o.level:
				require.Equal(t, 401, a.status, what)
				requireError(t, a, api.CodeAPIError, denied.Message)
			case name == "other-company" && !o.ofCompany:
				require.Equal(t, 404, a.status, what)
				requireError(t, a, api.CodeNotFound, "Company client not found with id: "+strings.TrimPrefix(path, clientsPath+"/"))
			case name == "level-4" && o.name == "requestProduct":
				require.Equal(t, 409, a.status, "level 3 did it: "+what)
			case name == "level-4" && o.name == "deleteClient":
				require.Equal(t, 404, a.status, "level 3 did it: "+what)
			default:
				require.Equal(t, o.success, a.status, what)
				continue
			}
			require.Equal(t, before, dump(t, db), what)
		}
	}
}

// A submission that meets updates finds what the client was at one moment while it ran; and the audit has each of
// them once.
func TestJourney_race(t *testing.T) {
	t.Parallel()
	sampleOn(t, func(t *testing.T, p *service, db string) {
		const updates = 50
		path := p.create("ana@example.com", noPhone...)
		product := path + "/products/" + p.send(http.MethodPost, path+"/products", `{"subproduct":"cards_individuals"}`).decoded(t)["id"].(string)
		// begun and ended count updates: those between may or may not have been found. An odd one has a phone.
		var begun, ended atomic.Int64
		traces := make(map[string]string)
		var updating sync.WaitGroup
		updating.Go(func() {
			for i := 1; i <= updates; i++ {
				edits := noPhone
				if i%2 == 1 {
					edits = nil
				}
				begun.Store(int64(i))
				a := p.send(http.MethodPut, path, person("ana@example.com", edits...))
				ended.Store(int64(i))
				assert.Equal(t, http.StatusOK, a.status, a.body)
				traces[a.header.Get("X-Trace-Id")] = "updateClient"
			}
		})
		submitted := make(map[string]string)
		for ended.Load() < updates {
			from := ended.Load()
			a := p.send(http.MethodPost, product+"/submit", "")
			to := begun.Load()
			require.Equal(t, http.StatusOK, a.status, a.body)
			submitted[a.header.Get("X-Trace-Id")] = "submitProduct"
			missing := int64(0)
			if !strings.Contains(a.body, `"key":"phone"`) {
				missing = 1
			}
			require.True(t, to > from || from%2 == missing, "after update %d: %s", from, a.body)
		}
		updating.Wait()
		maps.Copy(traces, submitted)
		r := command(t, "", "audit", "--json", "--db", db, strings.TrimPrefix(path, clientsPath+"/"))
		require.Zero(t, r.code, r.err)
		var history struct {
			Audit []struct {
				Operation string `json:"operation"`
				TraceID   string `json:"trace_id"`
			} `json:"audit"`
		}
		require.NoError(t, json.Unmarshal([]byte(r.out), &history), r.out)
		audit := make(map[string]int)
		for _, row := range history.Audit {
			audit[row.Operation+" "+row.TraceID]++
		}
		for trace, operation := range traces {
			require.Equal(t, 1, audit[operation+" "+trace])
		}
		require.Len(t, audit, len(traces)+2, "one of creating and one of requesting")
	})
}

// What waits to be told of a client that goes is cancelled: no attempt comes any more, and the history stays.
func TestJourney_cancelled(t *testing.T) {
	t.Parallel()
	for kind, db := range map[string]string{"sqlite": sqliteFile(t), "postgres": pgtest.DSN(t)} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ok := func(stdin string, args ...string) string {
				t.Helper()
				r := command(t, stdin, append(args, "--db", db)...)
				require.Zero(t, r.code, r.err)
				return strings.TrimSpace(r.out)
			}
			ok("", "migrate")
			ok(dataFile(t), "import", "-")
			key := ok("", "keys", "create", "--company", "cmp_1")
			var attempts atomic.Int64
			provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				attempts.Add(1)
				w.WriteHeader(http.StatusServiceUnavailable)
			}))
			t.Cleanup(provider.Close)
			p := serve(t, "--db", db, "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret", secret,
				"--delivery-schedule", "2s,2s")
			require.Equal(t, http.StatusOK, p.call(http.MethodPost, path("cl_1", "rq_1"), key).status)
			require.Eventually(t, func() bool { return attempts.Load() > 0 }, patience, 10*time.Millisecond)
			require.Equal(t, http.StatusNoContent, p.call(http.MethodDelete, clientsPath+"/cl_1", key).status)

			require.Regexp(t, `rq_1 +cancelled`, ok("", "notifications", "list", "--state", "cancelled"))
			require.NotContains(t, ok("", "notifications", "list", "--state", "pending"), "rq_1")
			history := ok("", "audit", "cl_1")
			for _, operation := range []string{"submitProduct", "deleteClient"} {
				require.Contains(t, history, operation)
			}
			require.NotContains(t, history, "Canaria")
			// An attempt that was under way at the delete ends its job the next time it is worked.
			require.Eventually(t, func() bool {
				metrics := p.do(http.MethodGet, p.Admin+"/metrics", http.Header{}).body
				return !slices.ContainsFunc([]string{"available", "running", "retryable", "scheduled"}, func(state string) bool {
					return !strings.Contains(metrics, `enablement_queue_jobs{state="`+state+`"} 0`)
				})
			}, patience, 10*time.Millisecond, "no job is left")
		})
	}
}
