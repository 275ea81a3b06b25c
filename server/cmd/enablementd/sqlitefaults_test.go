package main_test

import (
	"bytes"
	"database/sql"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/cryptomate-go/enablement/gen/api"
)

// TestSQLite_diskFull: nothing can be written any more while the service runs. Callers are told 503, nothing is
// half written, and it goes on by itself when there is space.
func TestSQLite_diskFull(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(t *testing.T) disk{
		"file system": smallDisk,
		"limit":       limitedDisk,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fill(t)
			db := filepath.Join(d.directory, "enablement.db")
			provider := newReceiver(t)
			key := prepare(t, db, 300)
			p := serve(t, provider.flags(db)...)
			told := make(map[string]bool)
			submit := func(id string) answer { return p.submit(key, id, "k-"+id) }
			accepted := submit("rq_0001")
			require.Equal(t, http.StatusOK, accepted.status, accepted.body)
			told["rq_0001"] = true

			d.fill(p)
			var refused []string
			for i := 2; i <= 300 && len(refused) < 10; i++ {
				id := numbered("rq", i)
				a := submit(id)
				if a.status == http.StatusOK { // there may be a little space
					told[id] = true
					continue
				}
				require.True(t, a.unavailable(), "%d %s", a.status, a.body)
				requireError(t, a, api.CodeServiceUnavailable, "")
				refused = append(refused, id)
			}
			require.Len(t, refused, 10)
			require.Eventually(t, func() bool { return p.ready().status == http.StatusServiceUnavailable }, patience, 50*time.Millisecond)
			require.Contains(t, p.ready().body, `"writes":"failed"`)
			require.Equal(t, http.StatusOK, p.do(http.MethodGet, p.Admin+"/healthz", http.Header{}).status)
			all := rows(t, db, provider)
			for _, id := range refused {
				require.Equal(t, untouched, all[id], "nothing is half written")
			}

			d.empty(p)
			for _, id := range refused {
				a := submit(id)
				require.Equal(t, http.StatusOK, a.status, a.body)
				require.Contains(t, a.body, `"in_kyc"`)
				told[id] = true
			}
			require.Eventually(t, func() bool { return p.ready().status == http.StatusOK }, patience, 50*time.Millisecond)
			requireSettled(t, db, provider, told)
			require.Zero(t, p.Stop(), p.Output())
			requireIntact(t, db)
		})
	}
}

// TestSQLite_diskFull_start: what can't be written at the start is said in a line.
func TestSQLite_diskFull_start(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(t *testing.T) disk{
		"file system": smallDisk,
		"limit":       limitedDisk,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fill(t)
			db := filepath.Join(d.directory, "enablement.db")
			provider := newReceiver(t)
			key := prepare(t, db, 1)
			d.fill(nil)
			for _, file := range []string{db, filepath.Join(d.directory, "new.db")} {
				r := d.run(t, append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off"}, provider.flags(file)...)...)
				requireClear(t, r, file, "full")
			}
			d.empty(nil)
			requireIntact(t, db)
			p := serve(t, provider.flags(db)...)
			require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
			requireSettled(t, db, provider, map[string]bool{"rq_0001": true})
			require.Zero(t, p.Stop())
		})
	}
}

// disk is a directory that can be full.
type disk struct {
	directory string
	// fill leaves no space for a running service, and what is run later; empty is the reverse.
	fill, empty func(*service)
	run         func(t *testing.T, args ...string) result
}

// smallDisk is a file system of its own. Only root may mount one, and not everywhere: limitedDisk is for all.
func smallDisk(t *testing.T) disk {
	t.Helper()
	return mountedDisk(t, t.TempDir(), "4m")
}

