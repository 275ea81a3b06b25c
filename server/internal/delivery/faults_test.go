package delivery_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

// clock stands until it is moved; the queue takes its time from it, too.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) NowOrNil() *time.Time {
	now := c.Now()
	return &now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// outage is the real queue on the published schedule, days of which pass at once: the queue is
// stopped, the clock moved, and the queue started again.
type outage struct {
	t      *testing.T
	clock  *clock
	db     *sqlite.DB
	store  *sqlite.Store
	sender *delivery.Sender
	id     string
	stop   func()
	logger *slog.Logger
}

func newOutage(t *testing.T, address string) *outage {
	t.Helper()
	o := &outage{t: t, logger: slog.New(slog.DiscardHandler), clock: &clock{now: time.Now().UTC().Truncate(time.Second)}}
	var err error
	o.db, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.db.Close()) })
	driver := riversqlite.New(o.db.Writer())
	require.NoError(t, o.db.Migrate(t.Context(), func(ctx context.Context) error {
		return delivery.Migrate(ctx, driver, o.logger)
	}))
	inserter, err := delivery.NewTestInserter(driver, river.TestConfig{Time: o.clock})
	require.NoError(t, err)
	o.store = sqlite.NewStore(o.db, inserter.EnqueueTx)
	require.NoError(t, o.store.Import(t.Context(), sample.Data(o.clock.Now())))
	o.sender, err = delivery.NewSender(address, []string{firstSecret}, true, o.clock.Now)
	require.NoError(t, err)
	t.Cleanup(o.sender.Close)

	b := &bench{db: o.db, store: o.store}
	o.id = b.submit(t)
	t.Cleanup(func() {
		if o.stop != nil {
			o.stop()
		}
	})
	return o
}

func (o *outage) config() delivery.Config {
	return delivery.Config{
		Ledger: o.store, Pruner: o.store, Sender: o.sender, Schedule: delivery.DefaultSchedule,
		KeepJobs: 240 * time.Hour, KeepDeliveries: 2400 * time.Hour, Process: "test", Clock: o.clock.Now, Logger: o.logger,
	}
}

// work lets the queue work until so many attempts are in the ledger.
func (o *outage) work(attempts int) (status enablement.NotificationStatus) {
	o.t.Helper()
	o.workUntil(func() bool {
		var err error
		status, err = o.store.Notification(o.t.Context(), o.id)
		return err == nil && status.Attempts >= attempts
	})
	return status
}

// workUntil lets the queue work until something has happened.
func (o *outage) workUntil(happened func() bool) {
	o.t.Helper()
	queue, err := delivery.NewTestQueue(riversqlite.New(o.db.Writer()), o.config(), river.TestConfig{Time: o.clock})
	require.NoError(o.t, err)
	require.NoError(o.t, queue.Start(o.t.Context()))
	o.stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(o.t, queue.Stop(ctx))
		o.stop = nil
	}
	require.Eventually(o.t, happened, time.Minute, 5*time.Millisecond)
	o.stop()
}

// due is how long from now the next attempt is due.
func (o *outage) due() time.Duration {
	o.t.Helper()
	var at time.Time
	require.NoError(o.t, o.db.Writer().QueryRow(
		`SELECT scheduled_at FROM river_job WHERE kind = 'notification_deliver' ORDER BY id DESC LIMIT 1`).Scan(&at))
	return at.Sub(o.clock.Now())
}

// requireDue holds the next attempt to the step of the published schedule after so many attempts.
func (o *outage) requireDue(attempts int) {
	o.t.Helper()
	step := delivery.DefaultSchedule[attempts-1].Seconds()
	require.InDelta(o.t, step, o.due().Seconds(), 0.2*step+1)
}

// provider listens at an address that can be there, or not.
func provider(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s
}

