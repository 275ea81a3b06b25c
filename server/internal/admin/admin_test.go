package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/admin"
	"github.com/cryptomate-go/enablement/server/internal/store"
)

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
}

func call(h http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:8081"
	for name, values := range header {
		r.Header[name] = values
	}
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	t.Parallel()
	logger, parts := slog.New(slog.DiscardHandler), admin.Parts{Metrics: text("metrics"), Queue: text("queue")}
	plain := admin.New(admin.Config{Logger: logger})
	plain.Started(parts)
	profiling := admin.New(admin.Config{Profiles: true, Logger: logger})
	profiling.Started(parts)
	loopback := admin.New(admin.Config{Loopback: true, Logger: logger})
	parts.Sample = text("stand-in")
	loopback.Started(parts)
	for name, test := range map[string]struct {
		handler http.Handler
		method  string
		path    string
		header  http.Header
		status  int
		body    string
	}{
		"health":               {plain, "GET", "/healthz", nil, 200, `{"status":"ok"}`},
		"metrics":              {plain, "GET", "/metrics", nil, 200, "metrics"},
		"queue":                {plain, "GET", "/riverui/jobs", nil, 200, "queue"},
		"queue changes":        {plain, "POST", "/riverui/api/jobs/retry", nil, 200, "queue"},
		"start":                {plain, "GET", "/", nil, 302, ""},
		"no stand-in":          {plain, "POST", "/sample/reset", nil, 404, ""},
		"stand-in":             {loopback, "POST", "/sample/reset", nil, 200, "stand-in"},
		"stand-in from a site": {loopback, "POST", "/sample/reset", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, ""},
		"other":                {plain, "GET", "/management/x", nil, 404, ""},
		"wrong method":         {plain, "POST", "/healthz", nil, 405, ""},
		"no profiles":          {plain, "GET", "/debug/pprof/", nil, 404, ""},
		"profiles":             {profiling, "GET", "/debug/pprof/", nil, 200, "goroutine"},
		"command line":         {profiling, "GET", "/debug/pprof/cmdline", nil, 404, ""},
		"by name":              {plain, "GET", "/healthz", http.Header{"Host": {"evil.example"}}, 421, "IP address"},
		"by another address":   {plain, "GET", "/healthz", http.Header{"Host": {"192.0.2.1:8081"}}, 200, "ok"},
		"by loopback":          {loopback, "GET", "/healthz", http.Header{"Host": {"127.0.0.2"}}, 200, "ok"},
		"not by loopback":      {loopback, "GET", "/healthz", http.Header{"Host": {"192.0.2.1:8081"}}, 421, "loopback address"},
		"loopback by name":     {loopback, "POST", "/riverui/api/jobs/delete", http.Header{"Host": {"evil.example"}}, 421, "loopback address"},
		"by localhost":         {plain, "GET", "/healthz", http.Header{"Host": {"localhost:8081"}}, 200, "ok"},
		"by IPv6":              {plain, "GET", "/healthz", http.Header{"Host": {"[::1]:8081"}}, 200, "ok"},
		"from another site":    {plain, "POST", "/riverui/api/jobs/delete", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403, ""},
		"from another origin":  {plain, "POST", "/riverui/api/jobs/delete", http.Header{"Origin": {"https://evil.example"}}, 403, ""},
		"from the same origin": {plain, "POST", "/riverui/api/jobs/delete", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200, "queue"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(test.handler, test.method, test.path, test.header)
			require.Equal(t, test.status, got.Code, got.Body.String())
			require.Contains(t, got.Body.String(), test.body)
			require.Equal(t, "nosniff", got.Header().Get("X-Content-Type-Options"))
			if test.status >= 400 {
				var body api.Error
				require.NoError(t, json.Unmarshal(got.Body.Bytes(), &body), got.Body.String())
				require.Equal(t, "application/json", got.Header().Get("Content-Type"))
				require.True(t, body.Code.Valid())
				require.NotEmpty(t, body.Message)
				require.Regexp(t, "^[0-9a-f]{32}$", body.TraceID)
				require.Equal(t, body.TraceID, got.Header().Get("X-Trace-Id"))
			}
			if test.status == http.StatusMethodNotAllowed {
				require.Equal(t, "GET, HEAD", got.Header().Get("Allow"))
			}
		})
	}
}

// TestHandler_queue: the queue opens on what fails, or else on what is done.
func TestHandler_queue(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		retryable int
		err       error
		state     string
	}{
		"well": {0, nil, "completed"}, "failing": {2, nil, "retryable"}, "database away": {2, errors.New("gone"), "completed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := admin.New(admin.Config{Logger: slog.New(slog.DiscardHandler)})
			h.Started(admin.Parts{Queue: text("queue"), Stats: func(context.Context, time.Time) (store.QueueStats, error) {
				return store.QueueStats{Retryable: test.retryable}, test.err
			}})
			got := call(h, "GET", "/riverui/", nil)
			require.Equal(t, http.StatusFound, got.Code)
			require.Equal(t, "/riverui/jobs?state="+test.state, got.Header().Get("Location"))
		})
	}
}

// TestHandler_starting: the process runs, and is not ready.
func TestHandler_starting(t *testing.T) {
	t.Parallel()
	h := admin.New(admin.Config{Profiles: true, Logger: slog.New(slog.DiscardHandler)})
	require.Equal(t, http.StatusOK, call(h, "GET", "/healthz", nil).Code)
	require.Equal(t, http.StatusOK, call(h, "GET", "/debug/pprof/", nil).Code)
	for _, path := range []string{"/readyz", "/metrics", "/riverui/jobs"} {
		got := call(h, "GET", path, nil)
		require.Equal(t, http.StatusServiceUnavailable, got.Code)
		require.JSONEq(t, `{"status":"starting"}`, got.Body.String(), path)
	}
	h.Drain()
	require.JSONEq(t, `{"status":"draining"}`, call(h, "GET", "/readyz", nil).Body.String())
}

func TestHandler_ready(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var database error
	h := admin.New(admin.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	h.Started(admin.Parts{
		Checks: []admin.Check{
			{Name: "database", Run: func(context.Context) error { return database }},
			{Name: "workers", Run: func(context.Context) error { return nil }},
		},
		Metrics: text(""), Queue: text(""),
	})
	got := call(h, "GET", "/readyz", nil)
	require.Equal(t, http.StatusOK, got.Code)
	require.JSONEq(t, `{"status":"ready","checks":{"database":"ok","workers":"ok"}}`, got.Body.String())

	database = errors.New("disk on fire")
	got = call(h, "GET", "/readyz", nil)
	require.Equal(t, http.StatusServiceUnavailable, got.Code)
	require.JSONEq(t, `{"status":"not ready","checks":{"database":"failed","workers":"ok"}}`, got.Body.String())
	require.Contains(t, log.String(), "disk on fire", "the log says why")
	require.Equal(t, http.StatusOK, call(h, "GET", "/healthz", nil).Code, "that is no reason for a restart")

	database = nil
	h.Drain()
	got = call(h, "GET", "/readyz", nil)
	require.Equal(t, http.StatusServiceUnavailable, got.Code)
	require.True(t, strings.Contains(got.Body.String(), `"draining"`))
}
