package servertest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

const (
	// callTimeout is enablementd's default.
	callTimeout = 10 * time.Second
	// stopTimeout bounds the way to the end of a test.
	stopTimeout = time.Minute
	// shutdownTimeout is for calls whose context ended.
	shutdownTimeout   = 2 * time.Second
	readHeaderTimeout = 5 * time.Second
)

// Server is a running service, as one test sees it: see [Server.For]. It is safe for concurrent use.
// Methods that return no error fail the test instead.
type Server struct {
	*service
	t testing.TB
}

// service is what all the tests see that share a server.
type service struct {
	config   config
	db       *sqlite.DB
	store    *sqlite.Store
	queue    *delivery.Queue[*sql.Tx]
	sender   *delivery.Sender
	usage    *access.Usage
	handler  http.Handler
	faults   *faults.Handler // nil: none
	provider *Provider
	company  string
	key      string

	public, notified *listening
	settled          *signal

	mu      sync.Mutex
	clients []*client.Client
}

// starting keeps servers that start at the same moment from keeping each other waiting until their
// timeouts end.
var starting = make(chan struct{}, runtime.GOMAXPROCS(0))

// New starts a service, and stops it when the test and its subtests are over. It fails the test if it
// can't.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := &Server{&service{config: configFrom(opts), settled: newSignal()}, t}
	running, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var group sync.WaitGroup
	t.Cleanup(func() {
		if err := s.stop(func() { stop(); group.Wait() }); err != nil {
			t.Errorf("servertest: stopping: %v", err)
		}
	})
	path := filepath.Join(t.TempDir(), "servertest.db")
	starting <- struct{}{}
	err := s.start(running, path)
	<-starting
	if err != nil {
		t.Fatalf("servertest: starting: %v", err)
	}
	group.Go(func() { s.usage.Run(running) })
	s.company = s.Company()
	s.key = s.Key(s.company, 3)
	return s
}

// For returns the same server for another test, such as a subtest: what goes wrong is that one's
// failure.
func (s *Server) For(t testing.TB) *Server { return &Server{s.service, t} }

