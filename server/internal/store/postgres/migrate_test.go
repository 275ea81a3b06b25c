package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/postgres"
	"github.com/cryptomate-go/enablement/server/internal/store/postgres/pgtest"
	"github.com/cryptomate-go/enablement/server/internal/store/storetest"
)

func TestMigrate_rows(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	db := open(t, dsn, postgres.Options{})
	require.NoError(t, db.MigrateTo(t.Context(), 2))
	storetest.ExerciseMigration(t, storetest.Before{
		Exec: func(statements string) error {
			_, err := db.Pool().Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol)
			return err
		},
		Rows: func(query string) (columns []string, list [][]any) {
			rows, err := db.Pool().Query(t.Context(), query, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err)
			list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
			require.NoError(t, err)
			for _, field := range rows.FieldDescriptions() {
				columns = append(columns, field.Name)
			}
			return columns, list
		},
		Migrate: func() storetest.Fixture {
			require.NoError(t, migrate(t.Context(), db))
			// Once more, as after an interruption.
			_, err := db.Pool().Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id > 2`)
			require.NoError(t, err)
			require.NoError(t, migrate(t.Context(), db))
			_, migrated := openStore(t, dsn, nil)
			return storetest.Fixture{Store: migrated, Count: func(table string) int { return count(t, db, table) }}
		},
	})
}
