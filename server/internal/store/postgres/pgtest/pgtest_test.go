package pgtest_test

import (
	"bufio"
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
)

func TestDSN(t *testing.T) {
	t.Parallel()
	first := pgtest.DSN(t)
	connect(t, first, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), `CREATE TABLE x AS SELECT 1 AS n`)
		require.NoError(t, err)
	})
	connect(t, pgtest.DSN(t), func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), `SELECT n FROM x`)
		require.Error(t, err, "another one is empty")
	})
	connect(t, pgtest.Copy(t, first), func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), `SELECT n FROM x`)
		require.NoError(t, err)
	})
}

func TestDSN_dropped(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("test", func(t *testing.T) {
		dsn = pgtest.DSN(t)
		conn, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.Background()) }) // its connection is not in the way
	})
	_, err := pgx.Connect(t.Context(), dsn)
	require.ErrorContains(t, err, "does not exist")
}

// TestScript_killed: however a test program or the script itself ends, the cluster goes.
func TestScript_killed(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, cmd *exec.Cmd, lifeline *os.File){
		"test program ends": func(t *testing.T, _ *exec.Cmd, lifeline *os.File) { require.NoError(t, lifeline.Close()) },
		"terminated": func(t *testing.T, cmd *exec.Cmd, lifeline *os.File) {
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			require.NoError(t, lifeline.Close())
		},
		"script killed": func(t *testing.T, cmd *exec.Cmd, _ *os.File) { require.NoError(t, cmd.Process.Kill()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "../../../../../.ci/postgres", "run", "sh", "-c", `echo "$TEST_DATABASE_URL"; cat >/dev/null`)
			cmd.Env = append(os.Environ(), "TEST_DATABASE_URL=")
			input, lifeline, err := os.Pipe()
			require.NoError(t, err)
			t.Cleanup(func() { _ = lifeline.Close() })
			cmd.Stdin = input
			output, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			require.NoError(t, input.Close())
			lines := bufio.NewScanner(output)
			require.True(t, lines.Scan())
			address, err := url.Parse(lines.Text())
			require.NoError(t, err)
			connect(t, lines.Text(), func(conn *pgx.Conn) {
				var sync string
				require.NoError(t, conn.QueryRow(t.Context(), `SELECT current_setting('fsync')`).Scan(&sync))
				require.Equal(t, "on", sync)
			})
			socket := address.Query().Get("host")
			directory := strings.TrimSuffix(socket, "/socket")
			t.Cleanup(func() { _ = os.RemoveAll(directory) })

			end(t, cmd, lifeline)
			_ = cmd.Wait()
			require.Eventually(t, func() bool {
				_, err := pgx.Connect(t.Context(), lines.Text())
				return err != nil
			}, 10*time.Second, 50*time.Millisecond)
			if name != "script killed" { // that one leaves its directory for the next to remove
				_, err = os.Stat(directory)
				require.ErrorIs(t, err, os.ErrNotExist)
			}
		})
	}
}

func TestScript_passesOn(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "../../../../../.ci/postgres", "run", "sh", "-c", `echo "$TEST_DATABASE_URL"; exit 7`)
	cmd.Env = append(os.Environ(), "TEST_DATABASE_URL=postgres://somewhere/x")
	output, err := cmd.Output()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 7, failed.ExitCode())
	require.Equal(t, "postgres://somewhere/x\n", string(output))
}

func connect(t *testing.T, dsn string, use func(*pgx.Conn)) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	use(conn)
}
