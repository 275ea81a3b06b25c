package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/admin"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/wire"
)

// Serve runs the service until the context ends, then lets calls and deliveries that are under way
// finish, within the shutdown timeout. What it has to tell a person goes to out.
func Serve(ctx context.Context, config Config, logger *slog.Logger, out io.Writer) error {
	if err := config.Check(); err != nil {
		return err
	}
	s := &service{config: config, logger: logger, out: out, clock: time.Now, failed: make(chan error, 2)}
	s.outages = newOutages(func(ctx context.Context) error { return s.db.Probe(ctx) }, logger)
	if err := stopWithin(ctx, config.ShutdownTimeout, s.run, s.stop); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}

// run serves until the context ends, or starting or serving fails.
func (s *service) run(ctx context.Context) error {
	err := s.start(ctx)
	if err == nil {
		return s.serve(ctx)
	}
	if ctx.Err() != nil {
		s.logger.Info("told to stop while starting", "during", err)
		err = nil
	}
	return err
}

func (s *service) serve(ctx context.Context) error {
	select {
	case err := <-s.failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
		s.logger.Info("stopping", "timeout", s.config.ShutdownTimeout)
		return nil
	}
}

// start starts the parts in the order in which they need each other. Callers are let in last, so that whoever
// can connect is answered. Operators are let in first: they are told that the service runs, and is not ready.
func (s *service) start(ctx context.Context) error {
	for _, start := range []func(context.Context) error{
		s.startOperators,
		s.startSample,
		s.openDatabase,
		s.assemble,
		s.startBackground,
		s.startCore,
		s.startPublic,
	} {
		if err := start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) startOperators(ctx context.Context) error {
	s.admin = admin.New(admin.Config{
		Profiles: s.config.Profiles,
		Loopback: onLoopback(s.config.AdminAddr),
		Logger:   s.outages.background(),
	})
	if s.config.AdminAddr == NoAdmin {
		return nil
	}
	listener, err := listen(ctx, "--admin-addr", s.config.AdminAddr)
	if err != nil {
		return err
	}
	operators := newServer(s.admin, 0, s.logger) // a profile takes as long as it is asked for
	bound := wire.Bound(operators, listener, adminConnections, s.logger)
	go func() { s.failed <- operators.Serve(bound) }()
	s.onStop("the operators' listener", func(context.Context) error { return operators.Close() })
	_, _ = fmt.Fprintf(s.out, "Operators: http://%s with /healthz, /readyz, /metrics and /riverui/\n", listener.Addr())
	return nil
}

func (s *service) startSample(ctx context.Context) error {
	if !s.config.Sample {
		return nil
	}
	standIn, err := sample.Start(ctx, s.config.Database, s.logger)
	if err != nil {
		return err
	}
	s.onStop("the sample", func(context.Context) error { return standIn.Close() })
	s.sample, s.clock = standIn, standIn.Clock.Now
	s.config.Database, s.config.ProviderURL = standIn.Database, standIn.ProviderURL
	s.config.signing, s.config.ProviderAllowPrivate = []string{standIn.Secret}, true
	return nil
}

func (s *service) openDatabase(ctx context.Context) (err error) {
	if s.db, err = OpenDatabase(ctx, s.config.Database, s.logger); err != nil {
		return err
	}
	s.onStop("the database", func(context.Context) error { return s.db.Close() })
	s.warnOfReaders()
	if s.sample != nil {
		return store.InTime(ctx, func(ctx context.Context) error { return sample.Load(ctx, s.db) })
	}
	return nil
}

// startBackground starts what goes on beside calls and deliveries.
func (s *service) startBackground(ctx context.Context) error {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	s.background.Go(func() { s.prober.run(ctx) })
	s.background.Go(func() { s.outages.run(ctx) })
	s.background.Go(func() { s.reloadOn(ctx, s.config.Reload) })
	if after := s.config.DecideAfter; s.sample != nil && after > 0 {
		s.background.Go(func() { sample.Decide(ctx, s.db, after, s.clock, s.logger) })
	}
	s.onStop("what goes on beside", func(context.Context) error {
		end()
		s.background.Wait()
		return nil
	})
	return nil
}

func (s *service) startCore(ctx context.Context) error {
	s.onStop("deliveries", s.core.Stop)
	return s.core.Start(ctx)
}

func (s *service) startPublic(ctx context.Context) error {
	listener, err := listen(ctx, "--addr", s.config.Addr)
	if err != nil {
		return err
	}
	scheme, serve := "http", s.public.Serve
	if s.config.certificate != nil {
		scheme, serve = "https", func(l net.Listener) error { return s.public.ServeTLS(l, "", "") }
	}
	bound := wire.Bound(s.public, listener, s.config.MaxConnections, s.logger)
	go func() { s.failed <- serve(bound) }()
	s.onStop("calls", s.stopPublic)
	parts := admin.Parts{Checks: s.checks(), Metrics: s.metrics.Handler(), Queue: s.view, Stats: s.db.QueueStats}
	if s.sample != nil {
		parts.Sample = s.sample.Handler(s.db)
	}
	s.admin.Started(parts)
	s.logger.Info("serving", "addr", listener.Addr().String(), "database", Redacted(s.config.Database), "version", Version())
	url := scheme + "://" + listener.Addr().String()
	var told bytes.Buffer // one write: whoever waits for the first line has all of it
	_, _ = fmt.Fprintf(&told, "enablementd listens on %s (reference at /docs/)\n", url)
	if s.config.Sample {
		sample.Tell(&told, url, s.config.DecideAfter)
	}
	_, _ = told.WriteTo(s.out)
	return nil
}

// stopPublic tells whoever sends calls first, and gives them time to turn away.
func (s *service) stopPublic(ctx context.Context) error {
	s.admin.Drain()
	drained, cancel := context.WithTimeout(ctx, s.config.DrainDelay)
	defer cancel()
	<-drained.Done()
	err := s.public.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.public.Close())
	}
	return err
}

func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, configErrorf("%s %s: %w", flag, addr, err)
	}
	return listener, nil
}
