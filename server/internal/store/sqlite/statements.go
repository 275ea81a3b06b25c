package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// cachedStatements is how many prepared statements a connection keeps. The service and the queue have
// far fewer between them.
const cachedStatements = 200

// connector opens connections that keep the statements they prepared. The driver doesn't, and the queue
// sends its statements as text: to parse them took nearly half of the time of a submission.
type connector struct{ driver.Connector }

func newConnector(dsn string) (driver.Connector, error) {
	inner, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return connector{inner}, nil
}

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own, ok := inner.(driverConn)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver lacks a method that it had"), inner.Close())
	}
	statements, err := lru.NewWithEvict(cachedStatements, func(_ string, s *statement) { s.drop() })
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return &conn{driverConn: own, statements: statements}, nil
}

// driverConn is what database/sql uses of the driver's connection.
type driverConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is a connection with its statements. database/sql uses it from one goroutine at a time.
type conn struct {
	driverConn
	statements *lru.Cache[string, *statement]
	// stale is set by an error that stays with a connection though its cause may go: a file that could not be
	// written when it was opened, or pages that were read damaged and are kept. Another connection looks anew.
	stale bool
}

// IsValid implements [driver.Validator].
func (c *conn) IsValid() bool { return !c.stale && c.driverConn.IsValid() }

// note passes an error on.
func (c *conn) note(err error) error {
	switch codeOf(err) {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		c.stale = true
	}
	return err
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.driverConn.BeginTx(ctx, opts)
	return tx, c.note(err)
}

// statement is a prepared one. It is busy while rows of it are open: SQLite has one cursor for each.
type statement struct {
	driver.Stmt
	busy    bool
	dropped bool
}

// drop closes the statement, at once or when its rows are.
func (s *statement) drop() {
	s.dropped = true
	if !s.busy {
		_ = s.Close() // finalizing repeats the error of the last run, which was reported
	}
}

// free ends the use of the statement.
func (s *statement) free() {
	s.busy = false
	if s.dropped {
		_ = s.Close() // as in drop
	}
}

// take returns a prepared statement for the text to use, or nil where the text has to go its own way: it is
// more than one statement, or its statement is busy.
func (c *conn) take(ctx context.Context, query string) (*statement, error) {
	if strings.Contains(strings.TrimRight(query, "; \t\n"), ";") {
		return nil, nil
	}
	s, ok := c.statements.Get(query)
	if ok && s.busy {
		return nil, nil
	}
	if !ok {
		prepared, err := c.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		s = &statement{Stmt: prepared}
		c.statements.Add(query, s)
	}
	s.busy = true
	return s, nil
}

// ExecContext implements [driver.ExecerContext].
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.driverConn.ExecContext(ctx, query, args)
	}
	defer s.free()
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	return result, c.note(err)
}

// QueryContext implements [driver.QueryerContext].
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.driverConn.QueryContext(ctx, query, args)
	}
	inner, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		s.free()
		return nil, c.note(err)
	}
	return &rows{Rows: inner, statement: s}, nil
}

// Close closes the statements and the connection.
func (c *conn) Close() error {
	c.statements.Purge()
	return c.driverConn.Close()
}

// rows frees its statement when it is closed.
type rows struct {
	driver.Rows
	statement *statement
	closed    bool
}

// Close implements [driver.Rows].
func (r *rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.Rows.Close()
	r.statement.free()
	return err
}

// Next implements [driver.Rows].
func (r *rows) Next(dest []driver.Value) error {
	if r.closed {
		return io.EOF
	}
	return r.Rows.Next(dest)
}
