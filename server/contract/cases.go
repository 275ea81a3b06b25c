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

// Case is one situation that openapi.yaml describes, and how it is answered.
type Case struct {
	// Name is the case's; it stays the same between releases.
	Name string
	// SetUp is what must be there before, in words.
	SetUp string
	// Steps are the calls, one after the other. What one of them learns, such as the id of a new client, goes on
	// to the next. Those after one that fails aren't run.
	Steps []Step
	// Needs are the fields of [Fixtures] without which the case can't run.
	Needs []string
	// ReadSafe tells that the case changes nothing on a server that keeps to the specification. The clients that
	// another one makes are deleted when it is over.
	ReadSafe bool
	// Derived tells that the case is made of the specification: its steps turn around what that says of an operation.
	Derived bool
}

// Step is a call of a case, and how it is answered.
type Step struct {
	// Operation is the operationId; empty where the call leads to none.
	Operation string
	// Call is what is sent, in words.
	Call string
	// Expect is how that is answered, in words.
	Expect string
	// Covers are what of the specification the step shows: an operation with a status, and with the code of an
	// error ("submitProduct 409 VAL"), and enumerated values ("ProductStatus in_kyc").
	Covers []string

	run     func(*runner)
	derived bool // from the specification; the steps after it are run even if it fails
}

// Cases returns the case table: for every status and error code of every operation, and for every enumerated value
// that a success can hold, at least one case, but for those of [Unreachable].
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

// Unreachable returns what no case shows, with the reason.
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
