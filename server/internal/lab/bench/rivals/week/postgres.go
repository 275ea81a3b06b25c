package main

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// connsPerCore is as in the service.
const connsPerCore = 4

type postgres struct {
	pool  *pgxpool.Pool
	queue *river.Client[pgx.Tx]
	stop  func() error
}

func openPostgres(ctx context.Context, url string) (*postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(connsPerCore * runtime.GOMAXPROCS(0)) //nolint:gosec // a machine has few
	pool, err := pgxpool.NewWithConfig(ctx, config)
	return &postgres{pool: pool}, err
}

func (p *postgres) dialect() dialect {
	return dialect{lock: " FOR UPDATE", list: func(ids []int64) (any, error) { return ids, nil }}
}

func (p *postgres) work(d *deliveries) (err error) {
	if p.queue, err = newQueue(riverpgxv5.New(p.pool), d, 100*time.Millisecond); err == nil {
		p.stop, err = startQueue(p.queue)
	}
	return err
}

func (p *postgres) close() (err error) {
	if p.stop != nil {
		err = p.stop()
	}
	p.pool.Close()
	return err
}

func (p *postgres) transact(ctx context.Context, f func(transaction) error) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error { return f(postgresTx{tx, p.queue}) })
}

func (p *postgres) each(ctx context.Context, scan func(row) error, statement string, args ...any) error {
	rows, err := p.pool.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return errors.Join(eachOf(rows, scan), rows.Err())
}

type postgresTx struct {
	pgx.Tx
	queue *river.Client[pgx.Tx]
}

func (t postgresTx) each(ctx context.Context, scan func(row) error, statement string, args ...any) error {
	rows, err := t.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return errors.Join(eachOf(rows, scan), rows.Err())
}

func (t postgresTx) exec(ctx context.Context, statement string, args ...any) error {
	_, err := t.Exec(ctx, statement, args...)
	return err
}

func (t postgresTx) enqueue(ctx context.Context, job jobArgs) error {
	_, err := t.queue.InsertTx(ctx, t.Tx, job, nil)
	return err
}

// rows are of either driver.
type rows interface {
	row
	Next() bool
}

func eachOf(rows rows, scan func(row) error) (err error) {
	for err == nil && rows.Next() {
		err = scan(rows)
	}
	return err
}
