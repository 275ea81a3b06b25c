package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// mostFaults is how many faults of a file are told, and how many warnings.
const mostFaults = 20

// Faults collects what is wrong with an import, so that all of it is told at once. The zero value is ready to use.
type Faults struct {
	found   []located
	stopped bool
	cut     bool // the file can't be read any further
	last    string
	clients map[string]bool // that can't be stored
}

type located struct {
	offset int64
	err    error
}

// Add notes what a store has against an entry, and tells whether it can be told of more. What follows from
// another fault is not told: that a client is not there who was refused.
func (f *Faults) Add(e Entry, err error) (more bool) {
	switch v := e.Value.(type) {
	case *Client:
		if f.clients == nil {
			f.clients = map[string]bool{}
		}
		f.clients[v.ID] = true
	case *Document:
		if f.clients[v.ClientID] {
			return true
		}
	case *Request:
		if f.clients[v.ClientID] {
			return true
		}
	}
	name := fmt.Sprint(e.List, e.Index)
	if name == f.last {
		return true
	}
	f.last = name
	return f.note(e.begin, e.Fault(err))
}

func (f *Faults) note(offset int64, err error) (more bool) {
	if len(f.found) == mostFaults {
		f.stopped = true
		return false
	}
	f.found = append(f.found, located{offset, err})
	return true
}

// Err returns nothing, the fault, or a [*FaultsError] of several.
func (f *Faults) Err() error {
	switch len(f.found) {
	case 0:
		return nil
	case 1:
		return f.found[0].err
	}
	slices.SortStableFunc(f.found, func(a, b located) int { return cmp.Compare(a.offset, b.offset) })
	all := &FaultsError{}
	for _, found := range f.found {
		all.Faults = append(all.Faults, found.err)
	}
	switch {
	case f.stopped:
		all.End = fmt.Sprintf("stopped after %d", mostFaults)
	case f.cut:
		all.End = "the rest can't be read"
	}
	return all
}

// FaultsError is several faults of an import, in the order of the file.
type FaultsError struct {
	Faults []error
	// End says why these are not all; empty where they are.
	End string
}

// Error tells all of them on one line.
func (e *FaultsError) Error() string {
	var told []string
	for _, fault := range e.Faults {
		told = append(told, fault.Error())
	}
	if e.End != "" {
		told = append(told, e.End)
	}
	return strings.Join(told, "; ")
}

// Unwrap returns all of them.
func (e *FaultsError) Unwrap() []error { return e.Faults }
