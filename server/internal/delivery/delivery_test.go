package delivery_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil { // most tests wait
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const (
	firstSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secondSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// quick is a schedule that tests can wait for.
var quick = delivery.Schedule{10 * time.Millisecond, 20 * time.Millisecond}

// bench is the real queue on a real database, and a provider that answers as the test says.
type bench struct {
	db       *sqlite.DB
	store    *sqlite.Store
	start    func() (stop func())
	observe  func(enablement.Delivery) // by queues that are started from now on
	received func() []*http.Request
}

func newBench(t *testing.T, schedule delivery.Schedule, answer http.HandlerFunc) *bench {
	t.Helper()
	b := &bench{}
	var mu sync.Mutex
	var requests []*http.Request
	b.received = func() []*http.Request {
		mu.Lock()
		defer mu.Unlock()
		return append([]*http.Request(nil), requests...)
	}
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests = append(requests, r)
		mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(provider.Close)

	logger := slog.New(slog.DiscardHandler)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	driver := riversqlite.New(db.Writer())
	require.NoError(t, db.Migrate(t.Context(), func(ctx context.Context) error {
		return delivery.Migrate(ctx, driver, logger)
	}))
	inserter, err := delivery.NewInserter(driver, logger)
	require.NoError(t, err)
	b.db = db
	b.store = sqlite.NewStore(db, inserter.EnqueueTx)
	require.NoError(t, b.store.Import(t.Context(), sample.Data(time.Now())))

	sender, err := delivery.NewSender(provider.URL+"/hook?token=in-the-query", []string{firstSecret, secondSecret}, true, time.Now)
	require.NoError(t, err)
	t.Cleanup(sender.Close)
	b.start = func() func() {
		queue, err := delivery.NewTestQueue(driver, delivery.Config{
			Ledger: b.store, Pruner: b.store, Sender: sender, Schedule: schedule, KeepJobs: time.Hour, KeepDeliveries: time.Hour, Process: "test", Clock: time.Now, Logger: logger,
			Observe: b.observe,
		}, river.TestConfig{})
		require.NoError(t, err)
		require.NoError(t, queue.Start(t.Context()))
		return func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			require.NoError(t, queue.Stop(ctx))
		}
	}
	return b
}

// submit makes the sample's complete request enter KYC and returns the notification's id.
func (b *bench) submit(t *testing.T) string {
	t.Helper()
	_, err := storetest.Submit(t.Context(), b.store, enablement.Call{
		CompanyID: sample.Company, ClientID: sample.Cases[0].ClientID, RequestID: sample.Cases[0].RequestID,
	}, time.Now())
	require.NoError(t, err)
	list, err := b.store.Notifications(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0].ID
}

// settled waits until the notification is not pending any more.
func (b *bench) settled(t *testing.T, id string) enablement.NotificationStatus {
	t.Helper()
	var status enablement.NotificationStatus
	require.Eventually(t, func() bool {
		var err error
		status, err = b.store.Notification(t.Context(), id)
		return err == nil && status.State != enablement.NotificationPending
	}, time.Minute, 5*time.Millisecond)
	return status
}

func (b *bench) jobState(t *testing.T) (state string) {
	t.Helper()
	require.NoError(t, b.db.Writer().QueryRow(`SELECT state FROM river_job WHERE kind = 'notification_deliver' ORDER BY id DESC LIMIT 1`).Scan(&state))
	return state
}

func TestQueue_delivered(t *testing.T) {
	t.Parallel()
	bodies := make(chan []byte, 1)
	b := newBench(t, quick, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- body
		w.WriteHeader(http.StatusAccepted)
	})
	defer b.start()()
	id := b.submit(t)
	status := b.settled(t, id)
	require.Equal(t, enablement.NotificationDelivered, status.State)
	require.Equal(t, 1, status.Attempts)
	require.Equal(t, http.StatusAccepted, status.LastStatusCode)

	request, body := b.received()[0], <-bodies
	require.Equal(t, http.MethodPost, request.Method)
	require.Equal(t, "/hook", request.URL.Path)
	require.Equal(t, "application/json", request.Header.Get("Content-Type"))
	require.Equal(t, id, request.Header.Get("webhook-id"))
	for _, secret := range []string{firstSecret, secondSecret} {
		verifier, err := standardwebhooks.NewWebhook(secret)
		require.NoError(t, err)
		require.NoError(t, verifier.Verify(body, request.Header), "each secret's signature is there")
		require.Error(t, verifier.Verify(append(body, ' '), request.Header))
	}
	stranger, err := standardwebhooks.NewWebhook("whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy")
	require.NoError(t, err)
	require.Error(t, stranger.Verify(body, request.Header))

	var notification api.Notification
	require.NoError(t, json.Unmarshal(body, &notification))
	require.Equal(t, api.NotificationProductInKyc, notification.Type)
	require.Equal(t, sample.Cases[0].RequestID, notification.Data.ID)
	require.Equal(t, sample.Cases[0].ClientID, notification.Data.ClientID)
	require.Equal(t, sample.Company, notification.Data.CompanyID)
	require.Equal(t, api.InKyc, notification.Data.Status)
	require.WithinDuration(t, time.Now(), notification.Data.SubmittedAt.Time, time.Minute)
}

