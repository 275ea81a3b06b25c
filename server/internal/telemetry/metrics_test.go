package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
)

func scrape(t testing.TB, m *telemetry.Metrics) string {
	t.Helper()
	w := ask(m.Handler(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	return w.Body.String()
}

// series are the names and labels of a scrape, without Go's and the process's own.
func series(text string) (names []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "enablement_") {
			names = append(names, line[:strings.LastIndex(line, " ")])
		}
	}
	return names
}

// value is what a scrape says of one series.
func value(t *testing.T, text, name string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if found, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(found)
		}
	}
	require.Fail(t, "no series "+name, text)
	return ""
}

func someStats(context.Context, time.Time) (store.QueueStats, error) {
	return store.QueueStats{
		Available: 1, Running: 2, Retryable: 3, Scheduled: 4, OldestAvailable: 1500 * time.Millisecond, Pending: 5, Dead: 6,
	}, nil
}

func somePools() map[string]store.PoolStats {
	return map[string]store.PoolStats{
		"reader": {MaxOpen: 4, Open: 3, InUse: 2, Idle: 1, WaitCount: 7, WaitDuration: 250 * time.Millisecond},
		"writer": {},
	}
}

// TestMetrics tells a short story and compares all that is told of it with testdata.
func TestMetrics(t *testing.T) {
	t.Parallel()
	m := newMetrics(telemetry.MetricsConfig{
		Queue: someStats,
		Pools: somePools,
	})
	for _, call := range []server.Call{
		{Operation: "submitProduct", Route: route, Method: "POST", Status: 200, Duration: 400 * time.Microsecond},
		{Operation: "submitProduct", Route: route, Method: "POST", Status: 200, Duration: 3 * time.Millisecond},
		{Operation: "submitProduct", Route: route, Method: "POST", Status: 401, Code: api.CodeAuth, Duration: time.Millisecond},
		{Operation: "submitProduct", Route: route, Method: "POST", Status: 401, Code: api.CodeAPIError, Duration: time.Millisecond},
		{Operation: "submitProduct", Route: route, Method: "POST", Duration: 11 * time.Second},
		{Method: "other", Status: 405, Code: api.CodeMethodNotAllowed, Duration: time.Microsecond},
	} {
		m.ObserveCall(t.Context(), call)
	}
	incomplete := completed
	incomplete.Request.Status = enablement.PendingDocumentation
	incomplete.Request.Evaluation = enablement.Evaluation{
		Missing: enablement.Catalogue(enablement.CardsIndividuals),
		Rejected: []enablement.RejectedItem{
			{Type: enablement.DocumentItem, Key: "passport", Reason: "canary"},
			{Type: enablement.DataItem, Key: "phone", Reason: "canary"},
			{Type: enablement.DataItem, Key: "canary", Reason: "canary"},
			{Type: "canary", Key: "phone", Reason: "canary"},
		},
	}
	again := incomplete
	again.From = enablement.PendingDocumentation
	strange := completed
	strange.From, strange.Request.Status, strange.Request.Product = "canary", "canary too", "canary"
	for _, change := range []enablement.Change{
		incomplete, again, completed, strange, {Replayed: true, Response: []byte("canary")},
	} {
		m.ObserveWrite("submitProduct", time.Now(), change, nil)
	}
	for _, err := range []error{
		enablement.ErrClientNotFound, fmt.Errorf("canary: %w", enablement.ErrNotPending), errors.New("canary"),
	} {
		m.ObserveWrite("submitProduct", time.Now(), enablement.Change{}, err)
	}
	for _, state := range []enablement.NotificationState{
		enablement.NotificationPending, enablement.NotificationPending, enablement.NotificationDead, enablement.NotificationDelivered,
	} {
		m.ObserveDelivery(enablement.Delivery{
			NotificationID: "ntf_canary", Duration: 20 * time.Millisecond, Fault: "canary", Process: "canary", State: state,
		})
	}
	m.ObserveRequeued(7)
	text := scrape(t, m)
	require.NotContains(t, text, "canary")
	require.Contains(t, text, "go_goroutines")
	require.Contains(t, text, "process_open_fds")
	var told strings.Builder
	for line := range strings.Lines(text) {
		timed := strings.HasPrefix(line, "enablement_write_duration_seconds_") && !strings.HasPrefix(line, "enablement_write_duration_seconds_count")
		if strings.Contains(line, "enablement_") && !timed {
			told.WriteString(strings.ReplaceAll(line, runtime.Version(), "GOVERSION"))
		}
	}
	want, err := os.ReadFile("testdata/metrics.txt")
	require.NoError(t, err)
	require.Equal(t, string(want), told.String())

	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

// Whatever callers send, the series stay those of one call of each kind.
func TestNoCallerMakesASeries(t *testing.T) {
	t.Parallel()
	m := newMetrics(telemetry.MetricsConfig{})
	h := newHandler(t, m, nil, io.Discard)
	methods := []string{"POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "CANARY"}
	round := func(n int) {
		for _, method := range methods {
			ask(h, request(method, submitPath(fmt.Sprintf("canary_%d", n))))
			ask(h, request(method, fmt.Sprintf("/canary/%d", n)))
		}
		ask(h, request("POST", submitPath("a")+fmt.Sprintf("?canary%d=canary", n)))
		ask(h, request("POST", submitPath("missing")))
		ask(h, request("POST", submitPath("conflict")))
		ask(h, request("POST", submitPath("panic")))
		ask(h, request(fmt.Sprintf("CANARY%d", n), submitPath("a")))
		r := request("POST", submitPath("a"))
		r.Header.Set("X-Api-Key", fmt.Sprintf("cm_canary%d", n))
		ask(h, r)
	}
	round(0)
	before := series(scrape(t, m))
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for n := range 25 {
				round(caller*25 + n)
			}
		})
	}
	callers.Wait()
	text := scrape(t, m)
	require.ElementsMatch(t, before, series(text))
	require.NotContains(t, strings.ToLower(text), "canary")
	require.Equal(t, "101", value(t, text, `enablement_http_requests_total{code="AUTH",method="POST",route="`+route+`",status="401"}`))
	require.Equal(t, "101", value(t, text, `enablement_http_requests_total{code="",method="POST",route="`+route+`",status="200"}`))
	require.Equal(t, "606", value(t, text, `enablement_http_request_duration_seconds_count{method="POST",route="`+route+`"}`))
	require.Equal(t, "101", value(t, text, `enablement_transitions_total{from="requested",product="cards_individuals",to="in_kyc"}`))
}

