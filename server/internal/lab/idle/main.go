// Command idle measures what the built service takes of a core while nobody calls it: on SQLite, and on the PostgreSQL
// that TEST_DATABASE_URL names, at the same time.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

// settling is how long after it listens the service is not idle yet: the queue starts its upkeep.
const settling = 4 * time.Second

func main() {
	rounds := flag.Int("rounds", 3, "how often it is measured")
	lasting := flag.Duration("for", 20*time.Second, "how long the service is idle in a round")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: idle [flags] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *rounds, *lasting); err != nil {
		fmt.Fprintln(os.Stderr, "idle:", err)
		os.Exit(1)
	}
}

func run(binary string, rounds int, lasting time.Duration) error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "idle")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	databases := map[string]string{"sqlite": filepath.Join(dir, "idle.db"), "postgres": os.Getenv("TEST_DATABASE_URL")}
	var group sync.WaitGroup
	failed := make(chan error, len(databases))
	for name, db := range databases {
		group.Go(func() { failed <- measure(ctx, binary, name, db, rounds, lasting) })
	}
	group.Wait()
	for range databases {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func measure(ctx context.Context, binary, name, db string, rounds int, lasting time.Duration) error {
	if _, err := process.Run(ctx, binary, nil, "migrate", "--db", db); err != nil {
		return err
	}
	provider, flags := process.NewProvider()
	defer provider.Close()
	flags = append(flags, "--db", db)
	for range rounds {
		least, err := used(ctx, binary, settling, flags)
		if err != nil {
			return err
		}
		most, err := used(ctx, binary, settling+lasting, flags)
		if err != nil {
			return err
		}
		fmt.Printf("BenchmarkIdle/%s 1 %.3f ours-%%-%[1]s\n", name, 100*(most-least).Seconds()/lasting.Seconds())
	}
	return nil
}

// used is the processor time of a service that is stopped so long after it listens.
func used(ctx context.Context, binary string, after time.Duration, flags []string) (time.Duration, error) {
	service, err := process.Serve(ctx, binary, flags...)
	if err != nil {
		return 0, err
	}
	process.Pause(ctx, after)
	if code := service.Stop(); code != 0 {
		return 0, fmt.Errorf("the service ended with %d:\n%s", code, service.Output())
	}
	return service.Used(), nil
}
