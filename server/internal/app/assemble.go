package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/access"
	"github.com/cryptomate-go/enablement/server/internal/admin"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/faults"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/pages"
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
	config    Config
	logger    *slog.Logger
	public    *http.Server
	operators *http.Server
	admin     *admin.Handler
	queue     queue
	sender    *delivery.Sender
	usage     *access.Usage
	tracing   *telemetry.Tracing
}

// queue is the delivery queue, whatever database it is on.
type queue interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Ready(ctx context.Context) error
	View(prefix string, logger *slog.Logger) (http.Handler, error)
}

// assemble wires the parts. Nothing runs yet.
func assemble(ctx context.Context, config Config, db *Database, logger *slog.Logger) (*service, error) {
	process := processName()
	s := &service{config: config, logger: logger, usage: access.NewUsage(db, logger)}
	var err error
	if config.OTLPEndpoint != "" {
		if s.tracing, err = telemetry.NewTracing(ctx, telemetry.TracingConfig{
			Endpoint:       config.OTLPEndpoint,
			Headers:        config.OTLPHeaders,
			ServiceVersion: Version(),
			Instance:       process,
			SampleRatio:    config.TraceRatio,
			Logger:         logger,
		}); err != nil {
			return nil, &ConfigError{err}
		}
	}
	metrics := newMetrics(db, logger)
	if s.sender, err = delivery.NewSender(config.ProviderURL, config.ProviderSecrets, time.Now); err != nil {
		return nil, &ConfigError{err}
	}
	if s.queue, err = db.newQueue(delivery.Config{
		Ledger:   db,
		Pruner:   db,
		Sender:   s.sender,
		Schedule: config.Schedule,
		KeepJobs: config.KeepJobs, KeepDeliveries: config.KeepDeliveries,
		Process: process,
		Clock:   time.Now,
		Logger:  logger,
		Observe: func(d enablement.Delivery) {
			metrics.ObserveDelivery(d)
			s.tracing.ObserveDelivery(d)
		},
	}); err != nil {
		return nil, err
	}
	handler, err := newHandler(config, db, s, metrics)
	if err != nil {
		return nil, err
	}
	view, err := s.queue.View("/riverui", logger)
	if err != nil {
		return nil, err
	}
	s.admin = admin.New(admin.Config{
		Checks:   []admin.Check{{Name: "database", Run: db.Ready}, {Name: "workers", Run: s.queue.Ready}},
		Metrics:  metrics.Handler(),
		Queue:    view,
		Profiles: config.Profiles,
		Loopback: onLoopback(config.AdminAddr),
		Logger:   logger,
	})
	s.public = newServer(handler, readTimeout+config.CallTimeout+writeTimeout, logger)
	s.operators = newServer(s.admin, 0, logger) // a profile takes as long as it is asked for
	return s, nil
}

// newHandler is the public listener's: the pages, and the API behind what every call needs.
func newHandler(config Config, db *Database, s *service, metrics *telemetry.Metrics) (http.Handler, error) {
	submissions := s.tracing.Store(metrics.Store(db))
	implementation := httpapi.New(enablement.NewService(submissions, time.Now), config.CallTimeout)
	options := []server.Option{
		server.WithAuthenticator(httpapi.NewAuthenticator(access.NewCache(&lookup{db, config.CallTimeout}, time.Now), s.usage.Note, time.Now)),
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
		handler = faults.New(handler)
	}
	handler, err = pages.Handler(s.tracing.Handler(metrics.InFlight(handler)), s.logger, config.TrustedProxies...)
	if config.Sample { // nowhere else: behind a proxy the service is called by any name
		handler = wire.LoopbackOnly(handler, s.logger)
	}
	return handler, err
}

// lookup finds keys within the time of a call, which begins when its key is known.
type lookup struct {
	keys    access.Finder
	timeout time.Duration
}

// KeyByHash implements [access.Finder].
func (l *lookup) KeyByHash(ctx context.Context, hash access.Hash) (access.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	return l.keys.KeyByHash(ctx, hash)
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

func (s *service) servePublic(listener net.Listener) error {
	listener = wire.Bound(s.public, listener, s.config.MaxConnections, s.logger)
	if s.config.TLSCert != "" {
		return s.public.ServeTLS(listener, s.config.TLSCert, s.config.TLSKey)
	}
	return s.public.Serve(listener)
}

func (s *service) serveOperators(listener net.Listener) error {
	return s.operators.Serve(wire.Bound(s.operators, listener, adminConnections, s.logger))
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