func mountedDisk(t *testing.T, directory, size string) disk {
	t.Helper()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "enablement-test", directory).CombinedOutput(); err != nil {
		t.Skipf("mounting is not permitted here: %v: %s", err, output)
	}
	t.Cleanup(func() {
		output, err := exec.Command("umount", "--lazy", directory).CombinedOutput()
		require.NoError(t, err, string(output))
	})
	filler := filepath.Join(directory, "filler")
	return disk{
		directory: directory,
		fill: func(*service) {
			file, err := os.Create(filler)
			require.NoError(t, err)
			for size := 1 << 20; size > 0; size /= 2 {
				for err = nil; err == nil; {
					_, err = file.Write(make([]byte, size))
				}
			}
			require.ErrorContains(t, err, "no space left")
			_ = file.Close() // it is full
		},
		empty: func(*service) { require.NoError(t, os.Remove(filler)) },
		run:   func(t *testing.T, args ...string) result { return command(t, "", args...) },
	}
}

// limitedDisk is any file system where the process may not write, by the system's limit on the size of files.
// A file system that has turned read-only under open files, or is failing, does not look different to it.
func limitedDisk(t *testing.T) disk {
	t.Helper()
	limit := func(p *service, size string) {
		if p == nil {
			return
		}
		output, err := exec.Command("prlimit", "--pid", strconv.Itoa(p.PID()), "--fsize="+size+":").CombinedOutput()
		require.NoError(t, err, string(output))
	}
	return disk{
		directory: t.TempDir(),
		fill:      func(p *service) { limit(p, "0") },
		empty:     func(p *service) { limit(p, "unlimited") },
		run: func(t *testing.T, args ...string) result {
			return run(t, "", "prlimit", append([]string{"--fsize=0:", binary}, args...)...)
		},
	}
}

// TestSQLite_locked: another process locks the database for longer than a writer waits for it.
func TestSQLite_locked(t *testing.T) {
	t.Parallel()
	db := sqliteFile(t)
	provider := newReceiver(t)
	key := prepare(t, db, 4)
	p := serve(t, provider.flags(db, "--call-timeout", "12s")...)
	other := lock(t, db, `BEGIN IMMEDIATE`)
	started := time.Now()
	first := make(chan answer)
	go func() { first <- p.submit(key, "rq_0001", "k-1") }()
	rest := make(chan answer, 3)
	for _, id := range []string{"rq_0002", "rq_0003", "rq_0004"} {
		go func() { rest <- p.submit(key, id, "") }()
	}
	a := <-first
	require.True(t, a.unavailable(), "%d %s", a.status, a.body)
	for range cap(rest) {
		a := <-rest
		require.True(t, a.unavailable(), "%d %s", a.status, a.body)
	}
	require.Less(t, time.Since(started), 12*time.Second+2*time.Second, "no call hangs beyond its timeout")
	ready := p.ready()
	require.Equal(t, http.StatusServiceUnavailable, ready.status, "it can be read, and not written")
	require.Contains(t, ready.body, `"writes":"failed"`)
	for id, r := range rows(t, db, provider) {
		require.Equal(t, untouched, r, id)
	}
	unlock(t, other, `ROLLBACK`)
	told := make(map[string]bool)
	for i := range 4 {
		id := numbered("rq", i+1)
		a := p.eventually(key, id, "k-"+strconv.Itoa(i+1))
		require.Equal(t, http.StatusOK, a.status, a.body)
		told[id] = true
	}
	requireSettled(t, db, provider, told)
	require.Zero(t, p.Stop())
	requireIntact(t, db)
}

