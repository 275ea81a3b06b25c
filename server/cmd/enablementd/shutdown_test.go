package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestShutdown_underLoad stops the service while it is busy. Callers stop to call when it is not
// ready any more, as a load balancer would make them: then no answer is cut, and what was not
// delivered yet is by the next process.
func TestShutdown_underLoad(t *testing.T) {
	t.Parallel()
	const requests = 400
	db := filepath.Join(t.TempDir(), "load.db")
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	require.Zero(t, command(t, manyRequests(t, requests), "import", "-", "--db", db).code)
	key := strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--db", db).out)

	var there atomic.Bool
	var delivered sync.Map
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !there.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		delivered.Store(r.Header.Get("webhook-id"), true)
	}))
	defer provider.Close()
	flags := []string{
		"--db", db, "--rate-limit", "0", "--provider-allow-private", "--provider-url", provider.URL, "--provider-secret", secret,
		"--delivery-schedule", hasty,
	}
	p := serve(t, append(flags, "--drain-delay", "1s")...)

	var next, accepted, cut atomic.Int64
	var stopped atomic.Bool
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			client := &http.Client{}
			for !stopped.Load() {
				id := numbered("rq", int(next.Add(1)))
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path("cl_1", id), nil)
				if err != nil {
					cut.Add(1)
					return
				}
				r.Header.Set("X-Api-Key", key)
				resp, err := client.Do(r)
				if err != nil {
					cut.Add(1)
					continue
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				switch {
				case err != nil || !json.Valid(body):
					cut.Add(1)
				case resp.StatusCode == http.StatusOK:
					accepted.Add(1)
				}
			}
		})
	}
	require.Eventually(t, func() bool { return accepted.Load() > 20 }, patience, time.Millisecond)
	p.Signal(syscall.SIGTERM)
	require.Eventually(t, func() bool {
		return p.do(http.MethodGet, p.Admin+"/readyz", http.Header{}).status == http.StatusServiceUnavailable
	}, patience, time.Millisecond, "not ready comes first")
	stopped.Store(true)
	group.Wait()
	require.Zero(t, p.Wait(), p.Output())
	require.Zero(t, cut.Load(), "no answer was cut")

	there.Store(true)
	p = serve(t, flags...)
	require.Eventually(t, func() bool {
		n := int64(0)
		delivered.Range(func(any, any) bool { n++; return true })
		return n == accepted.Load()
	}, patience, 10*time.Millisecond, "what was accepted is delivered by the next process")
	require.Zero(t, p.Stop())
}

// TestShutdown_secondSignal: whoever asks twice doesn't want to wait.
func TestShutdown_secondSignal(t *testing.T) {
	t.Parallel()
	p := serve(t, "--sample", "--drain-delay", "1m", "--shutdown-timeout", "2m")
	p.Signal(syscall.SIGTERM)
	p.waitFor("stopping")
	p.Signal(syscall.SIGTERM)
	require.Equal(t, -1, p.Wait(), "it was ended by the signal")
}

// manyRequests is the import file with its one request many times.
func manyRequests(t *testing.T, n int) string {
	t.Helper()
	var data map[string][]map[string]any
	require.NoError(t, json.Unmarshal([]byte(dataFile(t)), &data))
	data["requests"] = nil
	for i := range n {
		data["requests"] = append(data["requests"], map[string]any{
			"id": numbered("rq", i+1), "client_id": "cl_1", "product": "cards_individuals", "status": "requested",
		})
	}
	text, err := json.Marshal(data)
	require.NoError(t, err)
	return string(text)
}

func numbered(prefix string, n int) string { return fmt.Sprintf("%s_%04d", prefix, n) }
