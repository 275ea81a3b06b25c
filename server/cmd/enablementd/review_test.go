package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What somebody else wrote can't rewrite the page of who decides on it: an import takes what an evaluation would reject.
func TestReviewShow_hidden(t *testing.T) {
	t.Parallel()
	db := sqliteFile(t)
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	file := strings.NewReplacer(`"Canaria"`, `"Mar\u00eda\u001b[2J"`, `"X7654321"`, `"X1", "note": "a\nb\u202ec"`,
		`"pending_documentation"`, `"in_kyc"`).Replace(dataFile(t))
	r := command(t, file, "import", "-", "--db", db)
	require.Zero(t, r.code, r.err)
	r = command(t, "", "review", "show", "rq_1", "--db", db)
	require.Zero(t, r.code, r.err)
	require.Contains(t, r.out, `First name   "Mar\u00eda\x1b[2J"`)
	require.Contains(t, r.out, `"a\nb\u202ec"`)
	require.NotContains(t, r.out, "\x1b")
	require.NotContains(t, r.out, "\u202e")
	require.Contains(t, r.out, "Last name    Example")
}

// Only the user can read the photos, also where another file has their name already.
func TestReviewShow_private(t *testing.T) {
	t.Parallel()
	db, dir := sqliteFile(t), t.TempDir()
	require.Zero(t, command(t, "", "migrate", "--db", db).code)
	r := command(t, strings.Replace(dataFile(t), `"pending_documentation"`, `"in_kyc"`, 1), "import", "-", "--db", db)
	require.Zero(t, r.code, r.err)
	photo, elsewhere := filepath.Join(dir, "rq_1-passport-front.png"), filepath.Join(dir, "elsewhere")
	for name, prepare := range map[string]func() error{
		"nothing":            func() error { return nil },
		"a file for others":  func() error { return errors.Join(os.WriteFile(photo, nil, 0o600), os.Chmod(photo, 0o644)) },
		"a link":             func() error { return os.Symlink(elsewhere, photo) },
		"a link to no place": func() error { return os.Symlink("/nowhere/at/all", photo) },
	} {
		require.NoError(t, os.RemoveAll(photo), name)
		require.NoError(t, prepare(), name)
		r = command(t, "", "review", "show", "rq_1", "--images", dir, "--db", db)
		require.Zero(t, r.code, r.err)
		info, err := os.Lstat(photo)
		require.NoError(t, err, name)
		require.Equal(t, os.FileMode(0o600), info.Mode(), name)
		require.NoFileExists(t, elsewhere, name)
	}
}
