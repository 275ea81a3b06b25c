package notification

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Schema creates the table that [NewDatabase] needs, on SQLite and on PostgreSQL; run it once, or on
// every start. The sender delivers for about 76 hours: rows whose handled_at, in seconds since 1970, is
// older than some days can be deleted.
const Schema = `CREATE TABLE IF NOT EXISTS handled_notifications (
	id TEXT PRIMARY KEY,
	handled_at BIGINT NOT NULL
)`

const insertHandled = `INSERT INTO handled_notifications (id, handled_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`

// database is a [Seen] that lasts.
type database struct{ db *sql.DB }

// NewDatabase returns a memory that lasts, in the table of [Schema] in a SQLite or PostgreSQL database. It
// records an id and handles the notification in one transaction, which the handler gets
// from [Tx]. If the handler fails, or the program dies, the record goes with all that was written in it.
//
// PostgreSQL lets a second call for the id wait until the first one ended. SQLite has one writer at a
// time: another call fails after the database's busy timeout, and its notification comes again. There,
// the handler must write through Tx: a second connection would wait for the transaction that it is within.
func NewDatabase(db *sql.DB) Seen { return database{db} }

func (d database) Once(ctx context.Context, id string, handle func(ctx context.Context) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("notification: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // of no effect after the commit
	result, err := tx.ExecContext(ctx, insertHandled, id, time.Now().Unix())
	if err != nil {
		return fmt.Errorf("notification: remember the id: %w", err)
	}
	inserted, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("notification: remember the id: %w", err)
	}
	if inserted == 0 {
		return nil
	}
	if err := handle(context.WithValue(ctx, txKey{}, tx)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("notification: commit: %w", err)
	}
	return nil
}

type txKey struct{}

// Tx returns the transaction of [NewDatabase] that the notification is handled in. What is written through it
// commits together with the record that the notification was handled. Don't commit it or roll it back.
func Tx(ctx context.Context) (*sql.Tx, error) {
	tx, ok := ctx.Value(txKey{}).(*sql.Tx)
	if !ok {
		return nil, errors.New("notification: there is no transaction; use WithSeen(NewDatabase(db))")
	}
	return tx, nil
}