func TestQueue_givesUp(t *testing.T) {
	t.Parallel()
	t.Run("after the last attempt", func(t *testing.T) {
		t.Parallel()
		var recovered atomic.Bool
		b := newBench(t, quick, func(w http.ResponseWriter, _ *http.Request) {
			if !recovered.Load() {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		defer b.start()()
		id := b.submit(t)
		status := b.settled(t, id)
		require.Equal(t, enablement.NotificationDead, status.State)
		require.Equal(t, quick.Attempts(), status.Attempts)

		recovered.Store(true)
		require.NoError(t, b.store.RetryNotification(t.Context(), id))
		status = b.settled(t, id)
		require.Equal(t, enablement.NotificationDelivered, status.State)
		require.Equal(t, quick.Attempts()+1, status.Attempts)
		require.Equal(t, id, b.received()[quick.Attempts()].Header.Get("webhook-id"))
	})
	t.Run("at once on 410", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, quick, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
		defer b.start()()
		id := b.submit(t)
		status := b.settled(t, id)
		require.Equal(t, enablement.NotificationDead, status.State)
		require.Equal(t, 1, status.Attempts)
		require.Eventually(t, func() bool { return b.jobState(t) == "cancelled" }, time.Minute, 5*time.Millisecond)
	})
}

// TestQueue_retryAfter checks that the provider's wish reaches the queue: the job is due no earlier.
func TestQueue_retryAfter(t *testing.T) {
	t.Parallel()
	b := newBench(t, delivery.Schedule{time.Millisecond, 24 * time.Hour}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	defer b.start()()
	b.submit(t)
	require.Eventually(t, func() bool { return b.jobState(t) == "retryable" }, time.Minute, 5*time.Millisecond)
	var due time.Time
	require.NoError(t, b.db.Writer().QueryRow(`SELECT scheduled_at FROM river_job WHERE kind = 'notification_deliver'`).Scan(&due))
	require.WithinDuration(t, time.Now().Add(time.Hour), due, time.Minute)
	require.Len(t, b.received(), 1)
}

// TestQueue_stop stops while an attempt hangs: it is cut, recorded, and made again by the next
// process without having been counted.
func TestQueue_stop(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 10)
	var answering atomic.Bool
	b := newBench(t, quick, func(_ http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		if !answering.Load() {
			_, _ = io.ReadAll(r.Body)
			<-r.Context().Done()
		}
	})
	stop := b.start()
	id := b.submit(t)
	<-reached
	stop()
	status, err := b.store.Notification(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, enablement.NotificationPending, status.State)
	require.Equal(t, "the service stopped during the attempt", status.LastFault)

	answering.Store(true)
	defer b.start()()
	require.Equal(t, enablement.NotificationDelivered, b.settled(t, id).State)
}

// TestQueue_settled finds a job whose notification was delivered before: its completion was lost.
func TestQueue_settled(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	id := b.submit(t)
	require.NoError(t, b.store.RecordDelivery(t.Context(), enablement.Delivery{
		NotificationID: id, StartedAt: time.Now(), StatusCode: 204, State: enablement.NotificationDelivered,
	}))
	defer b.start()()
	require.Eventually(t, func() bool { return b.jobState(t) == "completed" }, time.Minute, 5*time.Millisecond)
	require.Empty(t, b.received(), "it is not sent again")
}

// TestQueue_clientDeleted: nothing is told of a client that is gone but what is under way.
func TestQueue_clientDeleted(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"refused": http.StatusInternalServerError, "taken": http.StatusNoContent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached, answering := make(chan struct{}, 1), make(chan struct{})
			b := newBench(t, quick, func(w http.ResponseWriter, _ *http.Request) {
				reached <- struct{}{}
				<-answering
				w.WriteHeader(status)
			})
			defer b.start()()
			id := b.submit(t)
			<-reached
			_, err := b.store.Change(t.Context(), enablement.Call{CompanyID: sample.Company, ClientID: sample.Cases[0].ClientID},
				func(file enablement.File) (enablement.Change, error) {
					return enablement.DeleteClient(file, time.Now())
				})
			require.NoError(t, err)
			close(answering)
			require.Eventually(t, func() bool { return b.jobState(t) == "completed" }, time.Minute, 5*time.Millisecond)
			require.Len(t, b.received(), 1)
			n, err := b.store.Notification(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, enablement.NotificationCancelled, n.State)
			require.Equal(t, 1, n.Attempts)
			require.Equal(t, status, n.LastStatusCode)
		})
	}
}

