package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/admin"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/pages"
	"github.com/cryptomate-go/enablement/server/internal/sample/faults"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// What the listeners allow a caller. The operation has no body and a short reply, so all is tight.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 10 * time.Second // beyond the time of the call itself
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	// adminConnections are enough for a load balancer, for Prometheus and for people.
	adminConnections = 256
)

// service is all that runs.
type service struct {
	config Config
	logger *slog.Logger
	out    io.Writer

	db          *Database
	sender      *delivery.Sender
	queue       queue
	usage       *access.Usage
	prober      *prober
	outages     *outages
	metrics     *telemetry.Metrics
	tracing     *telemetry.Tracing
	certificate *certificate // nil: plain HTTP
	public      *http.Server
	admin       *admin.Handler
	view        http.Handler

	background sync.WaitGroup
	// failed takes the end of a listener.
	failed chan error
	stops  []stopStep
}

// queue is the delivery queue, whatever database it is on.
type queue interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Ready(ctx context.Context) error
	View(prefix string, logger *slog.Logger) (http.Handler, error)
}

// assemble wires the parts. Nothing runs yet.
func (s *service) assemble(ctx context.Context) (err error) {
	process := processName()
	if err := s.assembleTracing(ctx, process); err != nil {
		return err
	}
	secrets, err := s.config.secrets()
	if err != nil {
		return err
	}
	if s.sender, err = delivery.NewSender(s.config.ProviderURL, secrets, s.config.ProviderAllowPrivate, time.Now); err != nil {
		return &ConfigError{err}
	}
	s.onStop("the connections to the provider", func(context.Context) error { s.sender.Close(); return nil })
	if !s.config.ProviderAllowPrivate && delivery.ProxyNamed(s.config.ProviderURL) {
		s.logger.Warn("notifications do not go through the proxy that the environment names: it could reach what is not public; --provider-allow-private uses it")
	}
	s.usage = access.NewUsage(s.db, s.outages.background())
	s.prober = newProber(s.db.Probe)
	s.metrics = newMetrics(s.db, s.outages.background())
	if s.queue, err = s.db.newQueue(delivery.Config{
		Ledger:   s.db,
		Pruner:   s.db,
		Sender:   s.sender,
		Schedule: s.config.Schedule,
		KeepJobs: s.config.KeepJobs, KeepDeliveries: s.config.KeepDeliveries,
		Process:    process,
		Clock:      time.Now,
		Logger:     s.logger,
		Background: s.outages.background(),
		Observe: func(d enablement.Delivery) {
			s.metrics.ObserveDelivery(d)
			s.tracing.ObserveDelivery(d)
		},
		ObserveRequeued: s.metrics.ObserveRequeued,
	}); err != nil {
		return err
	}
	if s.view, err = s.queue.View("/riverui", s.outages.background()); err != nil {
		return err
	}
	handler, err := newHandler(s.config, s.db, s, s.metrics)
	if err != nil {
		return err
	}
	s.public = newServer(handler, readTimeout+s.config.CallTimeout+writeTimeout, s.logger)
	if s.config.TLSCert != "" {
		s.certificate = &certificate{cert: s.config.TLSCert, key: s.config.TLSKey}
		s.public.TLSConfig.GetCertificate = s.certificate.get
		return s.certificate.load()
	}
	return nil
}

func (s *service) assembleTracing(ctx context.Context, process string) (err error) {
	if s.config.OTLPEndpoint == "" {
		return nil
	}
	if s.tracing, err = telemetry.NewTracing(ctx, telemetry.TracingConfig{
		Endpoint:       s.config.OTLPEndpoint,
		Headers:        s.config.OTLPHeaders,
		ServiceVersion: Version(),
		Instance:       process,
		SampleRatio:    s.config.TraceRatio,
		Logger:         s.logger,
	}); err != nil {
		return &ConfigError{err}
	}
	s.onStop("traces", func(ctx context.Context) error {
		if err := s.tracing.Shutdown(ctx); err != nil {
			s.logger.Warn("not all traces were sent", "err", err) // the service itself lost nothing
		}
		return nil
	})
	return nil
}

// checks are what the service can't do without.
func (s *service) checks() []admin.Check {
	return []admin.Check{
		{Name: "database", Run: s.db.Ready},
		{Name: "writes", Run: s.prober.Writes},
		{Name: "workers", Run: s.queue.Ready},
	}
}

// newHandler is the public listener's: the pages, and the API behind what every call needs.
func newHandler(config Config, db *Database, s *service, metrics *telemetry.Metrics) (http.Handler, error) {
	implementation := httpapi.New(httpapi.Config{
		Store: db, Clock: time.Now, Timeout: config.CallTimeout,
		Observe: func(ctx context.Context, started time.Time, change enablement.Change, err error) {
			metrics.ObserveSubmit(started, change, err)
			s.tracing.ObserveSubmit(ctx, started, change, err)
		},
	})
	options := []server.Option{
		server.WithAuthenticator(httpapi.NewAuthenticator(db, config.CallTimeout, s.usage.Note, time.Now)),
		server.WithLogger(s.logger),
		server.WithResponseValidation(config.ValidateReplies),
		server.WithObserver(metrics.ObserveCall),
		server.WithObserver(s.tracing.ObserveCall),
	}
	if config.RateLimit > 0 {
		options = append(options, server.WithRateLimit(server.RateLimit{PerSecond: config.RateLimit}))
	}
	if len(config.TrustedProxies) > 0 {
		options = append(options, server.WithTrustedProxies(config.ProxyHeader, config.TrustedProxies...))
	}
	handler, err := server.Handler(implementation, options...)
	if err != nil {
		return nil, &ConfigError{err} // the options come from there
	}
	if config.Sample { // nowhere else: who calls must not be able to break replies
		handler = forTerminals(faults.New(handler, s.logger))
	}
	handler, err = pages.Handler(s.tracing.Handler(metrics.InFlight(handler)), s.logger, config.TrustedProxies...)
	if config.Sample { // nowhere else: behind a proxy the service is called by any name
		handler = wire.LoopbackOnly(handler, s.logger)
	}
	return handler, err
}

func newMetrics(db *Database, logger *slog.Logger) *telemetry.Metrics {
	pools := make(map[string]func() telemetry.PoolStats)
	for name := range db.Pools() {
		pools[name] = func() telemetry.PoolStats { return telemetry.PoolStats(db.Pools()[name]) }
	}
	return telemetry.NewMetrics(telemetry.MetricsConfig{
		Version: Version(),
		Queue: func(ctx context.Context) (telemetry.QueueStats, error) {
			stats, err := db.QueueStats(ctx, time.Now())
			return telemetry.QueueStats(stats), err
		},
		Pools:  pools,
		Logger: logger,
	})
}

func newServer(handler http.Handler, writeTimeout time.Duration, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
		// "OPTIONS *" is answered as any other request to no operation, and held to the same rules.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // what callers send, not what fails here
	}
}

// processName tells processes apart in the ledger, in the queue and in traces: host, process id,
// start.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%.60s-%d-%s", host, os.Getpid(), strconv.FormatInt(time.Now().UnixMilli(), 36))
}

// Version is the program's.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
