package cassette

import (
	"maps"
	"slices"
	"strconv"
)

// Difference is a rule that some exchanges of an operation break.
type Difference struct {
	Operation string // empty if the calls were of no operation
	Rule      string
	Count     int
	First     Finding
}

// Differences groups findings by operation and rule, in the order of their names.
func Differences(findings []Finding) []Difference {
	groups := map[[2]string]*Difference{}
	for _, f := range findings {
		id := [2]string{f.Operation, f.Rule}
		if groups[id] == nil {
			groups[id] = &Difference{Operation: f.Operation, Rule: f.Rule, First: f}
		}
		groups[id].Count++
	}
	var differences []Difference
	for _, id := range slices.SortedFunc(maps.Keys(groups), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		differences = append(differences, *groups[id])
	}
	return differences
}

// Unseen is the part of the specification that the traffic didn't use.
type Unseen struct {
	Operations []string // that were not called
	Statuses   []string // of operations that were called, such as "submitProduct 409"
}

// Unseen returns the part of the specification that the traffic didn't use.
func (c *Cassette) Unseen() (Unseen, error) {
	d, err := loaded()
	if err != nil {
		return Unseen{}, err
	}
	shown := map[string]bool{}
	for _, x := range c.exchanges {
		if op := d.find(x.Request.Method, pathOf(x.Request.Path)); op != nil {
			shown[op.OperationID] = true
			shown[op.OperationID+" "+strconv.Itoa(x.Response.Status)] = true
		}
	}
	var unseen Unseen
	for _, op := range d.operations {
		if !shown[op.OperationID] {
			unseen.Operations = append(unseen.Operations, op.OperationID)
			continue
		}
		for status := range op.Responses.Map() {
			if name := op.OperationID + " " + status; !shown[name] {
				unseen.Statuses = append(unseen.Statuses, name)
			}
		}
	}
	slices.Sort(unseen.Operations)
	slices.Sort(unseen.Statuses)
	return unseen, nil
}
