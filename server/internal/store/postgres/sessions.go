package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// secondWait is how long a pooler may take to give a second connection.
const secondWait = 5 * time.Second

var errShared = errors.New("a pooler shares its connections between transactions, and the service needs its own: " +
	"they keep settings, and migrations hold a lock, from one transaction to the next; " +
	"set pool_mode = session for this database (PgBouncer), or connect to PostgreSQL itself")

// checkSessions refuses a pooler that lends a connection for a transaction only. A pooler gives itself away by
// another process id than the server's; one that keeps sessions apart never shows the same server process to two
// of them, nor two to one.
func checkSessions(ctx context.Context, conn *pgx.Conn) error {
	mine, err := backend(ctx, conn)
	if err != nil {
		return classify(ctx, err)
	}
	if mine == conn.PgConn().PID() {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, secondWait)
	defer cancel()
	other, err := pgx.ConnectConfig(waiting, conn.Config())
	if err != nil {
		return classify(ctx, err)
	}
	defer func() { _ = other.Close(context.WithoutCancel(ctx)) }()
	const rounds = 3 // a pooler may hand its connections out in turn
	for range rounds {
		theirs, err := backend(waiting, other)
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			return fmt.Errorf("%w: the pooler gave no second connection within %s: it must have as many as all processes "+
				"have in their pools (PgBouncer: default_pool_size)", store.ErrUnavailable, secondWait)
		}
		if err != nil {
			return classify(ctx, err)
		}
		again, err := backend(ctx, conn)
		if err != nil {
			return classify(ctx, err)
		}
		if theirs == mine || again != mine {
			return errShared
		}
	}
	return nil
}

// backend is the process of the server that serves a connection just now.
func backend(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeExec).Scan(&pid)
	return pid, err
}
