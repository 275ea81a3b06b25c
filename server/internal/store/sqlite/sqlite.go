// Package sqlite is the store on SQLite: one file, one machine, one writer at a time.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/group"
)

// Enqueue puts the deliveries of notifications into the queue as part of a transaction.
type Enqueue func(ctx context.Context, tx *sql.Tx, deliveries []enablement.Due) error

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
	if info, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, fmt.Errorf("database %s: no directory %s", path, filepath.Dir(path))
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("database %s: is a directory; write the path of a file in it, such as %s", path, filepath.Join(path, "enablement.db"))
	} else if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("database %s: is no regular file; write the path of one", path)
	}
	// It holds personal data, so a new file is for its owner alone; SQLite would let everybody read it.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, advise(fmt.Errorf("database %s: %w", path, errors.Unwrap(err)))
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
	if err := db.connect(ctx); err != nil {
		return nil, errors.Join(advise(fmt.Errorf("database %s: %w", path, err)), db.Close())
	}
	return db, nil
}

// busyTimeout is how long a connection waits for another process's.
const busyTimeout = 10 * time.Second

// connect makes the first connection, which gives a new file its WAL. Of several that do so at the same moment,
// SQLite refuses all but one at once, without its busy timeout: they ask again here.
func (db *DB) connect(ctx context.Context) error {
	for begin := time.Now(); ; {
		err := db.writing.PingContext(ctx)
		if codeOf(err) != sqlite3.SQLITE_BUSY || time.Since(begin) >= busyTimeout {
			return err
		}
		select {
		case <-time.After(lockWait):
		case <-ctx.Done():
			return err
		}
	}
}

// dsn is the recipe that holds under many writers: without _txlock=immediate a transaction that
// reads first fails at once where another one writes, and without _time_format the driver stores
// times as Go prints them.
func dsn(path string, readOnly bool) string {
	query := url.Values{
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
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

// Reader returns the connections for reading.
func (db *DB) Reader() *sql.DB { return db.reading }

// Close closes the file.
func (db *DB) Close() error {
	return errors.Join(db.reading.Close(), db.writing.Close())
}

// takeTurn waits until nobody else writes.
func (db *DB) takeTurn(ctx context.Context) (done func(), err error) {
	select {
	case db.turn <- struct{}{}:
		return func() { <-db.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write runs f in a transaction of its own, when its turn comes.
func (db *DB) write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	done, err := db.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	return db.transact(ctx, f)
}

// transact runs f in a transaction of its own. It is the caller's turn. Nothing is written where there is an
// error: SQLite takes back what it fails to commit.
func (db *DB) transact(ctx context.Context, f func(context.Context, *sql.Tx) error) (err error) {
	defer func() { err = classify(err) }()
	conn, err := db.writing.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // back to the queue, which shares it
	// The driver starts a goroutine for each statement whose context can end. These are short, and
	// wait for nothing but another process, for as long as busy_timeout says.
	uncut := context.WithoutCancel(ctx)
	tx, err := conn.BeginTx(uncut, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing where it was committed
	if err := f(uncut, tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return tx.Commit()
}

// read runs f in a transaction that sees one moment.
func (db *DB) read(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := db.reading.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return classify(err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return classify(f(tx))
}

// Store implements [store.Store].
type Store struct {
	*DB
	enqueue    Enqueue
	submitting *batch.Group
	recording  *group.Group[enablement.Delivery, struct{}]
	// uploading is held by whoever stores a chunk, so that others who write wait for one chunk at most.
	uploading chan struct{}
}

var _ store.Store = (*Store)(nil)

// NewStore returns the store in a migrated database.
func NewStore(db *DB, enqueue Enqueue) *Store {
	s := &Store{DB: db, enqueue: enqueue, uploading: make(chan struct{}, 1)}
	s.submitting = batch.NewGroup(1, db.takeTurn,
		func(ctx context.Context, subs []*batch.Submission) error { return db.transact(ctx, s.submit(subs)) },
		func(ctx context.Context, subs []*batch.Submission) error { return db.write(ctx, s.submit(subs)) })
	s.recording = group.New(group.Config[enablement.Delivery, struct{}]{Lanes: 1, Run: s.recordTogether, Turn: db.takeTurn})
	return s
}

// Close waits for what is under way and closes the file.
func (s *Store) Close() error {
	s.submitting.Close()
	s.recording.Close()
	return s.DB.Close()
}

// moment is a time as it is stored: in UTC, so that the texts sort, and to the microsecond.
func moment(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// nullTime stores the zero time as NULL.
func nullTime(t time.Time) sql.NullTime {
	return sql.NullTime{Time: moment(t), Valid: !t.IsZero()}
}
