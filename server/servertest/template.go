package servertest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/cryptomate-go/enablement/server/internal/delivery"
	"github.com/cryptomate-go/enablement/server/internal/store/sqlite"
)

// template returns the bytes of an empty, migrated database. Making one takes longer than all else
// that a server needs, so a process makes it once and every server has a copy.
var template = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "servertest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "template.db")
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	err = db.Migrate(ctx, func(ctx context.Context) error {
		return delivery.Migrate(ctx, riversqlite.New(db.Writer()), slog.New(slog.DiscardHandler))
	})
	if err == nil {
		// The file alone has to be all of it.
		_, err = db.Writer().ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// openDatabase opens a copy of the template.
func openDatabase(ctx context.Context, path string) (*sqlite.DB, error) {
	content, err := template()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	// Nothing of it has to survive the test, so nobody waits for the disk.
	if _, err := db.Writer().ExecContext(ctx, "PRAGMA synchronous=OFF"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
