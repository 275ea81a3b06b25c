// Command throughput measures how many submissions a second the built service takes over HTTP, its
// workers running. Beside it, in turns, it measures the plain statements of the same transaction: pgbench on
// PostgreSQL, a loop over the driver on SQLite. With -rival it measures another service instead, on a database of its
// own; and with -paced how long a submission takes of either at half the load that both can bear.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

const (
	company = "cmp_throughput"
	// perSecond is more than can be submitted in a second.
	perSecond = 8_000
)

type config struct {
	binary, rival, db string
	clients, rounds   int
	lasting           time.Duration
	paced             bool
}

func main() {
	var c config
	flag.StringVar(&c.db, "db", "", "database: path of an SQLite file to make, or postgres://…")
	flag.IntVar(&c.clients, "clients", 8, "how many submit at the same time")
	flag.IntVar(&c.rounds, "rounds", 3, "how often both take turns")
	flag.DurationVar(&c.lasting, "for", 5*time.Second, "how long a turn is")
	flag.StringVar(&c.rival, "rival", "", "path of another service, to measure in place of the plain statements")
	flag.BoolVar(&c.paced, "paced", false, "measure the time of a submission, at half of what the slower service bears")
	flag.Parse()
	if c.binary = flag.Arg(0); flag.NArg() != 1 || c.db == "" || c.paced && c.rival == "" {
		fmt.Fprintln(os.Stderr, "usage: throughput -db DATABASE [-rival PATH [-paced]] [flags] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "throughput:", err)
		os.Exit(1)
	}
}

// engine is the kind of the database.
func (c config) engine() string {
	if strings.Contains(c.db, "://") {
		return "postgres"
	}
	return "sqlite"
}

func (c config) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if c.rival != "" {
		return c.besideRival(ctx)
	}
	plain, err := newPlain(ctx, c.db)
	if err != nil {
		return err
	}
	defer plain.close()
	ours, err := c.start(ctx, c.binary, c.db)
	if err != nil {
		return err
	}
	defer ours.kill()
	if err := c.compare(ctx, ours, plain); err != nil {
		return err
	}
	return ours.stop()
}

// side is who submits.
type side interface {
	// run has so many clients submit, and returns how many submissions a second there were. What they leave to be
	// done is done when it returns, so that it does not slow the other side.
	run(ctx context.Context, clients int, lasting time.Duration) (float64, error)
}

// compare prints what both sides submit in a second, as a benchmark does.
func (c config) compare(ctx context.Context, ours *service, theirs side) error {
	for range c.rounds {
		o, err := ours.run(ctx, c.clients, c.lasting)
		if err != nil {
			return err
		}
		t, err := theirs.run(ctx, c.clients, c.lasting)
		if err != nil {
			return err
		}
		fmt.Printf("BenchmarkThroughput/%s 1 %.0f ours-submits/s-by-%d %.0f theirs-submits/s-by-%[3]d\n", c.engine(), o, c.clients, t)
	}
	fmt.Printf("%s clients=%d p50=%s p99=%s\n", c.engine(), c.clients, process.Quantile(ours.took, 0.5), process.Quantile(ours.took, 0.99))
	return nil
}
