package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLocation_refused: what is no path of a file and no URL of PostgreSQL ends every command at its start, with
// what to write instead.
func TestLocation_refused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("no database at all\n", 1000)), 0o600))
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	const write = "postgres://localhost/name"
	for location, want := range map[string]string{
		":memory:":                         write,
		":MEMORY:":                         write,
		"file::memory:":                    write,
		"file::memory:?cache=shared":       write,
		"file:x.db":                        write,
		"file:x.db?mode=memory":            write,
		"file:///tmp/x.db":                 write,
		"x.db?mode=memory":                 write,
		"x.db?cache=shared":                write,
		":x.db":                            write,
		"sqlite:x.db":                      write,
		"sqlite3://x.db":                   write,
		"mysql://u:hunter2@h/x":            write,
		"postgres:u:hunter2@h/x":           write,
		"postgres:/u:hunter2@h/x":          write,
		"Postgres://u:hunter2@h/x":         write,
		"pg://u:hunter2@h/x":               write,
		"jdbc:postgresql://h/x":            write,
		" postgres://u:hunter2@h/x":        write,
		"u:hunter2@h/x":                    write,
		"host=h password=hunter2":          write,
		"dbname=x user=u":                  write,
		"":                                 write,
		"  ":                               write,
		dir:                                "such as " + filepath.Join(dir, "enablement.db"),
		dir + "/":                          "such as " + filepath.Join(dir, "enablement.db"),
		".":                                "is a directory; write the path of a file in it, such as enablement.db",
		text:                               "is no SQLite database",
		fifo:                               "is no regular file",
		"/dev/null":                        "is no regular file",
		filepath.Join(text, "x.db"):        "no directory " + text,
		filepath.Join(dir, "no", "x.db"):   "", // some commands say how to make it
		"postgres//h/x":                    "",
		"x/" + strings.Repeat("y", 10_000): "",
	} {
		for name, args := range map[string][]string{
			"migrate": {"migrate"},
			"status":  {"migrate", "--status"},
			"keys":    {"keys", "list"},
			"import":  {"import", "-"},
			"serve":   {"serve", "--addr", "127.0.0.1:0", "--admin-addr", "off", "--provider-url", "https://provider.invalid", "--provider-secret", secret},
		} {
			t.Run(name+" "+location[:min(30, len(location))], func(t *testing.T) {
				t.Parallel()
				r := command(t, dataFile(t), append(args, "--db", location)...)
				require.Equal(t, 2, r.code, r.err)
				require.Contains(t, r.err, want)
				require.NotContains(t, r.err, "hunter2")
				require.Equal(t, 1, strings.Count(r.err, "\n"), "one clear line: %s", r.err)
			})
		}
	}
}

// TestLocation_paths: any other name is a file's, as it stands there.
func TestLocation_paths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a#b.db", "a%20b.db", "%3Amemory%3A", "a b.db", "ü.db", "a&b=c.db", "-x.db", "memory", "a+b;c.db"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			db := filepath.Join(dir, name)
			require.Zero(t, command(t, "", "migrate", "--db", db).code)
			r := command(t, dataFile(t), "import", "-", "--db", db)
			require.Zero(t, r.code, r.err)
			key := strings.TrimSpace(command(t, "", "keys", "create", "--company", "cmp_1", "--db", db).out)
			p := serve(t, "--db", db, "--provider-url", "https://provider.invalid", "--provider-secret", secret)
			require.Equal(t, 200, p.call("POST", path("cl_1", "rq_1"), key).status)
			require.Zero(t, p.Stop())
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 2, "the database and the file that locks it")
			require.Equal(t, name, entries[0].Name())
			require.Equal(t, name+".lock", entries[1].Name())
		})
	}
}
