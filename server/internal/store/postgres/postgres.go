// Package postgres is the store on PostgreSQL: one database, any number of processes on it.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/batch"
	"github.com/cryptomate-go/enablement/server/internal/store/group"
)

const setSettings = `
	SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) setting (name, value)
	UNION ALL
	SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`

// Enqueue puts the deliveries of notifications into the queue as part of a transaction.
type Enqueue func(ctx context.Context, tx pgx.Tx, deliveries []enablement.Due) error

// Options are what a process may ask of its connections. A field that is zero takes the value that the
// URL has for it (pool_max_conns, statement_timeout, lock_timeout), else the default.
type Options struct {
	// MaxConns is the size of the process's pool, which the queue shares: 4 connections for each core,
	// as more of them only wait for each other.
	MaxConns int32
	// StatementTimeout ends a statement that takes longer: 15 s. Migrations and imports are exempt.
	StatementTimeout time.Duration
	// LockTimeout ends a statement that waits longer for a lock: 5 s. Migrations and imports are exempt.
	LockTimeout time.Duration
}

const (
	connsPerCore = 4
	// minConns: the queue's workers and the submissions should not wait for each other.
	minConns                = 4
	defaultStatementTimeout = 15 * time.Second
	defaultLockTimeout      = 5 * time.Second
	// idleInTransaction frees the locks of a process that stopped in the middle of a transaction without
	// its connection breaking, like one whose machine is paused.
	idleInTransaction = 15 * time.Second
	lifetimeJitter    = 10 * time.Minute
)

// connectionDefaults are what every connection is set to, unless the URL has it otherwise.
var connectionDefaults = map[string]string{
	"application_name": "enablementd",
	// Every statement of the service has an index for each row that it wants. The planner would pass over
	// it where a table was empty when it last looked, and go on so with the prepared statement while the
	// table fills.
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
	// Statements are too short for what it costs to compile them, or to plan them anew each time, which the
	// planner does where a list is a parameter: it took three quarters of the time.
	"jit":             "off",
	"plan_cache_mode": "force_generic_plan",
}

// DB is an open database.
type DB struct {
	pool *pgxpool.Pool
	// name tells people which database it is, without the user and the password.
	name string
}

// Open connects to the database with the URL postgres://user:password@host:port/name; the database must
// exist. No error tells the password.
func Open(ctx context.Context, dsn string, options Options) (*DB, error) {
	config, err := parse(dsn, options)
	if err != nil {
		return nil, err
	}
	return connect(ctx, config)
}

func connect(ctx context.Context, config *pgxpool.Config) (db *DB, err error) {
	db = &DB{name: nameOf(config.ConnConfig)}
	if db.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("database %s: %w", db.name, err)
	}
	if err := inTime(ctx, db.check); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", db.name, err), db.Close())
	}
	return db, nil
}

// check tells whether this is a database that the service can work with.
func (db *DB) check(ctx context.Context) error {
	conn, err := db.pool.Acquire(ctx)
	if words := refusal(err); words != "" {
		return fmt.Errorf("the server refuses what the URL says: %s", words)
	}
	if err != nil {
		return classify(ctx, err)
	}
	defer conn.Release()
	if err := checkSessions(ctx, conn.Conn()); err != nil {
		return err
	}
	var encoding string
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_encoding')`).Scan(&encoding); err != nil {
		return classify(ctx, err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s and must be UTF8", encoding)
	}
	return nil
}

// errURL says what a URL must be. Nothing of the one at hand is told, nor what the parser says to it: a
// password with a character that should have been encoded can be anywhere in it.
var errURL = errors.New("database URL: must be postgres://user:password@host:port/name?parameter=value, " +
	"with what is special in a password percent-encoded and every parameter known to PostgreSQL")

