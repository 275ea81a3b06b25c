package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

const (
	// attempts bounds how often a transaction is made that the server rolls back for another's sake.
	attempts = 5
	// backoff is how long at most to wait before the second attempt, and so much more before each other.
	backoff = 10 * time.Millisecond
	// rollbackTimeout bounds a rollback, which happens whatever became of the caller.
	rollbackTimeout = 2 * time.Second
)

// readCommitted is said every time: what locks rows here and reads after it counts on each statement
// seeing what was committed before it.
var readCommitted = pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}

// repeat makes a transaction, and makes it again where that can help and harms nothing. attempt tells
// whether a commit was sent, after which nobody knows what a broken connection means: that is
// [store.ErrUnavailable], even if the context has ended, and whoever asked has to be told.
func repeat(ctx context.Context, attempt func() (committing bool, err error)) error {
	for n := 1; ; n++ {
		committing, err := attempt()
		if committing && unconfirmed(err) {
			return fmt.Errorf("%w: nobody knows whether it was committed: %w", store.ErrUnavailable, err)
		}
		if err == nil || n == attempts || ctx.Err() != nil || !repeatable(err) && (committing || !broken(err)) {
			return classify(ctx, err)
		}
		select {
		case <-time.After(rand.N(backoff * time.Duration(n))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// write runs f in a transaction of its own. f may run several times.
func (db *DB) write(ctx context.Context, f func(pgx.Tx) error) error {
	return repeat(ctx, func() (bool, error) {
		tx, err := db.pool.BeginTx(ctx, readCommitted)
		if err != nil {
			return false, err
		}
		if err := f(tx); err != nil {
			rollback(ctx, tx)
			return false, err
		}
		return true, tx.Commit(ctx)
	})
}

// rollback ends a transaction, although the context may have ended. Should it fail, the connection is
// closed, which has the same effect.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// pipeline is a transaction that keeps back the statements it is given by hold, and sends them in one
// go with the next that somebody waits for: each answer waited for costs a round trip, during which
// the locks are held.
type pipeline struct {
	pgx.Tx
	held *pgx.Batch
	// committing is set before a commit is sent.
	committing bool
}

// hold adds a statement whose result nobody needs to see.
func (p *pipeline) hold(sql string, args ...any) {
	if p.held == nil {
		p.held = &pgx.Batch{}
	}
	p.held.Queue(sql, args...)
}

// flush sends what was held back.
func (p *pipeline) flush(ctx context.Context) error {
	if p.held == nil {
		return nil
	}
	held := p.held
	p.held = nil
	return p.Tx.SendBatch(ctx, held).Close()
}

// Commit commits along with what was held back.
func (p *pipeline) Commit(ctx context.Context) error {
	if p.held == nil {
		p.committing = true
		return p.Tx.Commit(ctx)
	}
	held := p.held
	p.held = nil
	p.committing = true
	held.Queue("commit")
	// Where a statement fails, the server passes over the ones behind it, so the commit with it.
	return p.Tx.SendBatch(ctx, held).Close()
}

// Query implements [pgx.Tx].
func (p *pipeline) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if p.held == nil {
		return p.Tx.Query(ctx, sql, args...)
	}
	if len(args) > 0 {
		switch args[0].(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryRewriter:
			// Not for a batch.
			if err := p.flush(ctx); err != nil {
				return nil, err
			}
			return p.Tx.Query(ctx, sql, args...)
		}
	}
	held := p.held
	p.held = nil
	before := held.Len()
	held.Queue(sql, args...)
	results := p.Tx.SendBatch(ctx, held)
	for range before {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // the same error again
			return nil, err
		}
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close() // the same error again
		return nil, err
	}
	return &lastRows{Rows: rows, results: results}, nil
}

// lastRows are the rows of the last statement of a batch; the batch ends with them.
type lastRows struct {
	pgx.Rows
	results pgx.BatchResults
	ended   bool
	err     error
}

// Next implements [pgx.Rows].
func (r *lastRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.end()
	return false
}

// Close implements [pgx.Rows].
func (r *lastRows) Close() {
	r.Rows.Close()
	r.end()
}

// Err implements [pgx.Rows].
func (r *lastRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

func (r *lastRows) end() {
	if !r.ended {
		r.ended = true
		r.err = r.results.Close()
	}
}

// QueryRow implements [pgx.Tx].
func (p *pipeline) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := p.flush(ctx); err != nil {
		return failedRow{err}
	}
	return p.Tx.QueryRow(ctx, sql, args...)
}

type failedRow struct{ err error }

// Scan implements [pgx.Row].
func (r failedRow) Scan(...any) error { return r.err }

// Exec implements [pgx.Tx].
func (p *pipeline) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := p.flush(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return p.Tx.Exec(ctx, sql, args...)
}

// SendBatch implements [pgx.Tx].
func (p *pipeline) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if err := p.flush(ctx); err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	return p.Tx.SendBatch(ctx, b)
}

// CopyFrom implements [pgx.Tx].
func (p *pipeline) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, source pgx.CopyFromSource) (int64, error) {
	if err := p.flush(ctx); err != nil {
		return 0, err
	}
	return p.Tx.CopyFrom(ctx, table, columns, source)
}

// Begin implements [pgx.Tx].
func (p *pipeline) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.Tx.Begin(ctx)
}

// LargeObjects implements [pgx.Tx]. They have their own way to the connection, past what is held back.
func (p *pipeline) LargeObjects() pgx.LargeObjects {
	panic(errors.ErrUnsupported)
}
