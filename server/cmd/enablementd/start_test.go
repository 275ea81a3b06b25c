package main_test

import (
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/lab/process"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

// silentServer takes connections and never says a word.
func silentServer(t *testing.T) (dsn string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the system takes connections although nobody accepts them
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return "postgres://somebody:hunter2@" + listener.Addr().String() + "/enablement?sslmode=disable"
}

// starting starts a service and waits until its operators' listener is there.
func starting(t *testing.T, flags ...string) *service {
	t.Helper()
	process, err := process.Start(t.Context(), binary, flags...)
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	p := &service{process, t}
	match, err := p.WaitFor(t.Context(), `Operators: (http://\S+)`)
	require.NoError(t, err)
	p.Admin = match[1]
	return p
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// TestStart_silentDatabase: the database takes the connection and never answers. Until the service gives up, it runs and
// is not ready, and callers can't connect. Commands give up as well.
func TestStart_silentDatabase(t *testing.T) {
	t.Parallel()
	silent := silentServer(t)
	commands := map[string][]string{"migrate": {"migrate"}, "status": {"migrate", "--status"}, "keys": {"keys", "list"}}
	results := make(map[string]chan result)
	for name, args := range commands { // all at once: each takes its time
		ended := make(chan result, 1)
		results[name] = ended
		go func() { ended <- command(t, "", append(args, "--db", silent)...) }()
	}
	address := freeAddress(t)
	started := time.Now()
	p := starting(t, "--db", silent, "--provider-url", "https://provider.example/", "--provider-secret", secret, "--addr", address)
	require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.Admin+"/healthz", http.Header{}).status)
	ready := p.ready()
	require.Equal(t, http.StatusServiceUnavailable, ready.status)
	require.JSONEq(t, `{"status":"starting"}`, ready.body)
	require.Equal(t, http.StatusServiceUnavailable, p.do(http.MethodGet, p.Admin+"/metrics", http.Header{}).status)
	_, err := net.Dial("tcp", address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED, "whoever can connect is answered")
	require.Equal(t, 1, p.Wait())
	require.Less(t, time.Since(started), 50*time.Second)
	require.Contains(t, p.Output(), "no answer within 30s")
	require.NotContains(t, p.Output(), "hunter2")
	for name := range commands {
		r := <-results[name]
		require.Equal(t, 1, r.code, "%s: %s", name, r.err)
		require.Contains(t, r.err, "no answer within 30s")
		require.Equal(t, 1, strings.Count(r.err, "\n"), r.err)
	}
}

// TestMigrate_silentDatabase: a migration may wait for a lock as long as it takes, but not for a database that answers no
// more meanwhile.
func TestMigrate_silentDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	firstSchema(t, dsn)
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	holder, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = holder.Rollback() })
	_, err = holder.Exec(`LOCK TABLE goose_db_version IN SHARE MODE`)
	require.NoError(t, err)

	proxy := newDatabaseProxy(t, dsn)
	migrated := make(chan result, 1)
	go func() { migrated <- command(t, "", "migrate", "--db", proxy.URL) }()
	require.Eventually(t, func() bool {
		var waiting int
		return db.QueryRow(`SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE d.datname = current_database() AND NOT l.granted`).Scan(&waiting) == nil && waiting > 0
	}, patience, 10*time.Millisecond)
	proxy.silence()
	r := <-migrated
	require.Equal(t, 1, r.code, r.err)
	require.Contains(t, r.err, "no answer within 30s")
}

// TestStart_told: a signal ends a start that waits, at once.
func TestStart_told(t *testing.T) {
	t.Parallel()
	p := starting(t, "--db", silentServer(t), "--provider-url", "https://provider.example/", "--provider-secret", secret)
	started := time.Now()
	require.Zero(t, p.Stop(), p.Output())
	require.Less(t, time.Since(started), 20*time.Second)
	require.Contains(t, p.Output(), "told to stop while starting")
}

// databases are those of both kinds.
var databases = map[string]func(*testing.T) string{
	"SQLite":     func(t *testing.T) string { return sqliteFile(t) },
	"PostgreSQL": func(t *testing.T) string { return pgtest.DSN(t) },
}

// execute runs a statement beside the service.
func execute(t *testing.T, location, statement string) {
	t.Helper()
	driver := "pgx"
	if !strings.Contains(location, "://") {
		driver, location = "sqlite", "file:"+location+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, location)
	require.NoError(t, err)
	_, err = db.Exec(statement)
	require.NoError(t, err, statement)
	require.NoError(t, db.Close())
}

