package contract

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
)

// Case is a situation that openapi.yaml describes, with the right responses to its calls.
type Case struct {
	// Name stays the same between releases.
	Name string
	// SetUp says in words what must exist before.
	SetUp string
	// Steps are the calls, in their order. A step uses what earlier steps learnt, such as the id of a new client.
	// After a step that fails, the others are not run.
	Steps []Step
	// Needs are the fields of [Fixtures] without which the case can't run.
	Needs []string
	// ReadSafe is true if the case changes nothing on a server that keeps to the specification. On another
	// server it may create clients, which are deleted at the end of the case.
	ReadSafe bool
	// Derived is true if the steps are derived from what the specification says of an operation.
	Derived bool
}

// Step is a call of a case, with the right response.
type Step struct {
	// Operation is the operationId; empty if the call is of no operation.
	Operation string
	// Call says in words what is sent.
	Call string
	// Expect says in words what the response must be.
	Expect string
	// Covers lists the parts of the specification that the step covers: an operation with a status and the code
	// of an error ("submitProduct 409 VAL"), and enumerated values ("ProductStatus in_kyc").
	Covers []string

	run     func(*runner)
	derived bool // from the specification; the steps after it are run even if it fails
}

// Cases returns the case table. It has at least one case for every status and error code of every operation, and for
// every enumerated value that a success can have, except for those of [Unreachable].
func Cases() []Case { return slices.Clone(cases()) }

var cases = sync.OnceValue(func() []Case {
	all := slices.Concat(journeys, documented, states, elsewhere)
	read, err := loaded()
	if err != nil {
		return all // New says it
	}
	for _, op := range read.operations {
		all = append(all, slices.Concat(situations(op), negatives(op))...)
	}
	return all
})

// Unreachable returns the parts of the specification that no case covers, with the reasons.
func Unreachable() map[string]string { return maps.Clone(unreachable) }

var unreachable = map[string]string{"ClientStatus rejected": "nothing that is described makes it: it is the provider's to say"}

// does is a step: a call of an operation, the status and the code that it is answered with, and what else must hold
// of the response.
func does(operation, words string, status int, code api.ErrorCode, more string, make func(*runner) call, checks ...func(*answer)) Step {
	expect := fmt.Sprint(status)
	if code != "" {
		expect += " " + string(code)
	}
	step := Step{Operation: operation, Call: words, Expect: expect, Covers: []string{operation + " " + expect}}
	if more != "" {
		step.Expect += ", " + more
	}
	step.run = func(r *runner) {
		a := r.ask(operation, make(r)).is(status, code)
		r.before = append(r.before, a)
		if a.failed {
			return
		}
		for _, check := range checks {
			check(a)
		}
	}
	return step
}

// showing adds enumerated values to what a step covers.
func (s Step) showing(values ...string) Step {
	s.Covers = append(s.Covers, values...)
	return s
}

// here is a call about what the case is about so far.
func here(r *runner) call { return call{Subject: r.at} }

// points are what the case table must have a case for, of the operations that are served.
func points(operations []*operation, serves func(operation string) bool) []string {
	found := map[string]bool{}
	walked := map[*openapi3.Schema]bool{}
	var walk func(ref *openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		if ref == nil || walked[ref.Value] {
			return
		}
		walked[ref.Value] = true
		for _, value := range ref.Value.Enum {
			found[fmt.Sprintf("%s %v", component(ref), value)] = true
		}
		for _, property := range ref.Value.Properties {
			walk(property)
		}
		walk(ref.Value.Items)
	}
	for _, op := range operations {
		if !serves(op.OperationID) {
			continue
		}
		for status, response := range op.Responses.Map() {
			number, _ := strconv.Atoi(status)
			codes := spec.Codes(op.Operation, number)
			for _, code := range codes {
				found[op.OperationID+" "+status+" "+code] = true
			}
			if len(codes) == 0 {
				found[op.OperationID+" "+status] = true
			}
			for _, media := range response.Value.Content {
				walk(media.Schema)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// uncovered are the points that nothing shows, and could.
func uncovered(points, shown []string) []string {
	return slices.DeleteFunc(points, func(point string) bool {
		return unreachable[point] != "" || slices.Contains(shown, point)
	})
}

// covered is what these cases show.
func covered(cases []Case) (all []string) {
	for _, one := range cases {
		for _, step := range one.Steps {
			all = append(all, step.shown()...)
		}
	}
	return all
}

// shown is what the step covers; an operation's error shows its code.
func (s Step) shown() []string {
	all := slices.Clone(s.Covers)
	for _, point := range s.Covers {
		if parts := strings.Fields(point); len(parts) == 3 {
			all = append(all, "ErrorCode "+parts[2])
		}
	}
	return all
}

// named tells whether an error names a field, and does not repeat a value.
func named(field, value string) func(*answer) {
	return func(a *answer) {
		message := text(a.object(), "message")
		if !strings.Contains(message, field) {
			a.unexpected("/message", "the name of the field "+field)
		}
		rest := strings.Replace(string(a.body), text(a.object(), "trace_id"), "", 1) // it may have any digits
		if value != "" && strings.Contains(rest, value) {
			a.unexpected("/message", "nothing of the value that was sent")
		}
	}
}
