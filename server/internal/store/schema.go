package store

import (
	"errors"
	"fmt"
)

// What keeps a program from serving a database.
var (
	ErrSchemaOld = errors.New("the schema is too old for this program: run enablementd migrate")
	ErrSchemaNew = errors.New("the schema is too new for this program: use a newer one")
)

// Schema is the version that a schema is at, 0 before the first migration, and the one that this program knows.
type Schema struct{ Current, Known int64 }

// Check returns an error unless the program can serve a database with this schema: the one it knows, or the next.
// While a new version is rolled out, the programs of the version before go on so. migrations.md says what
// that asks of a migration.
func (s Schema) Check() error {
	switch {
	case s.Current < s.Known:
		return fmt.Errorf("%w (it is at version %d, this program needs %d)", ErrSchemaOld, s.Current, s.Known)
	case s.Current > s.Known+1:
		return fmt.Errorf("%w (it is at version %d, this program serves %d and %d)", ErrSchemaNew, s.Current, s.Known, s.Known+1)
	}
	return nil
}
