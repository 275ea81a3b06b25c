package store

import (
	"errors"
	"fmt"
)

// The errors of a schema that the program can't serve.
var (
	ErrSchemaOld = errors.New("the schema is too old for this program: run enablementd migrate")
	ErrSchemaNew = errors.New("the schema is too new for this program: use a newer one")
)

// Schema has the version of a schema, 0 before the first migration, and the version that this program knows.
type Schema struct{ Current, Known int64 }

// Check returns an error unless the program can serve a database with this schema: the version it knows, or the next
// one. So the programs of the old version go on while a new one is rolled out. migrations.md says what this requires of a
// migration.
func (s Schema) Check() error {
	switch {
	case s.Current < s.Known:
		return fmt.Errorf("%w (it is at version %d, this program needs %d)", ErrSchemaOld, s.Current, s.Known)
	case s.Current > s.Known+1:
		return fmt.Errorf("%w (it is at version %d, this program serves %d and %d)", ErrSchemaNew, s.Current, s.Known, s.Known+1)
	}
	return nil
}
