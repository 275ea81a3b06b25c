package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/cryptomate-go/enablement/server"
	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/httpapi"
)

// What the listener allows a caller. The operation has no body and a short reply, so all is tight.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// Serve runs the service until the context ends, then lets calls and deliveries that are under way
// finish, within the shutdown timeout. What it has to tell a person goes to out.
func Serve(ctx context.Context, config Config, logger *slog.Logger, out io.Writer) (err error) {
	if err := config.check(); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", config.Addr)
	if err != nil {
		return configErrorf("--addr %s: %w", config.Addr, err)
	}
	defer func() { _ = listener.Close() }() // closed already where serving began

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
	queue, err := newQueue(config, db, logger)
	if err != nil {
		return err
	}
	handler, err := newHandler(config, db, logger)
	if err != nil {
		return err
	}
	if err := queue.Start(ctx); err != nil {
		return fmt.Errorf("starting the queue: %w", err)
	}
	web := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + config.CallTimeout + 5*time.Second,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	logger.Info("serving", "addr", listener.Addr().String(), "database", config.Database)
	if sample != nil {
		sample.tell(out, listener.Addr())
	} else {
		_, _ = fmt.Fprintf(out, "enablementd listens on http://%s\n", listener.Addr())
	}
	return run(ctx, web, listener, queue, config.ShutdownTimeout, logger)
}

// stopper is what runs beside the web server.
type stopper interface {
	Stop(ctx context.Context) error
}

// run serves until the context ends or serving fails, then stops in order: calls first, since they
// make deliveries, then deliveries.
func run(ctx context.Context, web *http.Server, listener net.Listener, queue stopper, timeout time.Duration, logger *slog.Logger) error {
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	var serving error
	select {
	case serving = <-failed:
		serving = fmt.Errorf("serving: %w", serving)
	case <-ctx.Done():
		logger.Info("stopping", "timeout", timeout)
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	calls := web.Shutdown(bounded)
	if calls != nil {
		calls = errors.Join(fmt.Errorf("calls did not finish in time: %w", calls), web.Close())
	}
	deliveries := queue.Stop(bounded)
	if deliveries != nil {
		deliveries = fmt.Errorf("deliveries did not finish in time: %w", deliveries)
	}
	if err := errors.Join(serving, calls, deliveries); err != nil {
		return err
	}
	logger.Info("stopped")
	return nil
}

func newHandler(config Config, db *Database, logger *slog.Logger) (http.Handler, error) {
	service := enablement.NewService(db, time.Now)
	return server.Handler(httpapi.New(service, config.CallTimeout),
		server.WithAuthenticator(httpapi.NewAuthenticator(db, time.Now)),
		server.WithLogger(logger),
		server.WithResponseValidation(config.ValidateReplies),
	)
}

func newQueue(config Config, db *Database, logger *slog.Logger) (stopStarter, error) {
	sender, err := delivery.NewSender(config.ProviderURL, config.ProviderSecrets, time.Now)
	if err != nil {
		return nil, &ConfigError{err}
	}
	return delivery.NewQueue(db.driver, delivery.Config{
		Ledger:   db,
		Sender:   sender,
		Schedule: config.Schedule,
		Process:  processName(),
		Clock:    time.Now,
		Logger:   logger,
	})
}

type stopStarter interface {
	stopper
	Start(ctx context.Context) error
}

// processName tells processes apart in the ledger and in the queue: host, process id, start.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%.60s-%d-%s", host, os.Getpid(), strconv.FormatInt(time.Now().UnixMilli(), 36))
}
