package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	// The drivers, under the names "pgx" and "sqlite".
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// stored is how many requests the plain statements choose from.
const stored = 100_000

// plain is the statements of the transaction without anything around them: select for update, update,
// insert an audit row, insert a job.
type plain interface {
	side
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

func (p *pgbench) close() { _ = os.RemoveAll(p.dir) }

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