// TestFaults has the provider fail in one way, and recover: the notification is delivered on the
// next step of the published schedule.
func TestFaults(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, last string) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, last)
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}
	for name, test := range map[string]struct {
		fail   http.HandlerFunc
		fault  string
		status int
	}{
		"500":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "the provider answered 500", 500},
		"400":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, "the provider answered 400", 400},
		"302":         {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, "the provider answered 302; redirects are not followed", 302},
		"reset":       {func(w http.ResponseWriter, _ *http.Request) { cut(w, "") }, "the connection to the provider broke", 0},
		"garbage":     {func(w http.ResponseWriter, _ *http.Request) { cut(w, "this is not HTTP\r\n\r\n") }, "the connection to the provider broke", 0},
		"half a head": {func(w http.ResponseWriter, _ *http.Request) { cut(w, "HTTP/1.1 200 OK\r\nContent-Le") }, "the connection to the provider broke", 0},
		"half read": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, 10)
			cut(w, "")
		}, "the connection to the provider broke", 0},
		"hang": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, "no answer in time", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var recovered atomic.Bool
			s := provider(t, func(w http.ResponseWriter, r *http.Request) {
				if !recovered.Load() {
					test.fail(w, r)
				}
			})
			o := newOutage(t, s.URL)
			o.sender.SetTimeout(200 * time.Millisecond)
			status := o.work(1)
			require.Equal(t, test.fault, status.LastFault)
			require.Equal(t, test.status, status.LastStatusCode)
			require.Equal(t, enablement.NotificationPending, status.State)
			o.requireDue(1)

			recovered.Store(true)
			o.sender.SetTimeout(delivery.AnswerTimeout)
			o.clock.advance(o.due() + time.Second)
			require.Equal(t, enablement.NotificationDelivered, o.work(2).State)
		})
	}
}

func TestFaults_refused(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	o := newOutage(t, "http://"+address)
	require.Equal(t, "no connection to the provider", o.work(1).LastFault)
	o.requireDue(1)

	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	require.NoError(t, s.Listener.Close())
	s.Listener, err = net.Listen("tcp", address)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(s.Close)
	o.clock.advance(o.due() + time.Second)
	require.Equal(t, enablement.NotificationDelivered, o.work(2).State)
}

func TestFaults_tls(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS() // with a certificate that nobody trusts
	t.Cleanup(s.Close)
	o := newOutage(t, s.URL)
	require.Equal(t, "the provider's certificate can't be verified", o.work(1).LastFault)
	o.requireDue(1)
}

// TestFaults_retryAfter: a provider that asks for more time than the schedule has gets it.
func TestFaults_retryAfter(t *testing.T) {
	t.Parallel()
	type form struct {
		value string
		wait  time.Duration
	}
	asked := func(now time.Time) map[string]form {
		at := now.Add(time.Hour).UTC()
		return map[string]form{
			"seconds":            {"3600", time.Hour},
			"a fraction":         {"3600.25", time.Hour + 250*time.Millisecond},
			"date":               {at.Format(http.TimeFormat), time.Hour},
			"date of a zone":     {at.In(time.FixedZone("", 7200)).Format(time.RFC1123Z), time.Hour},
			"date by RFC 3339":   {at.Format(time.RFC3339), time.Hour},
			"more than 32 bits":  {"99999999999", 24 * time.Hour},
			"more than 64 bits":  {"99999999999999999999999", 24 * time.Hour},
			"longer than a step": {"172800", 24 * time.Hour},
		}
	}
	for form, want := range asked(time.Time{}) {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			var o *outage
			var recovered atomic.Bool
			s := provider(t, func(w http.ResponseWriter, _ *http.Request) {
				if !recovered.Load() {
					w.Header().Set("Date", o.clock.Now().UTC().Format(http.TimeFormat))
					w.Header().Set("Retry-After", asked(o.clock.Now())[form].value)
					w.WriteHeader(http.StatusTooManyRequests)
				}
			})
			o = newOutage(t, s.URL)
			require.Equal(t, http.StatusTooManyRequests, o.work(1).LastStatusCode)
			require.InDelta(t, want.wait.Seconds(), o.due().Seconds(), 2)
			recovered.Store(true)
			o.clock.advance(o.due() + time.Second)
			require.Equal(t, enablement.NotificationDelivered, o.work(2).State)
		})
	}
}

