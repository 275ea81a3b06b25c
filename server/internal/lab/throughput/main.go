// Command throughput measures how many submissions a second the built service takes over HTTP, its
// workers running, beside the plain statements of the same transaction: pgbench on PostgreSQL, a loop
// over the driver on SQLite. Both take turns, and the medians are compared.
package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	// The drivers, under the names "pgx" and "sqlite".
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
)

const (
	company = "cmp_throughput"
	// stored is how many requests the plain statements choose from.
	stored = 100_000
	// perSecond is more than can be submitted in a second.
	perSecond = 8_000
)

func main() {
	db := flag.String("db", "", "database: path of an SQLite file to make, or postgres://…")
	clients := flag.Int("clients", 8, "how many submit at the same time")
	rounds := flag.Int("rounds", 3, "how often both take turns")
	lasting := flag.Duration("for", 5*time.Second, "how long a turn is")
	flag.Parse()
	if flag.NArg() != 1 || *db == "" {
		fmt.Fprintln(os.Stderr, "usage: throughput -db DATABASE [flags] PATH-OF-ENABLEMENTD")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *db, *clients, *rounds, *lasting); err != nil {
		fmt.Fprintln(os.Stderr, "throughput:", err)
		os.Exit(1)
	}
}

func run(binary, db string, clients, rounds int, lasting time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	plain, err := newPlain(ctx, db)
	if err != nil {
		return err
	}
	defer plain.close()
	provider, flags := process.NewProvider()
	defer provider.Close()
	key, err := process.Prepare(ctx, binary, db, company, process.Company(company, int(lasting.Seconds()+1)*rounds*perSecond))
	if err != nil {
		return err
	}
	service, err := process.Serve(ctx, binary, append(flags, "--db", db, "--log-level", "error", "--rate-limit", "0")...)
	if err != nil {
		return err
	}
	defer service.Kill()
	l := &load{address: strings.TrimPrefix(service.URL, "http://"), key: key}
	var ours, theirs, ratios []float64
	for range rounds {
		o, err := l.run(ctx, clients, lasting)
		if err != nil {
			return err
		}
		// So that deliveries that are left don't slow the plain statements.
		for provider.Taken.Load() < l.next.Load() && ctx.Err() == nil {
			process.Pause(ctx, 10*time.Millisecond)
		}
		t, err := plain.run(ctx, clients, lasting)
		if err != nil {
			return err
		}
		ours, theirs, ratios = append(ours, o), append(theirs, t), append(ratios, o/t)
		fmt.Printf("BenchmarkThroughput/%s 1 %.0f ours-submits/s-by-%d %.0f theirs-submits/s-by-%[3]d\n", plain.name(), o, clients, t)
	}
	fmt.Printf("%s clients=%d ours=%.0f/s plain=%.0f/s ratio=%.2f p50=%s p99=%s\n", plain.name(), clients,
		process.Median(ours), process.Median(theirs), process.Median(ratios), process.Quantile(l.took, 0.5), process.Quantile(l.took, 0.99))
	if code := service.Stop(); code != 0 {
		return fmt.Errorf("the service ended with %d:\n%s", code, service.Output())
	}
	return nil
}

// load submits over HTTP, each client over a connection of its own. It writes and reads by itself: what an
// HTTP client does beyond that would count against the service, which has the same cores.
type load struct {
	address, key string
	next         atomic.Int64

	mu   sync.Mutex
	took []time.Duration
}

func (l *load) run(ctx context.Context, clients int, lasting time.Duration) (float64, error) {
	return together(ctx, clients, lasting, func(ctx context.Context, end time.Time) (int, error) {
		took, err := l.client(ctx, end)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.took = append(l.took, took...)
		return len(took), err
	})
}

// together has so many clients make calls at the same time, and returns how many calls a second all of them made.
func together(ctx context.Context, clients int, lasting time.Duration, client func(ctx context.Context, end time.Time) (calls int, err error)) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	started := time.Now()
	var done atomic.Int64
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			calls, err := client(ctx, started.Add(lasting))
			if err != nil {
				cancel(err)
			}
			done.Add(int64(calls))
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(started).Seconds(), context.Cause(ctx)
}

func (l *load) client(ctx context.Context, end time.Time) (took []time.Duration, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	responses := bufio.NewReader(conn)
	for begun := time.Now(); begun.Before(end) && ctx.Err() == nil; begun = time.Now() {
		if err := conn.SetDeadline(begun.Add(time.Minute)); err != nil {
			return nil, err
		}
		n := int(l.next.Add(1) - 1)
		if _, err := fmt.Fprintf(conn, "POST /management/clients/individuals/%s/products/%s/submit HTTP/1.1\r\n"+
			"Host: %s\r\nx-api-key: %s\r\nContent-Length: 0\r\n\r\n", process.ClientID(n), process.RequestID(n), l.address, l.key); err != nil {
			return nil, err
		}
		if err := inKYC(responses); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begun))
	}
	return took, nil
}

// inKYC reads a response, which must say that the request entered KYC.
func inKYC(responses *bufio.Reader) error {
	resp, err := http.ReadResponse(responses, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(`"in_kyc"`)) {
		return fmt.Errorf("%d %s", resp.StatusCode, body)
	}
	return nil
}

// plain is the statements of the transaction without anything around them: select for update, update,
// insert an audit row, insert a job.
type plain interface {
	name() string
	run(ctx context.Context, clients int, lasting time.Duration) (float64, error)
	close()
}