func TestAbortedCall(t *testing.T) {
	t.Parallel()
	m := newMetrics(telemetry.MetricsConfig{})
	h := newHandler(t, m, nil, io.Discard)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { ask(h, request("POST", submitPath("abort"))) })
	text := scrape(t, m)
	require.Equal(t, "1", value(t, text, `enablement_http_requests_total{code="",method="POST",route="`+route+`",status="0"}`))
	require.Equal(t, "0", value(t, text, "enablement_http_requests_in_flight"))
}

func TestInFlight(t *testing.T) {
	t.Parallel()
	m := newMetrics(telemetry.MetricsConfig{})
	ask(m.InFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		require.Equal(t, "1", value(t, scrape(t, m), "enablement_http_requests_in_flight"))
	})), request("GET", "/"))
	require.Equal(t, "0", value(t, scrape(t, m), "enablement_http_requests_in_flight"))
}

// A queue that can't be read costs its own figures, and no others.
func TestQueueFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		read func(context.Context, time.Time) (store.QueueStats, error)
		why  string
	}{
		"error": {func(context.Context, time.Time) (store.QueueStats, error) {
			return store.QueueStats{Dead: 9}, errors.New("no database")
		}, "no database"},
		"slow": {func(ctx context.Context, _ time.Time) (store.QueueStats, error) {
			<-ctx.Done()
			return store.QueueStats{}, ctx.Err()
		}, context.DeadlineExceeded.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log journal
			failing := true
			m := newMetrics(telemetry.MetricsConfig{Logger: log.logger(), Queue: func(ctx context.Context, at time.Time) (store.QueueStats, error) {
				if failing {
					return test.read(ctx, at)
				}
				return someStats(ctx, at)
			}})
			started := time.Now()
			text := scrape(t, m)
			require.Less(t, time.Since(started), 8*time.Second)
			require.Equal(t, "1", value(t, text, "enablement_queue_stats_errors_total"))
			require.NotContains(t, text, "enablement_queue_jobs")
			require.NotContains(t, text, "enablement_notifications{")
			require.Contains(t, text, "enablement_build_info")
			require.Contains(t, log.String(), test.why)

			failing = false
			text = scrape(t, m)
			require.Equal(t, "1", value(t, text, "enablement_queue_stats_errors_total"))
			require.Equal(t, "6", value(t, text, `enablement_notifications{state="dead"}`))
		})
	}
}

// Even a panic at a scrape ends neither the process nor the scrape.
func TestQueuePanics(t *testing.T) {
	t.Parallel()
	var log journal
	m := newMetrics(telemetry.MetricsConfig{
		Logger: log.logger(),
		Queue:  func(context.Context, time.Time) (store.QueueStats, error) { panic("out of order") },
	})
	require.Contains(t, scrape(t, m), "enablement_build_info")
	require.Contains(t, log.String(), "out of order")
	require.Contains(t, scrape(t, m), `promhttp_metric_handler_errors_total{cause="gathering"} 1`)
}

// Two of them meet nowhere: there is no global registry.
func TestMetricsAreTheirOwn(t *testing.T) {
	t.Parallel()
	one, two := newMetrics(telemetry.MetricsConfig{}), newMetrics(telemetry.MetricsConfig{})
	one.ObserveDelivery(enablement.Delivery{State: enablement.NotificationDead})
	require.Equal(t, "1", value(t, scrape(t, one), `enablement_deliveries_total{result="dead"}`))
	require.Equal(t, "0", value(t, scrape(t, two), `enablement_deliveries_total{result="dead"}`))
	require.NotContains(t, scrape(t, one), "enablement_queue_jobs")
	require.NotContains(t, scrape(t, one), "enablement_database")
}
