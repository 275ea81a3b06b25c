// Command week is the rival of the whole service: what a good engineer writes in a week from the usual parts. Those are
// oapi-codegen's strict server behind the stock nethttp-middleware, pgx or database/sql with modernc.org/sqlite, a
// transaction for each submission, and River with a worker that signs and posts.
//
// It serves a database that enablementd migrated: the same tables, the same durability. The evaluation, the form of an
// API key with its short cache, and the translation of a request to the API's are the service's own, since they are the
// same whoever writes them. It has as many connections and workers as the service, its queue looks as often for jobs, and
// it collects garbage as seldom.
//
// It leaves out all that a submission does not need: the other operations, Idempotency-Key, rate limits, log lines,
// metrics, traces, checks of responses, recovery from panics, a schedule of attempts of its own, the reconciler and the
// operators' listener. So it has less to do than the service.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

func main() {
	debug.SetGCPercent(400) // as the service does
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "week:", err)
		os.Exit(1)
	}
}

// run takes the command line of `enablementd serve`, as far as it is used for measurements.
func run(args []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("week serve", flag.ContinueOnError)
	location := flags.String("db", "", "database that enablementd migrated: an SQLite file, or postgres://…")
	address := flags.String("addr", "127.0.0.1:8080", "where to listen")
	provider := flags.String("provider-url", "", "where notifications go")
	secret := flags.String("provider-secret", "", "what they are signed with")
	for _, name := range []string{"admin-addr", "log-level", "rate-limit"} {
		flags.String(name, "", "taken, and of no effect: there is none")
	}
	flags.Bool("provider-allow-private", true, "taken, and of no effect: any address is allowed")
	if len(args) == 0 || args[0] != "serve" {
		return errors.New("usage: week serve --db DATABASE --provider-url URL --provider-secret SECRET")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	db, err := open(ctx, *location)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	deliveries, err := newDeliveries(db, *provider, *secret)
	if err != nil {
		return err
	}
	if err := db.work(deliveries); err != nil {
		return err
	}
	handler, err := newHandler(db)
	if err != nil {
		return err
	}
	return serve(ctx, *address, handler)
}

func open(ctx context.Context, location string) (database, error) {
	if strings.Contains(location, "://") {
		return openPostgres(ctx, location)
	}
	return openSQLite(ctx, location)
}

// serve listens until the context ends.
func serve(ctx context.Context, address string, handler http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("week listens on http://%s\n", listener.Addr())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return server.Shutdown(stopping)
}

// stopTime is how long calls and attempts may take to finish.
const stopTime = 20 * time.Second
