package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/enablement"
	"github.com/cryptomate-go/enablement/server/internal/sample"
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

// TestMigrate_late: what a process of the version before submits during an upgrade waits for its decision, too.
func TestMigrate_late(t *testing.T) {
	t.Parallel()
	dsn := sampleDSN(t)
	db, s := openStore(t, dsn, nil)
	c := sample.Cases[0]
	submitOld := func(id string) {
		t.Helper()
		_, err := db.Pool().Exec(t.Context(), `UPDATE requests SET status = 'in_kyc', updated_at = '2026-04-16 09:20:00Z' WHERE id = $1`, id)
		require.NoError(t, err)
	}
	submitOld(c.RequestID)
	submitted, err := s.Submitted(t.Context(), c.RequestID)
	require.NoError(t, err)
	require.True(t, submitted.Now)
	list, err := s.Undecided(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
	for range 2 {
		require.NoError(t, migrate(t.Context(), db))
		list, err = s.Undecided(t.Context(), "", 10)
		require.NoError(t, err)
		require.Equal(t, []enablement.Submitted{submitted}, list)
	}

	_, err = db.Pool().Exec(t.Context(), `UPDATE goose_db_version SET tstamp = tstamp - interval '2 days'`)
	require.NoError(t, err)
	submitOld(sample.Cases[1].RequestID)
	require.NoError(t, migrate(t.Context(), db))
	require.Equal(t, 1, count(t, db, "reviews"), "it is not looked for for ever")
}
