package notification

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Schema creates the table of [NewDatabase], on SQLite and on PostgreSQL. Run it once, or on every start. If
// several processes create the table at the same time, PostgreSQL returns an error to all but one: run it
// again, and it finds the table. The sender delivers for about 76 hours, so you can delete rows that are some
// days old; handled_at is in seconds since 1970.
const Schema = `CREATE TABLE IF NOT EXISTS handled_notifications (
	id TEXT PRIMARY KEY,
	handled_at BIGINT NOT NULL
)`

const insertHandled = `INSERT INTO handled_notifications (id, handled_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`

// database is a [Seen] that lasts.
type database struct{ db *sql.DB }

// NewDatabase returns a [Seen] that remembers in the table of [Schema], in an SQLite or PostgreSQL database. It
// records an id and handles the notification in one transaction, which the handler gets from [Tx]. If the
// handler fails, or the program dies, the record and all that the handler wrote are rolled back.
//
// On PostgreSQL, a second call for the same id waits until the first one has ended. SQLite has one writer at
// a time: another call fails after the database's busy timeout, and its notification comes again. On SQLite,
// the handler must write through Tx: another connection would wait for the handler's own transaction.
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

// Tx returns the transaction of [NewDatabase] in which the notification is handled. What you write through it is
// committed together with the record that the notification was handled. Do not commit it or roll it back.
func Tx(ctx context.Context) (*sql.Tx, error) {
	tx, ok := ctx.Value(txKey{}).(*sql.Tx)
	if !ok {
		return nil, errors.New("notification: there is no transaction; use WithSeen(NewDatabase(db))")
	}
	return tx, nil
}
