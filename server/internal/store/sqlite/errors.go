package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cryptomate-go/enablement/server/internal/store"
)

// classify makes it known that an error is the file's being out of reach, not the statement's fault: another
// process has locked it, or the file system is full, read-only or failing.
func classify(err error) error {
	if !away(err) || errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

func away(err error) bool {
	switch codeOf(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return true
	}
	return false
}

// codeOf is SQLite's primary result code, 0 of another error.
func codeOf(err error) int {
	var answer *sqlite.Error
	if !errors.As(err, &answer) {
		return sqlite3.SQLITE_OK
	}
	return answer.Code() & 0xff
}

// advise adds what a person can do about an error that keeps the program from starting.
func advise(err error) error {
	switch code := codeOf(err); {
	case err == nil:
		return nil
	case code == sqlite3.SQLITE_BUSY, code == sqlite3.SQLITE_PROTOCOL:
		return fmt.Errorf("%w; another process has locked it: wait for that one, or end it (fuser tells which)", err)
	case code == sqlite3.SQLITE_FULL, code == sqlite3.SQLITE_IOERR, errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w; its file system is full or failing: see to free space there, and to quotas and limits of this user", err)
	case code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_CANTOPEN, errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; the file and its directory must be writable for this user", err)
	case code == sqlite3.SQLITE_NOTADB, code == sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w; it is damaged, or is no SQLite database: restore it from a backup, without the -wal and -shm files beside it", err)
	}
	return err
}
