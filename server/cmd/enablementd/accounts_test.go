package main_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
)

// incomplete is the client without documents, whose requests stay pending.
const incomplete = "cl_2"

// prepare makes a database with so many complete requests, rq_0001 and so on of cl_1, and as many incomplete
// ones, in_0001 and so on, and returns a key.
func prepare(t testing.TB, db string, requests int) (key string) {
	t.Helper()
	var data map[string][]map[string]any
	require.NoError(t, json.Unmarshal([]byte(dataFile(t)), &data))
	another := maps.Clone(data["clients"][0])
	another["id"] = incomplete
	data["clients"] = append(data["clients"], another)
	data["requests"] = nil
	for i := range requests {
		for prefix, client := range map[string]string{"rq": "cl_1", "in": incomplete} {
			data["requests"] = append(data["requests"], map[string]any{
				"id": numbered(prefix, i+1), "client_id": client, "product": "cards_individuals", "status": "pending_documentation",
			})
		}
	}
	text, err := json.Marshal(data)
	require.NoError(t, err)
	for _, args := range [][]string{{"migrate"}, {"import", "-"}} {
		r := command(t, string(text), append(args, "--db", db)...)
		require.Zero(t, r.code, r.err)
	}
	r := command(t, "", "keys", "create", "--company", "cmp_1", "--db", db)
	require.Zero(t, r.code, r.err)
	return strings.TrimSpace(r.out)
}

// hasty is a schedule for tests: no wait is longer than their patience.
const hasty = "200ms,200ms,400ms,400ms,1s,1s,1s,1s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s"

// receiver is a provider that takes every notification and keeps account.
type receiver struct {
	url string

	mu    sync.Mutex
	known map[string]map[string]bool // request → notifications
	wrong []string
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	r := &receiver{known: make(map[string]map[string]bool)}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			err = verifier.Verify(body, request.Header)
		}
		var n api.Notification
		if err == nil {
			err = json.Unmarshal(body, &n)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil {
			r.wrong = append(r.wrong, err.Error())
			return
		}
		if r.known[n.Data.ID] == nil {
			r.known[n.Data.ID] = make(map[string]bool)
		}
		r.known[n.Data.ID][request.Header.Get("webhook-id")] = true
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// flags are those of a service that tells this provider.
func (r *receiver) flags(db string, more ...string) []string {
	return append([]string{
		"--db", db, "--rate-limit", "0", "--provider-allow-private", "--provider-url", r.url, "--provider-secret", secret,
		"--delivery-schedule", hasty,
	}, more...)
}

// row is what the database says of a request.
type row struct {
	status                                string
	audit, notifications, recorded, known int
}

var (
	untouched = row{status: "pending_documentation"}
	// settled: one transition, one audit row, one notification, which is delivered, and of which the
	// provider knows.
	settled = row{status: "in_kyc", audit: 1, notifications: 1, recorded: 1, known: 1}
)

// rows are what the database and the provider say of all requests.
func rows(t require.TestingT, location string, provider *receiver) map[string]row {
	driver := "pgx"
	if !strings.Contains(location, "://") {
		driver, location = "sqlite", "file:"+location+"?mode=ro&_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, location)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	result := make(map[string]row)
	list, err := db.Query(`
		SELECT r.id, r.status,
		       (SELECT count(*) FROM audit a WHERE a.request_id = r.id),
		       (SELECT count(*) FROM notifications n WHERE n.request_id = r.id),
		       (SELECT count(*) FROM notifications n WHERE n.request_id = r.id AND n.state = 'delivered')
		FROM requests r`)
	require.NoError(t, err)
	defer func() { _ = list.Close() }()
	provider.mu.Lock()
	defer provider.mu.Unlock()
	require.Empty(t, provider.wrong)
	for list.Next() {
		var id string
		var r row
		require.NoError(t, list.Scan(&id, &r.status, &r.audit, &r.notifications, &r.recorded))
		r.known = len(provider.known[id])
		result[id] = r
	}
	require.NoError(t, list.Err())
	return result
}

// requireSettled waits until these requests are settled, and requires that all others are untouched.
func requireSettled(t testing.TB, location string, provider *receiver, ids map[string]bool) {
	t.Helper()
	var all map[string]row
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		all = rows(t, location, provider)
		for id := range ids {
			require.Equal(t, settled, all[id], id)
		}
	}, patience, 50*time.Millisecond)
	for id, r := range all {
		if !ids[id] {
			require.Equal(t, untouched, r, id)
		}
	}
}

// try makes one submission, with an idempotency key unless that is empty.
func (p *service) try(ctx context.Context, key, id, idempotencyKey string) (answer, error) {
	client := "cl_1"
	if strings.HasPrefix(id, "in_") {
		client = incomplete
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+path(client, id), nil)
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("X-Api-Key", key)
	if idempotencyKey != "" {
		r.Header.Set("Idempotency-Key", idempotencyKey)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// submit is try for one that must be answered.
func (p *service) submit(key, id, idempotencyKey string) answer {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	a, err := p.try(ctx, key, id, idempotencyKey)
	require.NoError(p.t, err)
	return a
}

// code is the error code of an answer.
func (a answer) code() api.ErrorCode {
	var body api.Error
	_ = json.Unmarshal([]byte(a.body), &body) // none then
	return body.Code
}

// unavailable tells whether the answer is the 503 that callers are promised.
func (a answer) unavailable() bool {
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	return a.status == http.StatusServiceUnavailable && a.code() == api.CodeServiceUnavailable && err == nil && seconds > 0
}

// eventually submits until the answer is no 503 and no IDEMPOTENCY_IN_PROGRESS, both of which tell the caller
// to come again.
func (p *service) eventually(key, id, idempotencyKey string) (a answer) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		a = p.submit(key, id, idempotencyKey)
		return !a.unavailable() && a.code() != api.CodeIdempotencyInProgress
	}, patience, 10*time.Millisecond)
	return a
}

func sqliteFile(t testing.TB) string { return filepath.Join(t.TempDir(), "enablement.db") }