// TestSQLite_locked_start: another process has the database for itself.
func TestSQLite_locked_start(t *testing.T) {
	t.Parallel()
	db := sqliteFile(t)
	provider := newReceiver(t)
	key := prepare(t, db, 1)
	other := lock(t, db, `PRAGMA locking_mode = EXCLUSIVE`, `BEGIN EXCLUSIVE`)
	requireClear(t, command(t, "", append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off"}, provider.flags(db)...)...),
		db, "locked")
	unlock(t, other, `ROLLBACK`)
	p := serve(t, provider.flags(db)...)
	require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
	requireSettled(t, db, provider, map[string]bool{"rq_0001": true})
	require.Zero(t, p.Stop())
	requireIntact(t, db)
}

// lock has this process hold what the statements lock.
func lock(t *testing.T, db string, statements ...string) *sql.DB {
	t.Helper()
	handle, err := sql.Open("sqlite", "file:"+db+"?_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	handle.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = handle.Close() })
	for _, statement := range statements {
		_, err := handle.Exec(statement)
		require.NoError(t, err, statement)
	}
	return handle
}

func unlock(t *testing.T, handle *sql.DB, statement string) {
	t.Helper()
	_, err := handle.Exec(statement)
	require.NoError(t, err)
	require.NoError(t, handle.Close())
}

// TestSQLite_readOnly: the file, its directory, or the whole file system may not be written. The service says so
// and does not start. One that runs has its files open, and is not touched by permissions that change.
func TestSQLite_readOnly(t *testing.T) {
	t.Parallel()
	t.Run("permissions", func(t *testing.T) {
		t.Parallel()
		db := sqliteFile(t)
		directory := filepath.Dir(db)
		provider := newReceiver(t)
		key := prepare(t, db, 3)
		p := serve(t, provider.flags(db)...)
		require.NoError(t, os.Chmod(filepath.Dir(directory), 0o755)) // so that somebody else comes this far
		allow := func(file, dir os.FileMode) {
			require.NoError(t, os.Chmod(db, file))
			require.NoError(t, os.Chmod(directory, dir))
		}
		t.Cleanup(func() { allow(0o600, 0o700) })
		allow(0o444, 0o555)
		require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
		requireSettled(t, db, provider, map[string]bool{"rq_0001": true})
		allow(0o600, 0o700)
		require.Zero(t, p.Stop())

		serving := append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off"}, provider.flags(db)...)
		for name, modes := range map[string][2]os.FileMode{
			"file":      {0o444, 0o777},
			"directory": {0o666, 0o555},
			"both":      {0o444, 0o555},
			"unseen":    {0o000, 0o555},
		} {
			allow(modes[0], modes[1])
			before, err := os.ReadDir(directory)
			require.NoError(t, err)
			requireClear(t, unprivileged(t, serving...), db, "writable")
			after, err := os.ReadDir(directory)
			require.NoError(t, err)
			require.Len(t, after, len(before), name)
		}
		allow(0o600, 0o700)
		p = serve(t, provider.flags(db)...)
		require.Equal(t, http.StatusOK, p.submit(key, "rq_0002", "").status)
		requireSettled(t, db, provider, map[string]bool{"rq_0001": true, "rq_0002": true})
		require.Zero(t, p.Stop())
		requireIntact(t, db)
	})
	t.Run("file system", func(t *testing.T) {
		t.Parallel()
		d := smallDisk(t)
		db := filepath.Join(d.directory, "enablement.db")
		provider := newReceiver(t)
		key := prepare(t, db, 1)
		remount := func(how string) {
			output, err := exec.Command("mount", "-o", "remount,"+how, d.directory).CombinedOutput()
			require.NoError(t, err, string(output))
		}
		remount("ro")
		requireClear(t, d.run(t, append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off"}, provider.flags(db)...)...),
			db, "writable")
		remount("rw")
		p := serve(t, provider.flags(db)...)
		require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
		requireSettled(t, db, provider, map[string]bool{"rq_0001": true})
		require.Zero(t, p.Stop())
		requireIntact(t, db)
	})
}

// unprivileged runs the program as somebody whom permissions mean something to: root is above them.
func unprivileged(t *testing.T, args ...string) result {
	t.Helper()
	if os.Getuid() != 0 {
		return command(t, "", args...)
	}
	return run(t, "", "setpriv", append([]string{"--reuid", "65534", "--regid", "65534", "--clear-groups", binary}, args...)...)
}

// TestSQLite_damaged overwrites the header of the file.
func TestSQLite_damaged(t *testing.T) {
	t.Parallel()
	db := sqliteFile(t)
	provider := newReceiver(t)
	key := prepare(t, db, 30)
	garbage := bytes.Repeat([]byte("damaged "), 13)[:100]
	header := headerOf(t, db)
	overwrite := func(with []byte) { dd(t, bytes.NewReader(with), "of="+db, "conv=notrunc") }

	overwrite(garbage)
	for _, args := range [][]string{
		append([]string{"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off"}, provider.flags(db)...),
		{"migrate", "--db", db},
		{"keys", "list", "--db", db},
	} {
		requireClear(t, command(t, "", args...), db, "backup")
	}
	overwrite(header)

	p := serve(t, provider.flags(db)...)
	told := map[string]bool{"rq_0001": true}
	require.Equal(t, http.StatusOK, p.submit(key, "rq_0001", "").status)
	requireSettled(t, db, provider, told)
	// While the service runs it has what it needs of the header in memory, or in the log beside the file. It
	// looks again when another process has written; what is in the log is moved before.
	other := lock(t, db)
	require.Eventually(t, func() bool {
		var busy, inLog, moved int
		err := other.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &inLog, &moved)
		if err != nil || busy != 0 {
			return false
		}
		if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
			return false
		}
		log, err := os.Stat(db + "-wal")
		if err != nil || log.Size() > 0 { // the service was faster
			_, _ = other.Exec(`ROLLBACK`)
			return false
		}
		return true
	}, patience, time.Millisecond)
	_, err := other.Exec(`UPDATE companies SET name = name || '.'`)
	require.NoError(t, err)
	header = headerOf(t, db)
	overwrite(garbage)
	_, err = other.Exec(`COMMIT`)
	require.NoError(t, err)
	failed := []string{"rq_0002", "rq_0003", "rq_0004"}
	for _, id := range failed {
		a := p.submit(key, id, "")
		require.Equal(t, http.StatusInternalServerError, a.status, a.body)
		requireError(t, a, api.CodeServerError, "")
	}
	require.Equal(t, http.StatusServiceUnavailable, p.do(http.MethodGet, p.Admin+"/readyz", http.Header{}).status)
	overwrite(header)
	require.NoError(t, other.Close())
	for _, id := range failed {
		require.Equal(t, untouched, rows(t, db, provider)[id], "nothing is half written")
	}
	for _, id := range failed {
		a := p.submit(key, id, "")
		require.Equal(t, http.StatusOK, a.status, a.body)
		told[id] = true
	}
	requireSettled(t, db, provider, told)
	require.Zero(t, p.Stop())
	requireIntact(t, db)
}

// headerOf reads the header of an SQLite file.
func headerOf(t *testing.T, db string) []byte {
	t.Helper()
	return dd(t, nil, "if="+db, "bs=100", "count=1")
}

// dd reads and writes files in a process of its own: this one would lose its locks, which SQLite counts on, when
// it closes the file.
func dd(t *testing.T, stdin io.Reader, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), "dd", append(args, "status=none")...)
	c.Stdin = stdin
	output, err := c.Output()
	require.NoError(t, err)
	return output
}

// requireClear requires that a command failed with one line that names the file and says what to do.
func requireClear(t *testing.T, r result, file, advice string) {
	t.Helper()
	require.Contains(t, []int{1, 2}, r.code, r.err)
	require.Equal(t, 1, strings.Count(r.err, "\n"), "one clear line: %s", r.err)
	require.Contains(t, r.err, file)
	require.Contains(t, r.err, advice)
	t.Log(strings.TrimSpace(r.err))
}

// requireIntact has SQLite look at all of a file.
func requireIntact(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	var verdict string
	require.NoError(t, db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict))
	require.Equal(t, "ok", verdict)
	var broken int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM pragma_foreign_key_check`).Scan(&broken))
	require.Zero(t, broken)
}
