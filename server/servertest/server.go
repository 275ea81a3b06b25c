package servertest

import (
	"context"
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
	"github.com/cryptomate-go/enablement/server/internal/app/core"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
	"github.com/cryptomate-go/enablement/server/internal/store"
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

// Server is a running service that belongs to one test; [Server.For] shares it with another. It is safe for
// concurrent use. Methods that return no error fail the test instead.
type Server struct {
	*service
	t testing.TB
}

// service is what all the tests see that share a server.
type service struct {
	config   config
	db       *sqlite.DB
	store    store.Store
	core     *core.Service
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

// New starts a service, and stops it when the test and its subtests are over. It fails the test if the
// service can't start.
func New(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s := &Server{&service{config: configFrom(opts), settled: newSignal()}, t}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("servertest: stopping: %v", err)
		}
	})
	path := filepath.Join(t.TempDir(), "servertest.db")
	starting <- struct{}{}
	err := s.start(context.WithoutCancel(t.Context()), path)
	<-starting
	if err != nil {
		t.Fatalf("servertest: starting: %v", err)
	}
	s.company = s.Company()
	s.key = s.Key(s.company, 3)
	return s
}

// For returns the same server for another test, such as a subtest. The methods of the result fail that test.
func (s *Server) For(t testing.TB) *Server { return &Server{s.service, t} }

// start puts the same service together as the program does, between a provider and a listener of its own.
func (s *service) start(ctx context.Context, path string) (err error) {
	c := s.config
	if s.db, err = openDatabase(ctx, path); err != nil {
		return err
	}
	database, err := core.NewDatabase(riversqlite.New(s.db.Writer()), nil, c.logger, func(enqueue sqlite.Enqueue) store.Store {
		return clocked{sqlite.NewStore(s.db, enqueue), c.clock}
	})
	if err != nil {
		return err
	}
	s.store = database
	secret := delivery.NewSecret()
	if s.provider, err = newProvider(secret, c); err != nil {
		return err
	}
	if s.notified, err = listen(ctx, c.provider(s.provider)); err != nil {
		return err
	}
	sender, err := delivery.NewSender(s.notified.url, []string{secret}, true, c.clock)
	if err != nil {
		return err
	}
	if s.core, err = core.New(core.Config{
		Database:    database,
		Clock:       c.clock,
		CallTimeout: callTimeout,
		RateLimit:   c.rateLimit,
		Faults:      c.faults,
		Delivery: delivery.Config{
			Sender:   sender,
			Schedule: c.schedule,
			KeepJobs: forGood, KeepDeliveries: forGood,
			Process: "servertest",
			Logger:  c.logger,
			Observe: func(enablement.Delivery) { s.settled.raise() },
		},
	}); err != nil {
		return err
	}
	if err := s.core.Start(ctx); err != nil {
		return err
	}
	s.public, err = listen(ctx, s.core.Handler)
	return err
}

// stop stops what was started, in order: calls end first, since they make deliveries, then
// deliveries, then what both write to.
func (s *service) stop() error {
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
	if s.core != nil {
		errs = append(errs, s.core.Stop(ctx))
	}
	if s.notified != nil {
		errs = append(errs, s.notified.stop(ctx))
	}
	switch {
	case s.store != nil: // which waits for what callers that went away left under way
		errs = append(errs, s.store.Close())
	case s.db != nil:
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// URL returns the base URL of the service. Only this machine can reach it.
func (s *Server) URL() string { return s.public.url }

// Handler returns the service with its faults as a handler, for calls without a network. The faults cut and
// lose panic with [http.ErrAbortHandler], as any handler does to break a connection.
func (s *Server) Handler() http.Handler { return s.core.Handler }

// Provider returns the provider that is notified.
func (s *Server) Provider() *Provider { return s.provider }

// Client returns a client with a key of [Server.DefaultCompany] of access level 3 and without a rate gate. The
// options are applied after that.
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

// FaultHeader is the header that asks for a fault.
const FaultHeader = faults.Header

// FaultNext gives these faults to the next n calls that don't ask for faults themselves. fault is written as in
// [FaultHeader].
func (s *Server) FaultNext(n int, fault string) {
	s.t.Helper()
	if s.core.Faults == nil {
		s.t.Fatal("servertest: faults are off: see WithFaults")
	}
	if err := s.core.Faults.Arm(n, fault); err != nil {
		s.t.Fatalf("servertest: %v", err)
	}
}

// keepDocuments is the service's own.
const keepDocuments = time.Hour

// forGood is longer than any test: the queue and the ledger keep what it did.
const forGood = 100 * 365 * 24 * time.Hour

// clocked is a store whose queue goes by real time, and which keeps attempts and forgets idempotency keys by the
// test's clock.
type clocked struct {
	*sqlite.Store
	clock func() time.Time
}

// RecordDelivery implements [delivery.Ledger].
func (s clocked) RecordDelivery(ctx context.Context, d enablement.Delivery) error {
	d.StartedAt = s.clock().Add(-d.Duration)
	return s.Store.RecordDelivery(ctx, d)
}

// PruneIdempotency implements [delivery.Pruner].
func (s clocked) PruneIdempotency(ctx context.Context, _ time.Time) (int64, error) {
	return s.Store.PruneIdempotency(ctx, s.clock().Add(-enablement.IdempotencyWindow))
}

// PruneDocuments implements [delivery.Pruner].
func (s clocked) PruneDocuments(ctx context.Context, _ time.Time) (int64, error) {
	return s.Store.PruneDocuments(ctx, s.clock().Add(-keepDocuments))
}

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
