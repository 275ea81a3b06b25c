package main_test

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// outage is how long PostgreSQL is away, unless ENABLEMENTD_TEST_OUTAGE says otherwise, such as 20s.
const outage = 3 * time.Second

func outageOf(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("ENABLEMENTD_TEST_OUTAGE")
	if text == "" {
		return outage
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// TestPostgres_stopped stops PostgreSQL at once under load and starts it again, which has to recover then.
// Callers are told 503 meanwhile, the service goes on by itself afterwards, and what callers were told, what
// the database says and what the provider knows are the same.
func TestPostgres_stopped(t *testing.T) {
	t.Parallel()
	db, stop, start := stoppable(t)
	provider := newReceiver(t)
	key := prepare(t, db, 4000)
	p := serve(t, provider.flags(db, "--call-timeout", "3s", "--log-level", "error")...)
	ready := func() int { return p.do(http.MethodGet, p.Admin+"/readyz", http.Header{}).status }
	require.Equal(t, http.StatusOK, ready())

	l := startLoad(t, p, key)
	l.waitFor(func(n counts) bool { return n.accepted >= 200 })
	stopping := time.Now()
	stop()
	require.Equal(t, http.StatusServiceUnavailable, ready())
	before := l.counts()
	require.Never(t, func() bool { return ready() != http.StatusServiceUnavailable }, outageOf(t), 50*time.Millisecond)
	require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.Admin+"/healthz", http.Header{}).status, "nobody should restart it")
	during := l.counts()
	require.Equal(t, before.accepted, during.accepted, "nobody is told 200 without a database")
	require.Greater(t, during.unavailable, before.unavailable+10)
	away := time.Since(stopping)
	start()
	started := time.Now()
	l.waitFor(func(n counts) bool { return n.accepted > during.accepted })
	recovered := time.Since(started)
	require.Eventually(t, func() bool { return ready() == http.StatusOK }, patience, 10*time.Millisecond)
	l.waitFor(func(n counts) bool { return n.accepted >= during.accepted+200 })
	told := l.end()
	last := l.counts()
	require.Less(t, last.longest, 3*time.Second+2*time.Second, "no call hangs beyond its timeout")

	waiting := time.Now()
	requireSettled(t, db, provider, told)
	t.Logf("away %v; calls %d: 200 %d, 409 after a 503 %d, in progress %d, 503 %d; longest %v; first 200 after the start %v; last delivery after another %v",
		away.Round(time.Millisecond), last.calls, last.accepted, last.earlier, last.inProgress, last.unavailable,
		last.longest.Round(time.Millisecond), recovered.Round(time.Millisecond), time.Since(waiting).Round(time.Millisecond))
	require.Zero(t, p.Stop())
}

// stoppable returns a database that the test may stop: of a server of its own where PostgreSQL is installed,
// else one behind a proxy that refuses.
func stoppable(t *testing.T) (dsn string, stop, start func()) {
	t.Helper()
	if pgtest.Installed() {
		cluster := pgtest.NewCluster(t)
		return cluster.URL, cluster.Stop, cluster.Start
	}
	t.Log("PostgreSQL is not installed here: a proxy in front of TEST_DATABASE_URL plays its end")
	proxy := newDatabaseProxy(t, pgtest.DSN(t))
	return proxy.URL, proxy.refuse, func() { require.NoError(t, proxy.accept()) }
}

// TestPostgres_silent: the network swallows all that is said to PostgreSQL, so that nothing ever fails by
// itself.
func TestPostgres_silent(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	provider := newReceiver(t)
	key := prepare(t, dsn, 2000)
	proxy := newDatabaseProxy(t, dsn)
	p := serve(t, provider.flags(proxy.URL, "--call-timeout", "1s", "--log-level", "error")...)
	l := startLoad(t, p, key)
	l.waitFor(func(n counts) bool { return n.accepted >= 50 })
	proxy.silence()
	before := l.counts()
	l.waitFor(func(n counts) bool { return n.unavailable >= before.unavailable+3*loaders })
	require.Equal(t, http.StatusServiceUnavailable, p.do(http.MethodGet, p.Admin+"/readyz", http.Header{}).status)
	during := l.counts()
	proxy.speak()
	l.waitFor(func(n counts) bool { return n.accepted >= during.accepted+50 })
	told := l.end()
	require.Less(t, l.counts().longest, 1*time.Second+2*time.Second, "no call hangs beyond its timeout")
	requireSettled(t, dsn, provider, told)
	require.Zero(t, p.Stop())
}

// loaders is how many callers a load has.
const loaders = 8

// load is callers who submit one complete request after the other, each until it is known what became of it.
// Every other request has no idempotency key.
type load struct {
	t    *testing.T
	next atomic.Int64
	done atomic.Bool
	all  sync.WaitGroup

	mu    sync.Mutex
	n     counts
	told  map[string]bool
	wrong []string
}

type counts struct {
	calls, accepted, unavailable int
	// earlier: told 409 after a 503, so that the call that was told 503 submitted it.
	earlier, inProgress int
	longest             time.Duration
}

func startLoad(t *testing.T, p *service, key string) *load {
	t.Helper()
	l := &load{t: t, told: make(map[string]bool)}
	for range loaders {
		l.all.Go(func() { l.run(p, key) })
	}
	t.Cleanup(func() { l.end() })
	return l
}

func (l *load) run(p *service, key string) {
	pace := time.NewTicker(40 * time.Millisecond)
	defer pace.Stop()
	for !l.done.Load() {
		n := int(l.next.Add(1))
		id := numbered("rq", n)
		idempotencyKey := ""
		if n%2 == 0 {
			idempotencyKey = "k-" + id
		}
		failed := false
		for !l.once(p, key, id, idempotencyKey, &failed) {
			<-pace.C
		}
		<-pace.C
	}
}

// once makes a call and tells whether it is known now what became of the request.
func (l *load) once(p *service, key, id, idempotencyKey string, failed *bool) bool {
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	started := time.Now()
	a, err := p.try(ctx, key, id, idempotencyKey)
	took := time.Since(started)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n.calls++
	l.n.longest = max(l.n.longest, took)
	switch {
	case err != nil:
		l.wrong = append(l.wrong, id+": "+err.Error())
		return true
	case a.status == http.StatusOK:
		l.n.accepted++
		l.told[id] = true
		return true
	case a.unavailable():
		l.n.unavailable++
		*failed = true
		return false
	case *failed && a.code() == api.CodeIdempotencyInProgress:
		l.n.inProgress++
		return false
	case *failed && a.status == http.StatusConflict && a.code() == api.CodeVal && idempotencyKey == "":
		l.n.earlier++
		l.told[id] = true
		return true
	}
	l.wrong = append(l.wrong, id+": "+strconv.Itoa(a.status)+" "+a.body)
	return true
}

func (l *load) counts() counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// waitFor waits until the load has come so far. Nobody may be told what is wrong.
func (l *load) waitFor(far func(counts) bool) {
	l.t.Helper()
	require.Eventually(l.t, func() bool { return far(l.counts()) }, patience, 5*time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Empty(l.t, l.wrong)
}

// end ends the load and returns the requests that callers know to be submitted.
func (l *load) end() map[string]bool {
	l.t.Helper()
	l.done.Store(true)
	l.all.Wait()
	l.waitFor(func(counts) bool { return true })
	return l.told
}
