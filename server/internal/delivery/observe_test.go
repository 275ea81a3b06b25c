package delivery_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// TestQueue_observe: every attempt is observed once, in the order of the ledger.
func TestQueue_observe(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	var attempts atomic.Int32
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader([]int{http.StatusInternalServerError, http.StatusGone, http.StatusOK}[attempts.Add(1)-1])
	}))
	t.Cleanup(provider.Close)
	sender, err := delivery.NewSender(provider.URL, []string{firstSecret}, true, time.Now)
	require.NoError(t, err)
	t.Cleanup(sender.Close)
	var mutex sync.Mutex
	var observed []enablement.Delivery
	queue, err := delivery.NewTestQueue(riversqlite.New(b.db.Writer()), delivery.Config{
		Ledger: b.store, Pruner: b.store, Sender: sender, Schedule: quick, Process: "observed", Clock: time.Now,
		Logger: slog.New(slog.DiscardHandler),
		Observe: func(d enablement.Delivery) {
			mutex.Lock()
			defer mutex.Unlock()
			observed = append(observed, d)
		},
	}, river.TestConfig{})
	require.NoError(t, err)
	require.NoError(t, queue.Start(t.Context()))
	id := b.submit(t)
	require.Equal(t, enablement.NotificationDead, b.settled(t, id).State)
	require.NoError(t, b.store.RetryNotification(t.Context(), id))
	require.Equal(t, enablement.NotificationDelivered, b.settled(t, id).State)
	require.NoError(t, queue.Stop(t.Context()))

	require.Len(t, observed, 3)
	states := make([]enablement.NotificationState, len(observed))
	codes := make([]int, len(observed))
	for i, d := range observed {
		require.Equal(t, id, d.NotificationID)
		require.Equal(t, "observed", d.Process)
		require.Positive(t, d.Duration)
		states[i], codes[i] = d.State, d.StatusCode
	}
	require.Equal(t, []enablement.NotificationState{
		enablement.NotificationPending, enablement.NotificationDead, enablement.NotificationDelivered,
	}, states)
	require.Equal(t, []int{500, 410, 200}, codes)
}
