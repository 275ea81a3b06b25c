// Package sqlite is the store on SQLite: one file, one machine, one writer at a time.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// Enqueue puts the delivery of a notification into the queue as part of a transaction.
type Enqueue func(ctx context.Context, tx *sql.Tx, notificationID string) error

// DB is an open database file. It has one connection for writing, as SQLite has one writer, and a
// few for reading, which never wait for it.
type DB struct {
	path    string
	writing *sql.DB
	reading *sql.DB
	// turn is held by whoever writes. database/sql wakes waiters in any order; a channel keeps them
	// in line, which cuts the longest wait to a fifth under load.
	turn chan struct{}
}

// readers is the size of the reading pool; reads are short.
const readers = 4

// Open opens the database file and creates it where it is absent. The directory must exist.
func Open(ctx context.Context, path string) (*DB, error) {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("database %s: no directory %s", path, filepath.Dir(path))
	}
	// It holds personal data, so a new file is for its owner alone; SQLite would let everybody read it.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, errors.Unwrap(err))
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	writer, err := newConnector(dsn(path, false))
	if err != nil {
		return nil, err
	}
	reader, err := newConnector(dsn(path, true))
	if err != nil {
		return nil, err
	}
	writing, reading := sql.OpenDB(writer), sql.OpenDB(reader)
	writing.SetMaxOpenConns(1)
	reading.SetMaxOpenConns(readers)
	reading.SetMaxIdleConns(readers)
	db := &DB{path: path, writing: writing, reading: reading, turn: make(chan struct{}, 1)}
	if err := writing.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), db.Close())
	}
	return db, nil
}

// dsn is the recipe that holds under many writers: without _txlock=immediate a transaction that
// reads first fails at once where another one writes, and without _time_format the driver stores
// times as Go prints them.
func dsn(path string, readOnly bool) string {
	query := url.Values{
		"_pragma": {
			"busy_timeout(10000)",
			"journal_mode(WAL)",
			"synchronous(FULL)",
			"foreign_keys(1)",
		},
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
	}
	if readOnly {
		query.Add("_pragma", "query_only(1)")
		query.Set("_txlock", "deferred")
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: query.Encode()}).String()
}

// Writer returns the writing connection, which the queue shares.
func (db *DB) Writer() *sql.DB { return db.writing }

// Close closes the file.
func (db *DB) Close() error {
	return errors.Join(db.reading.Close(), db.writing.Close())
}

// write runs f in a transaction of its own, when its turn comes.
func (db *DB) write(ctx context.Context, f func(*sql.Tx) error) error {
	select {
	case db.turn <- struct{}{}:
		defer func() { <-db.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := db.writing.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Store implements [store.Store].
type Store struct {
	*DB
	enqueue Enqueue
}

var _ store.Store = (*Store)(nil)

// NewStore returns the store in a migrated database.
func NewStore(db *DB, enqueue Enqueue) *Store {
	return &Store{DB: db, enqueue: enqueue}
}

// moment is a time as it is stored: in UTC, so that the texts sort, and to the microsecond.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// nullTime stores the zero time as NULL.
func nullTime(t time.Time) sql.NullTime {
	return sql.NullTime{Time: moment(t), Valid: !t.IsZero()}
}
