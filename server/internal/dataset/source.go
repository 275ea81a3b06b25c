package dataset

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Source is where an import takes its entries from.
type Source interface {
	// Moment is that of the import.
	Moment() time.Time
	// All yields every entry, as often as it is ranged over, and each after those that it refers to. An
	// error ends it.
	All() iter.Seq2[Entry, error]
}

// Entry is one entry of an import.
type Entry struct {
	// List and Index name it, as in `clients[2]`.
	List  string
	Index int
	// Value is a *Company, *Client, *Document, *Request or *Key.
	Value any
	// file is where it stands, from the byte begin; nil where there is none.
	file  *File
	begin int64
}

// at is the entry with another place to tell.
func (e Entry) at(begin int64) Entry {
	e.begin = begin
	return e
}

// Keep notes that the entry is stored already and stays as it is.
func (e Entry) Keep() {
	if e.file != nil {
		e.file.kept++
	}
}

// Fault returns the error of a store that can't take the entry, as an [*EntryError].
func (e Entry) Fault(err error) error {
	if e.file != nil {
		err = fmt.Errorf("%w (%s)", err, e.file.place(e.begin))
	}
	fault := &EntryError{List: e.List, Index: e.Index, Err: err}
	if v, ok := e.Value.(interface{ id() string }); ok {
		fault.ID = v.id()
	}
	return fault
}

// ErrRequestStored refuses a request of an import whose id another one has.
var ErrRequestStored = errors.New("id: there is a request of this id already, of another client or for another product")

// EntryError says which entry of an import is at fault, and why.
type EntryError struct {
	// List and Index name the entry, as in `clients[2]`; ID does too, where it has a good one.
	List  string
	Index int
	ID    string
	Err   error
}

func (e *EntryError) Error() string {
	fault := strings.ReplaceAll(e.Err.Error(), "\n", "; ") // joined errors, on one line
	if e.ID == "" {
		return fmt.Sprintf("%s[%d]: %s", e.List, e.Index, fault)
	}
	return fmt.Sprintf("%s[%d] %q: %s", e.List, e.Index, e.ID, fault)
}

func (e *EntryError) Unwrap() error { return e.Err }

// errStopped: whoever ranges over the entries has had enough.
var errStopped = errors.New("stopped")

// Moment implements [Source].
func (d *Dataset) Moment() time.Time { return d.At }

// All implements [Source].
func (d *Dataset) All() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		_ = each(yield, "companies", d.Companies) && each(yield, "clients", d.Clients) &&
			each(yield, "documents", d.Documents) && each(yield, "requests", d.Requests) && each(yield, "keys", d.Keys)
	}
}

func each[T any](yield func(Entry, error) bool, list string, values []T) bool {
	for i := range values {
		if !yield(Entry{List: list, Index: i, Value: &values[i]}, nil) {
			return false
		}
	}
	return true
}