// start wires the parts as the program does, and starts them in the order in which they need each
// other.
func (s *service) start(ctx context.Context, path string) (err error) {
	c := s.config
	if s.db, err = openDatabase(ctx, path); err != nil {
		return err
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	secret := "whsec_" + base64.StdEncoding.EncodeToString(random)
	if s.provider, err = newProvider(secret, c); err != nil {
		return err
	}
	if s.notified, err = listen(ctx, c.provider(s.provider)); err != nil {
		return err
	}
	if s.sender, err = delivery.NewSender(s.notified.url, []string{secret}, true, c.clock); err != nil {
		return err
	}
	if err := s.startQueue(ctx); err != nil {
		return err
	}
	if s.handler, err = s.newHandler(); err != nil {
		return err
	}
	s.public, err = listen(ctx, s.handler)
	return err
}

func (s *service) startQueue(ctx context.Context) error {
	c := s.config
	if err := c.schedule.Check(); err != nil {
		return err
	}
	driver := polling{riversqlite.New(s.db.Writer())}
	inserter, err := delivery.NewInserter(driver, c.logger)
	if err != nil {
		return err
	}
	s.store = sqlite.NewStore(s.db, inserter.EnqueueTx)
	s.usage = access.NewUsage(s.store, c.logger)
	if s.queue, err = delivery.NewQueue(driver, delivery.Config{
		Ledger:   ledger{s.store, c.clock},
		Pruner:   pruner{s.store, c.clock},
		Sender:   s.sender,
		Schedule: c.schedule,
		Process:  "servertest",
		Clock:    time.Now, // the queue itself goes by no other
		Logger:   c.logger,
		Observe:  func(enablement.Delivery) { s.settled.raise() },
	}); err != nil {
		return err
	}
	alive.Add(1)
	return s.queue.Start(ctx)
}

// newHandler is the chain that the program has, below its pages, metrics and traces.
func (s *service) newHandler() (http.Handler, error) {
	c := s.config
	options := []server.Option{
		server.WithAuthenticator(httpapi.NewAuthenticator(s.store, callTimeout, s.usage.Note, c.clock)),
		server.WithLogger(c.logger),
	}
	if c.rateLimit != 0 {
		options = append(options, server.WithRateLimit(server.RateLimit{PerSecond: c.rateLimit, Clock: c.clock}))
	}
	handler, err := server.Handler(httpapi.New(httpapi.Config{Store: s.store, Clock: c.clock, Timeout: callTimeout}), options...)
	if err != nil || !c.faults {
		return handler, err
	}
	s.faults = faults.New(handler, c.logger)
	return s.faults, nil
}

// stop stops what was started, in order: calls end first, since they make deliveries, then
// deliveries, then what both write to.
func (s *service) stop(background func()) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	s.mu.Lock()
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
	s.mu.Unlock()
	if s.public != nil {
		errs = append(errs, s.public.stop(ctx))
	}
	if s.provider != nil {
		s.provider.end()
	}
	if s.queue != nil {
		errs = append(errs, s.queue.Stop(ctx))
		alive.Add(-1)
	}
	if s.sender != nil {
		s.sender.Close()
	}
	if s.notified != nil {
		errs = append(errs, s.notified.stop(ctx))
	}
	background()
	switch {
	case s.store != nil: // which waits for what callers that went away left under way
		errs = append(errs, s.store.Close())
	case s.db != nil:
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// URL returns the base URL that the service listens on, for this machine only.
func (s *Server) URL() string { return s.public.url }

// Handler returns the service as a handler, the faults included, for calls without a connection. The
// faults cut and lose panic with [http.ErrAbortHandler], as a handler does that breaks a connection.
func (s *Server) Handler() http.Handler { return s.handler }

// Provider returns who is notified.
func (s *Server) Provider() *Provider { return s.provider }

// Client returns a client of the service with a key of [Server.DefaultCompany] of access level 3 and no rate
// gate. The options come after those.
func (s *Server) Client(opts ...client.Option) *client.Client {
	s.t.Helper()
	return s.ClientWithKey(s.key, opts...)
}

// ClientWithKey is [Server.Client] with another key.
func (s *Server) ClientWithKey(key string, opts ...client.Option) *client.Client {
	s.t.Helper()
	c, err := client.New(key, slices.Concat([]client.Option{client.WithBaseURL(s.URL()), client.WithoutRateGate()}, opts)...)
	if err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, c)
	return c
}

// FaultHeader is the header of a call that asks for a fault.
const FaultHeader = faults.Header

// FaultNext makes the next n calls that ask for no faults themselves have these, written as in
// [FaultHeader].
func (s *Server) FaultNext(n int, fault string) {
	s.t.Helper()
	if s.faults == nil {
		s.t.Fatal("servertest: faults are off: see WithFaults")
	}
	if err := s.faults.Arm(n, fault); err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
}

// ledger keeps attempts under the test's clock.
type ledger struct {
	*sqlite.Store
	clock func() time.Time
}

// RecordDelivery implements [delivery.Ledger].
func (l ledger) RecordDelivery(ctx context.Context, d enablement.Delivery) error {
	d.StartedAt = l.clock().Add(-d.Duration)
	return l.Store.RecordDelivery(ctx, d)
}

// pruner forgets idempotency keys by the test's clock.
type pruner struct {
	store *sqlite.Store
	clock func() time.Time
}

// PruneIdempotency implements [delivery.Pruner].
func (p pruner) PruneIdempotency(ctx context.Context, _ time.Time) (int64, error) {
	return p.store.PruneIdempotency(ctx, p.clock().Add(-enablement.IdempotencyWindow))
}

// PruneDeliveries implements [delivery.Pruner]: a test sees every attempt.
func (pruner) PruneDeliveries(context.Context, time.Time) (int64, error) { return 0, nil }

// PruneJobs implements [delivery.Pruner]: the queue keeps what a test did.
func (pruner) PruneJobs(context.Context, time.Time) (int64, error) { return 0, nil }

// listening is an HTTP server on a free port of the loopback address.
type listening struct {
	url    string
	server *http.Server
	cancel context.CancelFunc
	ended  chan error
}

func listen(ctx context.Context, handler http.Handler) (*listening, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &listening{
		url:    "http://" + listener.Addr().String(),
		cancel: cancel,
		ended:  make(chan error, 1),
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: readHeaderTimeout,
			BaseContext:       func(net.Listener) context.Context { return ctx },
		},
	}
	go func() { l.ended <- l.server.Serve(listener) }()
	return l, nil
}

// stop lets what is under way finish, without its waits.
func (l *listening) stop(ctx context.Context) error {
	l.cancel()
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	err := l.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a connection that nobody uses or closes
		err = l.server.Close()
	}
	if ended := <-l.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// signal wakes all who wait for it.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func newSignal() *signal { return &signal{ch: make(chan struct{})} }

func (s *signal) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ch)
	s.ch = make(chan struct{})
}

// next is closed when the signal is raised.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}
