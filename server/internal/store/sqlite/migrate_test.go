package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

func TestMigrate_rows(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db := open(t, path)
	require.NoError(t, db.MigrateTo(t.Context(), 2))
	storetest.ExerciseMigration(t, storetest.Before{
		Exec: func(statements string) error { _, err := db.Writer().Exec(statements); return err },
		Rows: func(query string) (columns []string, list [][]any) {
			rows, err := db.Reader().Query(query)
			require.NoError(t, err)
			defer func() { require.NoError(t, rows.Close()) }()
			columns, err = rows.Columns()
			require.NoError(t, err)
			for rows.Next() {
				values, places := make([]any, len(columns)), make([]any, len(columns))
				for i := range values {
					places[i] = &values[i]
				}
				require.NoError(t, rows.Scan(places...))
				list = append(list, values)
			}
			require.NoError(t, rows.Err())
			return columns, list
		},
		Migrate: func() storetest.Fixture {
			_, migrated := openStore(t, path, nil)
			return storetest.Fixture{Store: migrated, Count: func(table string) int { return countOf(t, db, table) }}
		},
	})
}
