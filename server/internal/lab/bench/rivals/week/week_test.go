package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// Whose key a submission has.
const (
	right   = "of the company"
	low     = "of the company, of a level that is too low"
	foreign = "of another company"
	wrong   = "of nobody"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// TestAlike: on both databases, the rival answers as the service does, and tells the provider the same.
func TestAlike(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	service, rival := filepath.Join(dir, "enablementd"), filepath.Join(dir, "week")
	build(t, "../../../../../..", service, "./server/cmd/enablementd")
	build(t, ".", rival, ".")
	for name, database := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "week.db") },
		"postgres": func(t *testing.T) string { t.Helper(); return pgtest.DSN(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := submitAll(t, service, service, database(t)), submitAll(t, service, rival, database(t))
			require.Len(t, ours, len(submissions)+1)
			require.Equal(t, ours, theirs)
		})
	}
}

func build(t *testing.T, module, program, of string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "build", "-C", module, "-o", program, of).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// submissions are made one after the other.
var submissions = []struct {
	path, key string
	status    int
}{
	{sample.Cases[0].Path(), right, http.StatusOK},
	{sample.Cases[0].Path(), right, http.StatusConflict},
	{sample.Cases[1].Path(), right, http.StatusOK},
	{sample.Cases[2].Path(), right, http.StatusOK},
	{sample.Cases[3].Path(), right, http.StatusConflict},
	{sample.Cases[5].Path(), wrong, http.StatusUnauthorized},
	{sample.Cases[5].Path(), low, http.StatusUnauthorized},
	{sample.Cases[5].Path(), foreign, http.StatusNotFound},
	{sample.Case{ClientID: sample.Cases[5].ClientID, RequestID: "unknown"}.Path(), right, http.StatusNotFound},
}

// submitAll returns the answers, and what the provider was told, without times and trace ids.
func submitAll(t *testing.T, service, program, db string) (answers []string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	told := make(chan string, len(submissions))
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		if err != nil || r.Header.Get("Content-Type") != "application/json" {
			body = []byte(`{"refused": "` + r.Header.Get("Content-Type") + `"}`)
		}
		told <- string(body)
	}))
	t.Cleanup(provider.Close)
	key, err := process.Prepare(t.Context(), service, db, sample.Company, sample.Data(time.Now()))
	require.NoError(t, err)
	keys := map[string]string{right: key, wrong: "wrong"}
	for name, flags := range map[string][]string{low: {sample.Company, "--level", "1"}, foreign: {sample.OtherCompany}} {
		keys[name], err = process.Run(t.Context(), service, nil, append([]string{"keys", "create", "--db", db, "--company"}, flags...)...)
		require.NoError(t, err)
	}
	p, err := process.Listen(t.Context(), program, "--db", db, "--provider-allow-private", "--provider-url", provider.URL,
		"--provider-secret", secret, "--log-level", "error", "--rate-limit", "0")
	require.NoError(t, err)
	t.Cleanup(func() { require.Zero(t, p.Stop(), p.Output()) })
	for _, s := range submissions {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+s.path, nil)
		require.NoError(t, err)
		request.Header.Set("X-Api-Key", keys[s.key])
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, s.status, response.StatusCode, "%s", body)
		require.Equal(t, "application/json", response.Header.Get("Content-Type"))
		require.Len(t, response.Header.Get("X-Trace-Id"), 32)
		answers = append(answers, timeless(t, string(body)))
	}
	answers = append(answers, timeless(t, <-told))
	require.Eventually(t, func() bool {
		list, err := process.Run(t.Context(), service, nil, "notifications", "list", "--db", db)
		return err == nil && strings.Contains(list, "delivered") && !strings.Contains(list, "pending")
	}, time.Minute, 100*time.Millisecond)
	require.Empty(t, told, "once")
	audit, err := process.Run(t.Context(), service, nil, "audit", sample.Cases[0].RequestID, "--db", db)
	require.NoError(t, err)
	require.Contains(t, audit, "pending_documentation")
	require.Contains(t, audit, "200")
	return answers
}

// timeless is the text without what differs from call to call.
func timeless(t *testing.T, text string) string {
	t.Helper()
	var value map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	for _, within := range []any{value, value["product"], value["data"]} {
		if object, ok := within.(map[string]any); ok {
			for _, name := range []string{"trace_id", "timestamp", "updated_at", "submitted_at"} {
				delete(object, name)
			}
		}
	}
	left, err := json.Marshal(value)
	require.NoError(t, err)
	return string(left)
}
