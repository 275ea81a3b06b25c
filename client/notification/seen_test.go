package notification_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/cryptomate-go/enablement/client/notification"
)

// open returns a database with the table, in the file or a new one.
func open(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.ExecContext(t.Context(), notification.Schema)
	require.NoError(t, err)
	return db
}

// TestSeen is the contract, for every implementation.
func TestSeen(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T) notification.Seen{
		"memory": func(*testing.T) notification.Seen { return notification.NewMemory(100, time.Hour) },
		"database": func(t *testing.T) notification.Seen {
			return notification.NewDatabase(open(t, filepath.Join(t.TempDir(), "seen.db")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("once", func(t *testing.T) {
				t.Parallel()
				seen := make(t)
				calls := 0
				count := func(context.Context) error { calls++; return nil }
				for range 3 {
					require.NoError(t, seen.Once(t.Context(), "a", count))
				}
				require.Equal(t, 1, calls)
				require.NoError(t, seen.Once(t.Context(), "b", count))
				require.Equal(t, 2, calls)
			})
			t.Run("not before it was handled", func(t *testing.T) {
				t.Parallel()
				seen := make(t)
				fails := errors.New("handler")
				require.ErrorIs(t, seen.Once(t.Context(), "a", func(context.Context) error { return fails }), fails)
				require.Panics(t, func() {
					_ = seen.Once(t.Context(), "a", func(context.Context) error { panic("handler") })
				})
				calls := 0
				require.NoError(t, seen.Once(t.Context(), "a", func(context.Context) error { calls++; return nil }))
				require.Equal(t, 1, calls)
			})
			t.Run("at the same time", func(t *testing.T) {
				t.Parallel()
				seen := make(t)
				var handled, failures atomic.Int32
				var group sync.WaitGroup
				for i := range 40 {
					group.Go(func() {
						err := seen.Once(t.Context(), "id"+strconv.Itoa(i%4), func(context.Context) error {
							if failures.Add(1) <= 5 {
								return errors.New("not yet")
							}
							handled.Add(1)
							return nil
						})
						if err != nil && err.Error() != "not yet" {
							panic(err)
						}
					})
				}
				group.Wait()
				require.EqualValues(t, 4, handled.Load())
			})
			t.Run("canceled", func(t *testing.T) {
				t.Parallel()
				seen := make(t)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				hold, held := make2()
				var group sync.WaitGroup
				group.Go(func() {
					_ = seen.Once(t.Context(), "a", func(context.Context) error { close(held); <-hold; return nil })
				})
				<-held
				require.ErrorIs(t, seen.Once(ctx, "a", func(context.Context) error { return nil }), context.Canceled)
				close(hold)
				group.Wait()
			})
		})
	}
}

func make2() (a, b chan struct{}) { return make(chan struct{}), make(chan struct{}) }

func TestMemory_forgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := notification.NewMemory(3, time.Hour)
		calls := func(id string) (n int) {
			require.NoError(t, seen.Once(t.Context(), id, func(context.Context) error { n++; return nil }))
			return n
		}
		for _, id := range []string{"a", "b", "c"} {
			require.Equal(t, 1, calls(id))
		}
		require.Zero(t, calls("a"))
		require.Equal(t, 1, calls("d"), "there is no room for four")
		require.Equal(t, 1, calls("a"))
		require.Zero(t, calls("c"))
		time.Sleep(time.Hour - time.Nanosecond)
		require.Zero(t, calls("c"))
		time.Sleep(time.Nanosecond)
		require.Equal(t, 1, calls("c"))
	})
}

// TestDatabase: what a handler writes through Tx commits with the record, and lasts.
func TestDatabase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "seen.db")
	db := open(t, file)
	_, err := db.ExecContext(t.Context(), "CREATE TABLE reviews (request TEXT)")
	require.NoError(t, err)
	_, err = notification.Tx(t.Context())
	require.EqualError(t, err, "notification: there is no transaction; use WithSeen(NewDatabase(db))")

	fails := errors.New("afterwards")
	handle := func(ctx context.Context) error {
		tx, err := notification.Tx(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO reviews VALUES ('r')"); err != nil {
			return err
		}
		return fails
	}
	rows := func(db *sql.DB, table string) (n int) {
		require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT count(*) FROM %s", table)).Scan(&n))
		return n
	}
	require.ErrorIs(t, notification.NewDatabase(db).Once(t.Context(), "a", handle), fails)
	require.Zero(t, rows(db, "reviews"))
	require.Zero(t, rows(db, "handled_notifications"))
	fails = nil
	require.NoError(t, notification.NewDatabase(db).Once(t.Context(), "a", handle))
	require.NoError(t, db.Close())

	again := open(t, file)
	require.NoError(t, notification.NewDatabase(again).Once(t.Context(), "a", handle))
	require.Equal(t, 1, rows(again, "reviews"))
	require.Equal(t, 1, rows(again, "handled_notifications"))

	require.NoError(t, again.Close())
	require.ErrorContains(t, notification.NewDatabase(again).Once(t.Context(), "b", handle), "notification: ")
	empty, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "empty.db"))
	require.NoError(t, err)
	defer func() { _ = empty.Close() }()
	require.ErrorContains(t, notification.NewDatabase(empty).Once(t.Context(), "b", handle), "remember the id")
}
