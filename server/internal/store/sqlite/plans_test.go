package sqlite_test

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

// wholeTable is how SQLite says that it reads all of a table, or of one of its indexes. The n of a page is that page.
var wholeTable = regexp.MustCompile(`^SCAN (d|documents|document_images|document_chunks|reviews|v|r|c|clients|requests|audit|notifications|deliveries|idempotency|river_job)\b`)

// TestPlans: what millions of rows could slow down finds its rows by index, in the order in which it wants them.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, migrate(t.Context(), db))
	for name, plan := range sqlite.Plans {
		t.Run(name, func(t *testing.T) {
			rows, err := db.Writer().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+plan.Statement, plan.Nothing()...)
			require.NoError(t, err)
			defer func() { require.NoError(t, rows.Close()) }()
			for rows.Next() {
				var id, parent, unused int
				var step string
				require.NoError(t, rows.Scan(&id, &parent, &unused, &step))
				t.Log(step)
				require.NotRegexp(t, wholeTable, step)
				if !plan.Sorts {
					require.NotContains(t, step, "TEMP B-TREE")
				}
			}
			require.NoError(t, rows.Err())
		})
	}
}
