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
	"github.com/cryptomate-go/enablement/server/internal/admin"
	"github.com/cryptomate-go/enablement/server/internal/app/core"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
	"github.com/cryptomate-go/enablement/server/internal/pages"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/telemetry"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// What the listeners allow a caller. Bodies and responses are short, so all is tight; a body with photos has longer.
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

	db      *Database
	sender  *delivery.Sender
	core    *core.Service
	sample  *sample.Sample   // nil: the service proper
	clock   func() time.Time // of what is decided, signed and limited
	prober  *prober
	outages *outages
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing
	public  *http.Server
	admin   *admin.Handler
	view    http.Handler

	background sync.WaitGroup
	// failed takes the end of a listener.
	failed chan error
	stops  []stopStep
}

// assemble wires the parts. Nothing runs yet.
func (s *service) assemble(ctx context.Context) error {
	process := processName()
	if err := s.assembleTracing(ctx, process); err != nil {
		return err
	}
	s.prober = newProber(s.db.Probe)
	s.metrics = telemetry.NewMetrics(telemetry.MetricsConfig{
		Version: Version(), Writes: httpapi.Writes(), Queue: s.db.QueueStats, Pools: s.db.Pools, Logger: s.outages.background(),
	})
	if err := s.assembleCore(process); err != nil {
		return err
	}
	handler, err := s.publicHandler()
	if err != nil {
		return err
	}
	s.public = newServer(handler, readTimeout+s.config.CallTimeout+writeTimeout, s.logger)
	if s.config.certificate != nil {
		s.public.TLSConfig.GetCertificate = s.config.certificate.get
	}
	return nil
}

// assembleCore makes what servertest has, too, with all that is observed of it.
func (s *service) assembleCore(process string) error {
	config := s.config
	var err error
	if s.sender, err = delivery.NewSender(config.ProviderURL, config.signing, config.ProviderAllowPrivate, s.clock); err != nil {
		return &ConfigError{err}
	}
	if !config.ProviderAllowPrivate && delivery.ProxyNamed(config.ProviderURL) {
		s.logger.Warn("notifications do not go through the proxy that the environment names: it could reach what is not public; --provider-allow-private uses it")
	}
	options := []server.Option{
		server.WithResponseValidation(config.ValidateResponses),
		server.WithUploads(config.CompanyUploads, config.Uploads),
		server.WithObserver(s.metrics.ObserveCall),
		server.WithObserver(s.tracing.ObserveCall),
	}
	if len(config.TrustedProxies) > 0 {
		options = append(options, server.WithTrustedProxies(config.ProxyHeader, config.TrustedProxies...))
	}
	if s.sample != nil {
		options = append(options, server.WithObserver(s.sample.Calls.Observe))
	}
	if s.core, err = core.New(core.Config{
		Database:    s.db.Database,
		Clock:       s.clock,
		CallTimeout: config.CallTimeout,
		RateLimit:   config.RateLimit,
		Server:      options,
		Faults:      config.Sample, // nowhere else: who calls must not be able to break responses
		Delivery: delivery.Config{
			Sender:   s.sender,
			Schedule: config.Schedule,
			KeepJobs: config.KeepJobs, KeepDeliveries: config.KeepDeliveries,
			Process:    process,
			Logger:     s.logger,
			Background: s.outages.background(),
			Observe: func(d enablement.Delivery) {
				s.metrics.ObserveDelivery(d)
				s.tracing.ObserveDelivery(d)
			},
			ObserveRequeued: s.metrics.ObserveRequeued,
		},
		ObserveWrite: func(ctx context.Context, operation string, started time.Time, change enablement.Change, err error) {
			s.metrics.ObserveWrite(operation, started, change, err)
			s.tracing.ObserveWrite(ctx, operation, started, change, err)
		},
	}); err != nil {
		return &ConfigError{err}
	}
	s.view, err = s.core.Queue.View("/riverui", s.outages.background())
	return err
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
		{Name: "workers", Run: s.core.Queue.Ready},
	}
}

// publicHandler is the public listener's: the API, and the pages about it.
func (s *service) publicHandler() (http.Handler, error) {
	handler := s.core.Handler
	var panel *pages.Panel
	if s.sample != nil {
		handler = forTerminals(s.sample.Calls.Record(handler))
		var err error
		if panel, err = sample.Panel(); err != nil {
			return nil, err
		}
	}
	handler, err := pages.Handler(s.tracing.Handler(s.metrics.InFlight(handler)), panel, s.logger, s.config.TrustedProxies...)
	if s.sample != nil { // nowhere else: behind a proxy the service is called by any name, and what was submitted stays so
		handler = wire.LoopbackOnly(s.sample.With(handler, s.db), s.logger)
	}
	return handler, err
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
