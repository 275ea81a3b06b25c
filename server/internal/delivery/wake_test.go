package delivery_test

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// TestQueue_Wake: a queue that would look for work once a day works when it is woken, and wakes itself for a retry.
func TestQueue_Wake(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, nil)
	var attempts atomic.Int32
	p := provider(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader([]int{http.StatusInternalServerError, http.StatusGone, http.StatusOK}[attempts.Add(1)-1])
	})
	sender, err := delivery.NewSender(p.URL, []string{firstSecret}, true, time.Now)
	require.NoError(t, err)
	t.Cleanup(sender.Close)
	queue, err := delivery.NewSleepingQueue(riversqlite.New(b.db.Writer()), delivery.Config{
		Ledger: b.store, Pruner: b.store, Sender: sender, Schedule: quick, Process: "test", Clock: time.Now,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	queue.Wake() // nobody is there to be woken
	require.NoError(t, queue.Start(t.Context()))
	id := b.submit(t)
	queue.Wake()
	require.Equal(t, enablement.NotificationDead, b.settled(t, id).State)
	require.NoError(t, b.store.RetryNotification(t.Context(), id))
	queue.Wake()
	require.Equal(t, enablement.NotificationDelivered, b.settled(t, id).State)
	require.NoError(t, queue.Stop(t.Context()))
	queue.Wake()
}
