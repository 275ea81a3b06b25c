// Command crash kills the service again and again, while a provider fails in every way. Many callers submit imported
// requests; others create clients, request products, update and delete. Then it compares three accounts: what callers
// were told, what the database and the API say, and what the provider verified. At the end it kills all processes in the
// middle of their last attempts. The exit code is 1 unless the accounts agree.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

const (
	// requestsPerKill is how many requests there are for each kill: more than can be submitted in
	// between, so that every kill meets submissions.
	requestsPerKill = 1200
	// callers submit at the same time.
	callers = 24
	// livingCallers create and change clients beside them.
	livingCallers = 12
	// A process lives for so long before it is killed.
	shortestLife, longestLife = 100 * time.Millisecond, 600 * time.Millisecond
	// patience bounds the wait for the last deliveries. Those of a killed process are taken up by
	// another one after more than a minute.
	patience = 5 * time.Minute
	// lastRequests are those whose last attempts the kill at the end cuts: not more than a process makes at once.
	lastRequests = 80
	// Many short waits: every failure of the provider's is to be survived within the run. Then one wait only, so
	// that the second attempt is the last.
	longSchedule  = "200ms,200ms,400ms,400ms,1s,1s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s,2s"
	shortSchedule = "200ms"
	// limit bounds a whole run.
	limit = time.Hour
)

func main() {
	db := flag.String("db", "", "database: path of an SQLite file, or postgres://…")
	kills := flag.Int("kills", 100, "how often a process is killed")
	processes := flag.Int("processes", 1, "processes at the same time")
	from := flag.String("from", "", "program of the version before: the run begins with it, and upgrades one process after the other")
	flag.Parse()
	if flag.NArg() != 1 || *db == "" {
		fmt.Fprintln(os.Stderr, "usage: crash -db DATABASE [flags] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *from, *db, *kills, *processes); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

func run(binary, from, db string, kills, processes int) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	requests := max(kills, 1) * requestsPerKill
	first := cmp.Or(from, binary)
	key, err := process.Prepare(ctx, first, db, company, data(requests+callers+lastRequests))
	if err != nil {
		return err
	}
	provider, err := startProvider(ctx)
	if err != nil {
		return err
	}
	defer provider.close()
	f := &fleet{binary: first, schedule: longSchedule, flags: []string{
		"--db", db, "--log-level", "error", "--rate-limit", "0", "--call-timeout", "3s", "--drain-delay", "500ms",
		"--provider-allow-private", "--provider-url", provider.url, "--provider-secret", secret,
	}}
	for range processes {
		if err := f.start(ctx); err != nil {
			return err
		}
	}
	told, lives := newTold(requests), &lives{}
	submitting := told.submitting(ctx, f, key)
	if from != "" {
		if err := f.upgrade(ctx, binary, told); err != nil {
			return err
		}
	}
	living := lives.living(ctx, f, key)
	for range kills {
		process.Pause(ctx, shortestLife+rand.N(longestLife-shortestLife))
		if err := f.killOne(ctx); err != nil {
			return err
		}
	}
	told.enough()
	lives.enough()
	submitting.Wait()
	living.Wait()
	provider.is(well)
	accounts, err := settle(ctx, db, provider, told)
	if err == nil && accounts.agree() {
		if err := killInLastAttempts(ctx, f, key, provider, told); err != nil {
			return err
		}
		accounts, err = settle(ctx, db, provider, told)
	}
	if err == nil {
		err = lives.account(ctx, db, f, key, &accounts)
	}
	if stopping := f.stop(); err == nil {
		err = stopping
	}
	var broken int
	if err == nil {
		broken, err = pruneUploads(ctx, db, &accounts)
	}
	if err != nil {
		return err
	}
	fmt.Printf("kills=%d %s submitted=%d lost=%d doubled=%d undelivered=%d stranded=%d phantom=%d wrongly-told=%d\n",
		kills, lives, told.submitted(), accounts.lost, accounts.doubled, accounts.undelivered, accounts.stranded, accounts.phantom, accounts.wronglyTold)
	fmt.Printf("(calls=%d broken-uploads=%d answered-unknown=%d killed-in-last-attempts=%d provider-attempts=%d provider-faults=%d repeated-deliveries=%d)\n",
		told.calls.Load()+lives.calls.Load(), broken, told.unknown.Load()+lives.unknown.Load(), provider.hung.Load(), provider.attempts.Load(), provider.faults.Load(), provider.repeated())
	if !accounts.agree() {
		return errors.New("the accounts don't agree")
	}
	return nil
}

// killInLastAttempts submits requests, whose first attempt fails, and kills all processes while their last
// one is under way. Then the provider is well.
func killInLastAttempts(ctx context.Context, f *fleet, key string, p *provider, t *told) error {
	f.schedule = shortSchedule
	if err := f.killAll(ctx); err != nil {
		return err
	}
	p.is(hanging)
	t.more(lastRequests)
	t.submitting(ctx, f, key).Wait()
	for deadline := time.Now().Add(10 * time.Second); p.hung.Load() < lastRequests && time.Now().Before(deadline); {
		process.Pause(ctx, 10*time.Millisecond)
	}
	if p.hung.Load() == 0 {
		return errors.New("no last attempt is under way")
	}
	if err := f.killAll(ctx); err != nil {
		return err
	}
	p.is(well)
	return nil
}

// fleet is the processes on one database.
type fleet struct {
	binary   string
	flags    []string
	schedule string

	mu      sync.Mutex
	running []*process.Process
}

func (f *fleet) start(ctx context.Context) error {
	p, err := process.Serve(ctx, f.binary, append([]string{"--delivery-schedule", f.schedule}, f.flags...)...)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = append(f.running, p)
	return nil
}

// killOne kills a process and starts another in its place.
func (f *fleet) killOne(ctx context.Context) error {
	f.mu.Lock()
	i := rand.N(len(f.running))
	victim := f.running[i]
	f.running = append(f.running[:i], f.running[i+1:]...)
	f.mu.Unlock()
	victim.Kill()
	return f.start(ctx)
}

// killAll kills all processes, and then starts as many.
func (f *fleet) killAll(ctx context.Context) error {
	f.mu.Lock()
	victims := f.running
	f.running = nil
	f.mu.Unlock()
	for _, victim := range victims {
		victim.Kill()
	}
	for range victims {
		if err := f.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// url is where one of the processes listens, empty while none does.
func (f *fleet) url() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.running) == 0 {
		return ""
	}
	return f.running[rand.N(len(f.running))].URL
}

// client is an SDK's for one of the processes. While none listens, there is an error.
func (f *fleet) client(key string, transport http.RoundTripper, opts ...client.Option) (*client.Client, error) {
	url := f.url()
	if url == "" {
		return nil, errNoProcess
	}
	return client.New(key, append(opts, client.WithBaseURL(url), client.WithoutRateGate(),
		client.WithHTTPClient(&http.Client{Transport: transport}))...)
}

var errNoProcess = errors.New("no process listens")

func (f *fleet) stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, p := range f.running {
		if code := p.Stop(); code != 0 {
			errs = append(errs, fmt.Errorf("a process ended with %d:\n%s", code, p.Output()))
		}
	}
	return errors.Join(errs...)
}