// TestFaults_clockSkew: the provider refuses what seems to be of another time. Every attempt is
// signed anew, so that it is delivered once the clocks agree.
func TestFaults_clockSkew(t *testing.T) {
	t.Parallel()
	verifier, err := standardwebhooks.NewWebhook(firstSecret)
	require.NoError(t, err)
	var o *outage
	var skew atomic.Int64
	skew.Store(int64(time.Hour))
	s := provider(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		at, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		if age := o.clock.Now().Add(time.Duration(skew.Load())).Sub(time.Unix(at, 0)); err != nil || age.Abs() > 5*time.Minute ||
			verifier.VerifyIgnoringTimestamp(body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	o = newOutage(t, s.URL)
	var log strings.Builder
	o.logger = slog.New(slog.NewJSONHandler(&log, nil))
	require.NoError(t, o.sender.SetSecrets([]string{firstSecret, secondSecret}))
	require.Equal(t, http.StatusUnauthorized, o.work(1).LastStatusCode)
	require.Contains(t, log.String(), `"fault":"the provider answered 401: it refuses the signature; compare the secret (here by id: `+
		api.WebhookSecretID(firstSecret)+", "+api.WebhookSecretID(secondSecret)+`) and the clocks with the provider's"`)
	require.NotContains(t, log.String(), strings.TrimPrefix(firstSecret, "whsec_"))
	skew.Store(0)
	o.clock.advance(o.due() + time.Second)
	require.Equal(t, enablement.NotificationDelivered, o.work(2).State)
}

// TestFaults_threeDays goes down the whole published schedule: ten attempts, then the notification
// is given up; queued again, it is delivered, under the same id.
func TestFaults_threeDays(t *testing.T) {
	t.Parallel()
	var recovered atomic.Bool
	var ids []string
	s := provider(t, func(w http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get("webhook-id"))
		if !recovered.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	o := newOutage(t, s.URL)
	started := o.clock.Now()
	last := delivery.DefaultSchedule.Attempts()
	for attempt := 1; attempt < last; attempt++ {
		require.Equal(t, enablement.NotificationPending, o.work(attempt).State)
		o.requireDue(attempt)
		o.clock.advance(o.due() + time.Second)
	}
	require.Equal(t, enablement.NotificationDead, o.work(last).State)
	require.InDelta(t, (75*time.Hour + 35*time.Minute).Hours(), o.clock.Now().Sub(started).Hours(), 0.2*75)

	o.clock.advance(240 * time.Hour)
	recovered.Store(true)
	require.NoError(t, o.store.RetryNotification(t.Context(), o.id))
	require.Equal(t, enablement.NotificationDelivered, o.work(last+1).State)
	require.Len(t, ids, last+1)
	for _, id := range ids {
		require.Equal(t, o.id, id)
	}
}

// What a provider says beside its status takes neither a worker's time nor much memory.
func TestSender_longAnswers(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		status int
		fault  string
	}{
		"a body that never ends": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "taken")
			_ = http.NewResponseController(w).Flush()
			<-ended
		}, 200, ""},
		"a large body": {func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, 200, ""},
		"another protocol, and nothing of it": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			<-ended
			_ = conn.Close()
		}, 101, "the provider answered 101"},
		"large headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("a", 1<<20))
		}, 0, "the connection to the provider broke"},
	} {
		server := httptest.NewServer(test.answer)
		sender, err := delivery.NewSender(server.URL, []string{firstSecret}, true, time.Now)
		require.NoError(t, err)
		begin := time.Now()
		status, fault, _ := sender.Attempt(t.Context(), enablement.Notification{ID: "ntf_1"})
		require.Equal(t, test.status, status, name)
		require.Equal(t, test.fault, fault, name)
		require.Less(t, time.Since(begin), delivery.AnswerTimeout/2, name)
		sender.Close()
		t.Cleanup(server.Close)
	}
	close(ended)
}