// TestQueue_unknown finds a job of a notification that is not there.
func TestQueue_unknown(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	b.submit(t)
	_, err := b.db.Writer().Exec(`DELETE FROM notifications`)
	require.NoError(t, err)
	defer b.start()()
	require.Eventually(t, func() bool { return b.jobState(t) == "cancelled" }, time.Minute, 5*time.Millisecond)
	require.Empty(t, b.received())
}

// TestQueue_upkeep: the periodic job removes what an idempotency key was answered a day ago, and an upload that has been
// nobody's for more than an hour.
func TestQueue_upkeep(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	for key, at := range map[string]time.Time{
		"old": time.Now().Add(-enablement.IdempotencyWindow - time.Minute),
		"new": time.Now().Add(-enablement.IdempotencyWindow + time.Hour),
	} {
		_, err := storetest.Submit(t.Context(), b.store, storetest.Keyed(enablement.Call{
			CompanyID: sample.Company, ClientID: sample.Cases[1].ClientID, RequestID: sample.Cases[1].RequestID,
		}, key), at)
		require.NoError(t, err)
	}
	for _, since := range []time.Duration{time.Minute, time.Hour + time.Minute} {
		_, err := b.store.Upload(t.Context(), sample.Company, sample.Cases[1].ClientID, enablement.Upload{Type: "passport"}, time.Now().Add(-since))
		require.NoError(t, err)
	}
	defer b.start()()
	require.Eventually(t, func() bool {
		var responses, uploads int
		require.NoError(t, b.db.Writer().QueryRow(`SELECT (SELECT count(*) FROM idempotency), (SELECT count(*) FROM documents WHERE client_id IS NULL)`).
			Scan(&responses, &uploads))
		return responses == 1 && uploads == 1
	}, time.Minute, 5*time.Millisecond)
}