func parse(dsn string, options Options) (*pgxpool.Config, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return nil, errURL
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errURL
	}
	// A password that is not encoded spills over into what stands beside it.
	split := strings.ContainsAny(config.ConnConfig.Database, "@:/") || strings.Contains(config.ConnConfig.Host, "@")
	for _, other := range config.ConnConfig.Fallbacks {
		split = split || strings.Contains(other.Host, "@")
	}
	_, query, _ := strings.Cut(dsn, "?")
	given, err := url.ParseQuery(query)
	if err != nil || split {
		return nil, errURL
	}
	if options.MaxConns > 0 {
		config.MaxConns = options.MaxConns
	} else if !given.Has("pool_max_conns") {
		config.MaxConns = int32(max(minConns, connsPerCore*runtime.GOMAXPROCS(0)))
	}
	if !given.Has("pool_max_conn_lifetime_jitter") {
		config.MaxConnLifetimeJitter = lifetimeJitter
	}
	parameters := config.ConnConfig.RuntimeParams
	setTimeout(parameters, "statement_timeout", options.StatementTimeout, defaultStatementTimeout)
	setTimeout(parameters, "lock_timeout", options.LockTimeout, defaultLockTimeout)
	setTimeout(parameters, "idle_in_transaction_session_timeout", 0, idleInTransaction)
	for name, value := range connectionDefaults {
		if parameters[name] == "" {
			parameters[name] = value
		}
	}
	settings := maps.Clone(parameters)
	delete(settings, "options") // several in a form of their own, which only the server reads
	maps.DeleteFunc(parameters, func(name, _ string) bool { return name != "options" })
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error { return set(ctx, conn, settings) }
	return config, nil
}

// set gives a connection its settings. They could be said while connecting, but a pooler refuses those that it
// does not know. A server that answers a commit before it is on the disk is overruled; any other such setting is
// at least as strict as the service needs, and left as it is.
func set(ctx context.Context, conn *pgx.Conn, settings map[string]string) error {
	names := slices.Sorted(maps.Keys(settings))
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = settings[name]
	}
	_, err := conn.Exec(ctx, setSettings,
		pgx.QueryExecModeExec, names, values)
	return err
}

func setTimeout(parameters map[string]string, name string, asked, otherwise time.Duration) {
	if asked == 0 && parameters[name] != "" {
		return
	}
	if asked == 0 {
		asked = otherwise
	}
	parameters[name] = strconv.FormatInt(asked.Milliseconds(), 10)
}

func nameOf(config *pgx.ConnConfig) string {
	return fmt.Sprintf("%s on %s:%d", config.Database, config.Host, config.Port)
}

// Pool returns the process's connections, which the queue shares.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Now is the server's time.
func (db *DB) Now(ctx context.Context) (now time.Time, err error) {
	err = db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, classify(ctx, err)
}

// Close closes the connections when whoever has one gives it back.
func (db *DB) Close() error {
	db.pool.Close()
	return nil
}

// Store implements [store.Store].
type Store struct {
	*DB
	enqueue    Enqueue
	submitting *batch.Group
	recording  *group.Group[enablement.Delivery, struct{}]
}

var _ store.Store = (*Store)(nil)

// NewStore returns the store in a migrated database.
func NewStore(db *DB, enqueue Enqueue) *Store {
	s := &Store{DB: db, enqueue: enqueue}
	s.submitting = batch.NewGroup(submissions, nil,
		func(ctx context.Context, subs []*batch.Submission) error { return s.submit(ctx, subs, skip) },
		func(ctx context.Context, subs []*batch.Submission) error { return s.submit(ctx, subs, wait) })
	s.recording = group.New(group.Config[enablement.Delivery, struct{}]{Lanes: 1, Run: s.recordTogether})
	return s
}

// Close waits for what is under way and closes the database.
func (s *Store) Close() error {
	s.submitting.Close()
	s.recording.Close()
	return s.DB.Close()
}

// nullTime stores the zero time as NULL.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// timeOf is the reverse of nullTime.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
