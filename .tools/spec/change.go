package main

import (
	"cmp"
	"fmt"
	"slices"
)

// verdict says what a change does to those who rely on the specification: callers, servers, and providers
// that receive notifications. What no rule can judge is to be reviewed.
type verdict int

const (
	compatible verdict = iota + 1 // the numbers are oasdiff's levels
	review
	breaking
)

func (v verdict) String() string {
	return [...]string{"", "compatible", "REVIEW", "BREAKING"}[v]
}

// change is one thing that differs.
type change struct {
	id      string // what kind of change, such as pattern-changed
	text    string
	verdict verdict
	line    int // in openapi.yaml; of the specification before, if gone
	gone    bool
	lines   []lines // of all that the change is in, in both specifications, without the operation

	reason string // why it is accepted; empty if it isn't
}

func (c change) place() string {
	if c.gone {
		return fmt.Sprintf("line %d of the released specification", c.line)
	}
	return fmt.Sprintf("openapi.yaml:%d", c.line)
}

// sortChanges puts the worst first, and then goes by line.
func sortChanges(changes []change) {
	slices.SortStableFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(b.verdict, a.verdict), cmp.Compare(a.line, b.line))
	})
}
