package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Serve runs the service until the context ends, then lets calls and deliveries that are under way
// finish, within the shutdown timeout. What it has to tell a person goes to out.
func Serve(ctx context.Context, config Config, logger *slog.Logger, out io.Writer) (err error) {
	if err := config.check(); err != nil {
		return err
	}
	public, err := listen(ctx, "--addr", config.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = public.Close() }() // closed already where serving began
	operators, err := listen(ctx, "--admin-addr", config.AdminAddr)
	if err != nil {
		return err
	}
	if operators != nil {
		defer func() { _ = operators.Close() }()
	}

	var sample *sample
	if config.Sample {
		if sample, err = startSample(ctx, &config, logger); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, sample.close()) }()
	}
	db, err := OpenDatabase(ctx, config.Database, config.Schedule, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if sample != nil {
		if err := sample.load(ctx, db); err != nil {
			return err
		}
	}
	s, err := assemble(ctx, config, db, logger)
	if err != nil {
		return err
	}
	if err := s.queue.Start(ctx); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	logger.Info("serving", "addr", public.Addr().String(), "database", Redacted(config.Database), "version", Version())
	tell(out, config, public, operators, sample)
	return s.run(ctx, public, operators)
}

// listen returns nil where there is nothing to listen on.
func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	if addr == NoAdmin {
		return nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, configErrorf("%s %s: %w", flag, addr, err)
	}
	return listener, nil
}

// tell prints where the service listens.
func tell(out io.Writer, config Config, public, operators net.Listener, sample *sample) {
	scheme := "http"
	if config.TLSCert != "" {
		scheme = "https"
	}
	_, _ = fmt.Fprintf(out, "enablementd listens on %s://%s (reference at /docs/)\n", scheme, public.Addr())
	if operators != nil {
		_, _ = fmt.Fprintf(out, "Operators: http://%s with /healthz, /readyz, /metrics and /riverui/\n", operators.Addr())
	}
	if sample != nil {
		sample.tell(out, scheme, public.Addr())
	}
}

// run serves until the context ends or serving fails, then stops in order: who sends calls is told
// first, then calls end, since they make deliveries, then deliveries, then what watches both.
func (s *service) run(ctx context.Context, public, operators net.Listener) error {
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	var running sync.WaitGroup
	running.Go(func() { s.usage.Run(background) })

	failed := make(chan error, 2)
	running.Go(func() { failed <- s.servePublic(public) })
	if operators != nil {
		running.Go(func() { failed <- s.serveOperators(operators) })
	}

	var errs []error
	select {
	case err := <-failed:
		errs = append(errs, fmt.Errorf("serving: %w", err))
	case <-ctx.Done():
		s.logger.Info("stopping", "timeout", s.config.ShutdownTimeout)
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownTimeout)
	defer cancel()

	s.admin.Drain()
	wait(bounded, s.config.DrainDelay)
	if err := s.public.Shutdown(bounded); err != nil {
		errs = append(errs, fmt.Errorf("calls did not finish in time: %w", err), s.public.Close())
	}
	if err := s.queue.Stop(bounded); err != nil {
		errs = append(errs, fmt.Errorf("deliveries did not finish in time: %w", err))
	}
	s.sender.Close()
	if err := s.tracing.Shutdown(bounded); err != nil {
		s.logger.Warn("not all traces were sent", "err", err) // the service itself lost nothing
	}
	errs = append(errs, s.operators.Close())
	stopBackground()
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	s.logger.Info("stopped")
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