// TestQueue_finished: a job that is finished is kept for its time, and then removed by the next upkeep.
func TestQueue_finished(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	stop := b.start()
	b.settled(t, b.submit(t))
	stop()
	count := func() (n int) {
		require.NoError(t, b.db.Writer().QueryRow(`SELECT count(*) FROM river_job WHERE kind = 'notification_deliver'`).Scan(&n))
		return n
	}
	require.Equal(t, 1, count(), "it is kept for an hour")
	_, err := b.db.Writer().Exec(`UPDATE river_job SET finalized_at = datetime(finalized_at, '-1 hour', 'subsec')`)
	require.NoError(t, err)
	defer b.start()()
	require.Eventually(t, func() bool { return count() == 0 }, time.Minute, 5*time.Millisecond)
}

// TestQueue_many: of jobs that are worked together, each is settled, and none is worked twice.
func TestQueue_many(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	ids := b.share(t, 30)
	jobs := make([]enablement.Due, len(ids))
	for i, id := range ids {
		jobs[i].NotificationIDs = []string{id}
	}
	b.requeue(t, jobs...)
	defer b.start()()
	require.Eventually(t, func() bool { return b.jobsIn(t, "completed", false) == len(ids) }, time.Minute, 5*time.Millisecond)
	require.Equal(t, each(ids, 1), b.sentOf())
}

func TestInserter_rollback(t *testing.T) {
	t.Parallel()
	b := newBench(t, quick, func(http.ResponseWriter, *http.Request) {})
	inserter, err := delivery.NewInserter(riversqlite.New(b.db.Writer()), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	tx, err := b.db.Writer().BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, inserter.EnqueueTx(t.Context(), tx, []enablement.Due{{NotificationIDs: []string{"ntf_x"}}}))
	require.NoError(t, tx.Rollback())
	var n int
	require.ErrorIs(t, b.db.Writer().QueryRow(`SELECT id FROM river_job`).Scan(&n), sql.ErrNoRows)
}

func TestNewSender_refuses(t *testing.T) {
	t.Parallel()
	good := []string{firstSecret}
	for name, test := range map[string]struct {
		url     string
		secrets []string
		want    string
	}{
		"no URL":          {"", good, "provider URL"},
		"no scheme":       {"provider.example/hook", good, "provider URL"},
		"other scheme":    {"ftp://provider.example", good, "provider URL"},
		"user in URL":     {"https://me:pass@provider.example", good, "provider URL"},
		"no secret":       {"https://provider.example", nil, "at least one"},
		"no prefix":       {"https://provider.example", []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "whsec_"},
		"short":           {"https://provider.example", []string{"whsec_c2hvcnQ="}, "24 to 64 bytes"},
		"not base64":      {"https://provider.example", []string{"whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"}, "base64"},
		"metadata":        {"http://169.254.169.254/latest", good, "169.254.169.254 is no public address; --provider-allow-private"},
		"loopback":        {"http://127.0.0.1:8080/hook", good, "--provider-allow-private"},
		"loopback, IPv6":  {"https://[::1]/hook", good, "--provider-allow-private"},
		"mapped":          {"https://[::ffff:10.0.0.1]/hook", good, "--provider-allow-private"},
		"with a zone":     {"https://[fe80::1%25eth0]/hook", good, "--provider-allow-private"},
		"localhost":       {"https://LocalHost/hook", good, "--provider-allow-private"},
		"below localhost": {"https://a.localhost./hook", good, "--provider-allow-private"},
		"plain":           {"http://provider.example/hook", good, "must begin with https://"},
		"plain, capitals": {"HTTP://provider.example/hook", good, "must begin with https://"},
		"plain, address":  {"http://8.8.8.8/hook", good, "must begin with https://"},
		"no host":         {"https://:443/hook", good, "https://host/path"},
		"no such port":    {"https://provider.example:99999/hook", good, "https://host/path"},
		"second is wrong": {"https://provider.example", []string{firstSecret, "nonsense"}, "secret 2 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := delivery.NewSender(test.url, test.secrets, false, time.Now)
			require.ErrorContains(t, err, test.want)
			for _, secret := range test.secrets {
				require.NotContains(t, err.Error(), secret)
			}
			require.NotContains(t, err.Error(), "pass")
		})
	}
}