const tables = `
	CREATE TABLE plain_requests (id INTEGER PRIMARY KEY, status TEXT NOT NULL, updated_at TEXT NOT NULL);
	CREATE TABLE plain_audit (id %s, request_id INTEGER NOT NULL, from_status TEXT NOT NULL, to_status TEXT NOT NULL, at TEXT NOT NULL);
	CREATE TABLE plain_jobs (id %s, kind TEXT NOT NULL, args TEXT NOT NULL, state TEXT NOT NULL, scheduled_at TEXT NOT NULL);`

func newPlain(ctx context.Context, location string) (plain, error) {
	if strings.Contains(location, "://") {
		return newPgbench(ctx, location)
	}
	return newLoop(ctx, location+".plain")
}

// pgbench is PostgreSQL's own load generator, with prepared statements.
type pgbench struct {
	url, dir string
}

func newPgbench(ctx context.Context, url string) (*pgbench, error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	const identity = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
	for _, statement := range []string{
		`DROP TABLE IF EXISTS plain_requests, plain_audit, plain_jobs`,
		fmt.Sprintf(tables, identity, identity),
		fmt.Sprintf(`INSERT INTO plain_requests SELECT n, 'requested', 'now' FROM generate_series(1, %d) n`, stored),
		`VACUUM ANALYZE plain_requests`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "throughput-")
	if err != nil {
		return nil, err
	}
	script := fmt.Sprintf(`\set id random(1, %d)
BEGIN;
SELECT id, status, updated_at FROM plain_requests WHERE id = :id FOR UPDATE;
UPDATE plain_requests SET status = 'in_kyc', updated_at = 'then' WHERE id = :id;
INSERT INTO plain_audit (request_id, from_status, to_status, at) VALUES (:id, 'requested', 'in_kyc', 'then');
INSERT INTO plain_jobs (kind, args, state, scheduled_at) VALUES ('notification_deliver', '{}', 'available', 'then');
COMMIT;
`, stored)
	return &pgbench{url, dir}, os.WriteFile(filepath.Join(dir, "plain.sql"), []byte(script), 0o600)
}

func (p *pgbench) name() string { return "postgres" }
func (p *pgbench) close()       { _ = os.RemoveAll(p.dir) }

func (p *pgbench) run(ctx context.Context, clients int, lasting time.Duration) (float64, error) {
	binary, err := exec.LookPath("pgbench")
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench"); err != nil && len(found) > 0 {
		binary, err = found[len(found)-1], nil
	}
	if err != nil {
		return 0, errors.New("there is no pgbench here; it comes with Debian's postgresql")
	}
	output, err := exec.CommandContext(ctx, binary, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2",
		"-T", strconv.Itoa(int(lasting.Seconds())), "-f", filepath.Join(p.dir, "plain.sql"), p.url).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, output)
	}
	match := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(output)
	if match == nil {
		return 0, fmt.Errorf("pgbench said no figure: %s", output)
	}
	return strconv.ParseFloat(string(match[1]), 64)
}

// loop is the driver alone, with prepared statements, on a file that is as durable as the service's.
type loop struct {
	db         *sql.DB
	path       string
	statements []*sql.Stmt
	next       atomic.Int64
}

func newLoop(ctx context.Context, path string) (*loop, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	l := &loop{db: db, path: path}
	for _, statement := range []string{
		fmt.Sprintf(tables, "INTEGER PRIMARY KEY", "INTEGER PRIMARY KEY"),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO plain_requests SELECT i, 'requested', 'now' FROM n`, stored),
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, err
		}
	}
	for _, text := range []string{
		`SELECT status FROM plain_requests WHERE id = ?`,
		`UPDATE plain_requests SET status = 'in_kyc', updated_at = 'then' WHERE id = ?`,
		`INSERT INTO plain_audit (request_id, from_status, to_status, at) VALUES (?, 'requested', 'in_kyc', 'then')`,
		`INSERT INTO plain_jobs (kind, args, state, scheduled_at) VALUES ('notification_deliver', '{}', 'available', ?)`,
	} {
		statement, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // closed with the database
		if err != nil {
			return nil, err
		}
		l.statements = append(l.statements, statement)
	}
	return l, nil
}

func (l *loop) name() string { return "sqlite" }

func (l *loop) close() {
	_ = l.db.Close()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(l.path + suffix)
	}
}

func (l *loop) run(ctx context.Context, clients int, lasting time.Duration) (float64, error) {
	return together(ctx, clients, lasting, func(ctx context.Context, end time.Time) (calls int, err error) {
		for ; ctx.Err() == nil && time.Now().Before(end); calls++ {
			if err := l.transaction(ctx, l.next.Add(1)%stored+1); err != nil {
				return calls, err
			}
		}
		return calls, nil
	})
}

func (l *loop) transaction(ctx context.Context, id int64) error {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing where it was committed
	var was string
	//nolint:sqlclosecheck // closed with the transaction
	if err := tx.StmtContext(ctx, l.statements[0]).QueryRowContext(ctx, id).Scan(&was); err != nil {
		return err
	}
	for _, statement := range l.statements[1:] {
		//nolint:sqlclosecheck // closed with the transaction
		if _, err := tx.StmtContext(ctx, statement).ExecContext(ctx, id); err != nil {
			return err
		}
	}
	return tx.Commit()
}
