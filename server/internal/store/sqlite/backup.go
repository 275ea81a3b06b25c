package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes all of the database, as it is at one moment, into a new file. Others may write meanwhile. The file is
// there under its name only once it is whole and on the disk.
func (db *DB) Backup(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup %s: %w", path, fs.ErrExist)
	}
	partial, err := filepath.Abs(path + ".partial") // SQLite would take a name such as file:x for a URI
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600) // it holds personal data
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			_ = os.Remove(partial)
		}
	}()
	// SQLite fills an empty file. It reads in a transaction of its own, which keeps nobody from writing.
	if _, err := db.writing.ExecContext(ctx, "VACUUM INTO ?", partial); err != nil {
		return fmt.Errorf("backup %s: %w", path, err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return os.Rename(partial, path)
}
