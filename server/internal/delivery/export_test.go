package delivery

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
)

// LostAfter is how long after its begin an attempt counts as lost.
const LostAfter = lostAfter

// NewTestInserter is NewInserter on a clock of the test's.
func NewTestInserter[TTx any](driver riverdriver.Driver[TTx], test river.TestConfig) (*Inserter[TTx], error) {
	client, err := river.NewClient(driver, &river.Config{Logger: slog.New(slog.DiscardHandler), Test: test})
	return &Inserter[TTx]{client}, err
}

// Reconcile looks for stranded notifications once.
func (q *Queue[TTx]) Reconcile(ctx context.Context) error { return q.reconciler.reconcile(ctx) }

// NewTestQueue is NewQueue on a clock of the test's. It looks for work often, as tests submit without waking it.
func NewTestQueue[TTx any](driver riverdriver.Driver[TTx], config Config, test river.TestConfig) (*Queue[TTx], error) {
	return newQueue(driver, config, test, fetchCooldown)
}

// NewSleepingQueue is NewQueue, and finds no work unless it is woken.
func NewSleepingQueue[TTx any](driver riverdriver.Driver[TTx], config Config) (*Queue[TTx], error) {
	return newQueue(driver, config, river.TestConfig{}, 24*time.Hour)
}

// MaxWorkers is how many attempts are made at once.
const MaxWorkers = maxWorkers

// WorkWithoutSlot works a job while all slots are taken.
func WorkWithoutSlot(ctx context.Context, ledger Ledger, ids []string) error {
	w := &worker{ledger: ledger, slots: make(chan struct{}), patience: time.Nanosecond}
	return w.Work(ctx, &river.Job[jobArgs]{JobRow: &rivertype.JobRow{}, Args: jobArgs{NotificationID: ids[0], Others: ids[1:]}})
}

// SetTimeout makes the sender less patient than a provider may expect.
func (s *Sender) SetTimeout(d time.Duration) { s.timeout = d }

// Trust has the sender trust a certificate of the test's.
func (s *Sender) Trust(roots *x509.CertPool) {
	s.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
}

// Attempt makes one attempt and tells what came of it.
func (s *Sender) Attempt(ctx context.Context, n enablement.Notification) (status int, fault string, retryAfter time.Duration) {
	a := s.Send(ctx, n)
	return a.statusCode, a.fault, a.retryAfter
}

// Public tells whether an address is one of the open network.
func Public(a netip.Addr) bool { return public(a) }

// Resolve has the sender resolve names by a resolver of the test's.
func (s *Sender) Resolve(r *net.Resolver) { s.dialer.Resolver = r }

// Proxied tells whether the sender goes by the proxy that the environment names.
func (s *Sender) Proxied() bool { return s.client.Transport.(*http.Transport).Proxy != nil }
