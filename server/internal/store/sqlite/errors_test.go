package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
	"github.com/cryptomate-go/enablement/server/internal/store"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

// TestSubmit_unavailable: what may pass by itself is said to be so, to all whose submissions share a transaction
// and without trying each again; nothing is written, and the store goes on when it has passed.
func TestSubmit_unavailable(t *testing.T) {
	t.Parallel()
	const callers = 20
	for name, test := range map[string]struct {
		fault    func(t *testing.T, exec func(string), path string) (mend func())
		attempts int // of each caller at most
	}{
		"locked": {func(t *testing.T, exec func(string), path string) func() {
			exec(`PRAGMA busy_timeout = 1`)
			other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
			require.NoError(t, err)
			tx, err := other.Begin()
			require.NoError(t, err)
			return func() {
				require.NoError(t, tx.Rollback())
				require.NoError(t, other.Close())
			}
		}, 0},
		"full": {func(_ *testing.T, exec func(string), _ string) func() {
			exec(`PRAGMA max_page_count = 1`) // SQLite takes it for as many as there are
			return func() { exec(`PRAGMA max_page_count = 1000000`) }
		}, 1},
		// As of a file that could not be written when it was opened: only another connection can.
		"read-only": {func(_ *testing.T, exec func(string), _ string) func() {
			exec(`PRAGMA query_only = 1`)
			return func() {}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "test.db")
			db, s := openStore(t, path, nil)
			data := sample.Data(time.Now())
			for i := range callers {
				r := data.Requests[0]
				r.ID = fmt.Sprint("rq_", i)
				data.Requests = append(data.Requests, r)
			}
			require.NoError(t, s.Import(t.Context(), data))
			var attempts atomic.Int64
			submit := func(i int) error {
				sub := enablement.Call{
					CompanyID: sample.Company, ClientID: data.Requests[0].ClientID, RequestID: fmt.Sprint("rq_", i),
				}
				sub = storetest.Keyed(sub, fmt.Sprint(i))
				_, err := s.Submit(context.WithoutCancel(t.Context()), sub, func(f enablement.File) (enablement.Change, error) {
					attempts.Add(1)
					d, err := enablement.Submit(f, time.Now(), func() string { return "ntf_" + f.Request.ID })
					d.Response = make([]byte, 100<<10) // more than is free in the pages that there are
					return d, err
				})
				return err
			}
			mend := test.fault(t, func(statement string) {
				t.Helper()
				_, err := db.Writer().ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}, path)
			errs := make([]error, callers)
			var group sync.WaitGroup
			if name == "read-only" { // the first finds out for all
				require.ErrorIs(t, submit(0), store.ErrUnavailable)
			} else {
				for i := range errs {
					group.Go(func() { errs[i] = submit(i) })
				}
				group.Wait()
				for _, err := range errs {
					require.ErrorIs(t, err, store.ErrUnavailable)
				}
			}
			require.LessOrEqual(t, attempts.Load(), int64(test.attempts*callers))
			require.Zero(t, countOf(t, db, "audit"))
			mend()
			for i := range errs {
				require.NoError(t, submit(i))
			}
			require.Equal(t, callers, countOf(t, db, "audit"))
			require.Equal(t, callers, countOf(t, db, "notifications"))
		})
	}
}

func countOf(t *testing.T, db *sqlite.DB, table string) (n int) {
	t.Helper()
	require.NoError(t, db.Writer().QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}
