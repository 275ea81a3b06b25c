package sqlite_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

// A backup is in the file of its name, whatever SQLite makes of such a name.
func TestDB_Backup_names(t *testing.T) {
	t.Chdir(t.TempDir()) // so it is not parallel
	db, err := sqlite.Open(t.Context(), "test.db")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, name := range []string{"backup.db", "file:uri.db", "file:memory?mode=memory", ":memory:", "100%25.db"} {
		require.NoError(t, db.Backup(t.Context(), name), name)
		info, err := os.Stat(name)
		require.NoError(t, err, name)
		require.Positive(t, info.Size(), name)
		require.Equal(t, os.FileMode(0o600), info.Mode(), name)
	}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, file := range files {
		require.NotContains(t, file.Name(), "partial")
	}
}
