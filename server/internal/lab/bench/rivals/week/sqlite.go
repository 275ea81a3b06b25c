package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// settings are the service's: what is committed is on the disk.
const settings = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_time_format=sqlite"

const readers = 4

// sqlite has one connection that writes, as SQLite has one writer, and some that read. Its own statements are prepared;
// River sends its as text.
type sqlite struct {
	writing, reading *sql.DB
	prepared         map[string]*sql.Stmt
	queue            *river.Client[*sql.Tx]
	stop             func() error
}

func openSQLite(ctx context.Context, path string) (_ *sqlite, err error) {
	s := &sqlite{prepared: make(map[string]*sql.Stmt)}
	if s.writing, err = sql.Open("sqlite", "file:"+path+settings+"&_txlock=immediate"); err != nil {
		return nil, err
	}
	s.writing.SetMaxOpenConns(1)
	if s.reading, err = sql.Open("sqlite", "file:"+path+settings+"&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	s.reading.SetMaxOpenConns(readers)
	s.reading.SetMaxIdleConns(readers)
	for db, statements := range map[*sql.DB][]string{
		s.writing: {selectRequest, selectClient, selectDocuments, updateRequest, insertAudit, insertNotification, insertReview,
			insertDelivery, updateNotification},
		s.reading: {selectKey, selectNotification},
	} {
		for _, statement := range statements {
			//nolint:sqlclosecheck // closed with the database
			if s.prepared[statement], err = db.PrepareContext(ctx, statement); err != nil {
				return nil, errors.Join(err, s.close())
			}
		}
	}
	return s, nil
}

func (s *sqlite) dialect() dialect {
	return dialect{list: func(ids []int64) (any, error) {
		text, err := json.Marshal(ids)
		return string(text), err
	}}
}

func (s *sqlite) work(d *deliveries) (err error) {
	if s.queue, err = newQueue(riversqlite.New(s.writing), d, 50*time.Millisecond); err == nil {
		s.stop, err = startQueue(s.queue)
	}
	return err
}

func (s *sqlite) close() (err error) {
	if s.stop != nil {
		err = s.stop()
	}
	return errors.Join(err, s.reading.Close(), s.writing.Close())
}

func (s *sqlite) transact(ctx context.Context, f func(transaction) error) error {
	tx, err := s.writing.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing where it was committed
	if err := f(sqliteTx{tx, s}); err != nil {
		return err
	}
	return tx.Commit()
}

func (s *sqlite) each(ctx context.Context, scan func(row) error, statement string, args ...any) error {
	rows, err := s.prepared[statement].QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	return errors.Join(eachOf(rows, scan), rows.Err())
}

type sqliteTx struct {
	*sql.Tx
	of *sqlite
}

func (t sqliteTx) each(ctx context.Context, scan func(row) error, statement string, args ...any) error {
	rows, err := t.StmtContext(ctx, t.of.prepared[statement]).QueryContext(ctx, args...) //nolint:sqlclosecheck // closed with the transaction
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	return errors.Join(eachOf(rows, scan), rows.Err())
}

func (t sqliteTx) exec(ctx context.Context, statement string, args ...any) error {
	_, err := t.StmtContext(ctx, t.of.prepared[statement]).ExecContext(ctx, args...) //nolint:sqlclosecheck // closed with the transaction
	return err
}

func (t sqliteTx) enqueue(ctx context.Context, job jobArgs) error {
	_, err := t.of.queue.InsertTx(ctx, t.Tx, job, nil)
	return err
}