// TestUpgrade rolls versions over each other: a program serves its schema and the next one, a later one it neither
// serves nor starts with, and so with the queue's schema.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := database(t)
			provider := newReceiver(t)
			key := prepare(t, db, 4)
			status := command(t, "", "migrate", "--status", "--db", db).out
			match := regexp.MustCompile(`is at schema (\d+), .* its queue is at (\d+),`).FindStringSubmatch(status)
			require.Len(t, match, 3, status)
			schema, queue := number(t, match[1]), number(t, match[2])
			at := func(schema, queue int) {
				t.Helper()
				execute(t, db, fmt.Sprintf(`DELETE FROM goose_db_version WHERE version_id > %d`, schema))
				execute(t, db, fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)`, schema))
				execute(t, db, fmt.Sprintf(`DELETE FROM river_migration WHERE version >= %d`, queue))
				execute(t, db, fmt.Sprintf(`INSERT INTO river_migration (line, version) VALUES ('main', %d)`, queue))
			}
			p := serve(t, provider.flags(db)...)
			serves := func() {
				t.Helper()
				require.Equal(t, http.StatusOK, p.ready().status)
				require.Zero(t, command(t, "", "keys", "list", "--db", db).code)
				require.Zero(t, command(t, "", "migrate", "--status", "--db", db).code)
				require.Zero(t, command(t, "", "migrate", "--db", db).code)
				another := serve(t, provider.flags(db)...)
				require.Equal(t, http.StatusOK, another.ready().status)
				require.Zero(t, another.Stop())
			}
			refuses := func(why string) {
				t.Helper()
				require.Equal(t, http.StatusServiceUnavailable, p.ready().status)
				require.Contains(t, p.ready().body, `"database":"failed"`)
				for _, args := range [][]string{
					append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off"}, provider.flags(db)...),
					{"keys", "list", "--db", db}, {"migrate", "--status", "--db", db}, {"migrate", "--db", db},
				} {
					r := command(t, "", args...)
					require.Equal(t, 2, r.code, r.err)
					require.Contains(t, r.err, why)
					require.Equal(t, 1, strings.Count(r.err, "\n"), r.err)
				}
			}
			serves()
			at(schema+1, queue)
			serves()
			require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
			at(schema+2, queue)
			refuses("the schema is too new")
			require.Equal(t, http.StatusOK, p.submit(key, "rq_0002", "").status, "whoever comes all the same is served")
			at(schema, queue)
			at(schema, queue+1)
			serves()
			at(schema, queue+2)
			refuses("of the queue: the schema is too new")
			at(schema, queue)
			serves()
			at(schema, queue-1)
			execute(t, db, fmt.Sprintf(`DELETE FROM river_migration WHERE version = %d`, queue))
			require.Equal(t, http.StatusServiceUnavailable, p.ready().status)
			r := command(t, "", "keys", "list", "--db", db)
			require.Equal(t, 2, r.code)
			require.Contains(t, r.err, "of the queue: the schema is too old for this program: run enablementd migrate")
			require.Zero(t, p.Stop())
		})
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// firstSchema gives an empty database the first schema.
func firstSchema(t *testing.T, location string) {
	t.Helper()
	driver, dialect, directory, dsn := "pgx", goose.DialectPostgres, "postgres", location
	if !strings.Contains(location, "://") {
		driver, dialect, directory, dsn = "sqlite", goose.DialectSQLite3, "sqlite", "file:"+location
	}
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	provider, err := goose.NewProvider(dialect, db, os.DirFS("../../internal/store/"+directory+"/migrations"))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), 1)
	require.NoError(t, err)
}

// TestCommands_neverMigrate: only serve and migrate do. Every other command refuses an old schema, and makes no
// database where there is none.
func TestCommands_neverMigrate(t *testing.T) {
	t.Parallel()
	commands := [][]string{
		{"import", "testdata/import.json"},
		{"keys", "create", "--company", "cmp_1"}, {"keys", "list"}, {"keys", "rotate", "key_1"}, {"keys", "revoke", "key_1"},
		{"notifications", "list"}, {"notifications", "retry", "--dead"},
		{"audit", "rq_1"}, {"config"}, {"migrate", "--status"},
	}
	data, err := filepath.Abs("testdata/import.json")
	require.NoError(t, err)
	commands[0][1] = data
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := database(t)
			for _, args := range commands {
				r := command(t, "", append(args, "--db", db)...)
				if args[0] != "config" {
					require.Equal(t, 2, r.code, "%v: %s", args, r.err)
					require.Contains(t, r.err, "enablementd migrate", args)
					require.Equal(t, name == "PostgreSQL" && args[0] != "migrate", strings.Contains(r.err, "the database is empty"), r.err)
					require.False(t, name == "PostgreSQL" && strings.Contains(r.err, "PATH"), r.err)
				}
			}
			if name == "SQLite" {
				entries, err := os.ReadDir(filepath.Dir(db))
				require.NoError(t, err)
				require.Empty(t, entries, "nothing was made")
			}
			firstSchema(t, db)
			for _, args := range commands {
				r := command(t, "", append(args, "--db", db)...)
				if args[0] != "config" {
					require.Equal(t, 2, r.code, "%v: %s", args, r.err)
					require.Contains(t, r.err, "run enablementd migrate", args)
				}
			}
			require.Contains(t, command(t, "", "migrate", "--status", "--db", db).out, "is at schema 1")
			provider := newReceiver(t)
			require.Zero(t, serve(t, provider.flags(db)...).Stop())
			require.Zero(t, command(t, "", "keys", "list", "--db", db).code)
		})
	}
}
