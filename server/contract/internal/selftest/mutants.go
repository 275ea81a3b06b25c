package selftest

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract"
	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// Mutant is the minimal service with one thing wrong: one answer of one case, or every answer of an operation.
type Mutant struct {
	mutation
	inCase string   // of a mutant that is always wrong, an example
	call   int      // which of the case's, from 0
	right  []answer // all answers of the case, as they should be
	always bool
	serve  serving // of a mutant that does something else than it should; nil for one that only says so
}

// String tells what is changed, where.
func (m Mutant) String() string {
	a := m.right[m.call]
	switch {
	case m.serve != nil:
		return strings.TrimSpace(fmt.Sprintf("%s: %s at %q", a.asked.operation, m.kind, m.place))
	case m.always:
		return strings.TrimSpace(fmt.Sprintf("always, %s %d: %s at %q %s", a.asked.operation, a.status, m.kind, m.place, m.to))
	}
	return strings.TrimSpace(fmt.Sprintf("%s: call %d, %s %d: %s at %q %s", m.inCase, m.call+1, a.asked.operation, a.status, m.kind, m.place, m.to))
}

// alike is what mutants have in common that differ by their case only.
func (m Mutant) alike() string {
	a := m.right[m.call]
	return fmt.Sprint(a.asked.operation, " ", a.status, " ", m.kind, " ", m.place, " ", m.to)
}

// bench runs one case after the other against a service of its own.
type bench struct {
	handler  http.Handler
	fixtures contract.Fixtures
	service  *minimal.Service
	opts     []contract.Option
}

func newBench(opts []contract.Option) *bench {
	b := &bench{opts: opts}
	b.handler, b.fixtures, b.service = minimal.Renewable()
	return b
}

// run asks for these cases. What serve answers passes change, together with the answers before. Nobody looks at the
// calls that clean up, which are those with a deadline.
func (b *bench) run(cases []string, serve func(*http.Request, about) response, change func(answers []answer) response) ([]contract.Finding, error) {
	b.service.Renew()
	var answers []answer
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, cleansUp := r.Context().Deadline(); cleansUp {
			b.handler.ServeHTTP(w, r)
			return
		}
		a := answer{asked: aboutOf(r)}
		a.response = serve(r, a.asked)
		delete(a.header, "Content-Length") // it follows from the body
		answers = append(answers, a)
		send(w, change(answers))
	})
	others := slices.DeleteFunc(caseNames(), func(name string) bool { return slices.Contains(cases, name) })
	coverage, err := contract.Inspect(context.Background(), contract.InProcess(inTurn(handler)), b.fixtures,
		contract.WithoutCases(others...), contract.WithOptions(b.opts...))
	return coverage.Findings, err
}

// right serves as it should.
func (b *bench) right(r *http.Request, _ about) response { return recorded(b.handler, r) }

func caseNames() (names []string) {
	for _, one := range contract.Cases() {
		names = append(names, one.Name)
	}
	return names
}

// record is what the right service answers in a case.
func (b *bench) record(inCase string) (answers []answer, err error) {
	findings, err := b.run([]string{inCase}, b.right, func(so []answer) response {
		answers = slices.Clone(so)
		return so[len(so)-1].response
	})
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("the service is right, but: %s", findings[0])
	}
	return answers, err
}

// find is what the kit says of a mutant, when its case runs among others, after so many calls.
func (b *bench) find(m Mutant, cases []string, calls int) ([]contract.Finding, error) {
	serve := b.right
	if m.serve != nil {
		serve = m.serve(b)
	}
	return b.run(cases, serve, func(answers []answer) response {
		last := answers[len(answers)-1]
		switch {
		case m.serve != nil:
		case m.always && last.asked.operation == m.answer().asked.operation && last.status == m.answer().status:
			return m.again(answers)
		case !m.always && len(answers) == calls+m.call+1:
			return m.change(answers[calls:])
		}
		return last.response
	})
}

// Mutants are those of all cases, at most as many of one kind, place and operation as each says. Which ones follows
// from the seed. Cases whose calls overlap are left out, as their order isn't known, and derived ones, which are long.
func Mutants(seed uint64, each int) ([]Mutant, error) {
	b := newBench(nil)
	alike := map[string][]Mutant{}
	for _, one := range contract.Cases() {
		if one.Derived || !changeable(one) {
			continue
		}
		answers, err := b.record(one.Name)
		if err != nil {
			return nil, err
		}
		for i := range answers {
			for _, change := range mutations(answers[:i+1]) {
				if m := (Mutant{mutation: change, inCase: one.Name, call: i, right: answers}); change.differs(answers[:i+1]) {
					alike[m.alike()] = append(alike[m.alike()], m)
				}
			}
		}
	}
	var all []Mutant
	for _, name := range slices.Sorted(maps.Keys(alike)) {
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(name))
		some := alike[name]
		rand.New(rand.NewPCG(seed, hash.Sum64())).Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		all = append(all, some[:min(each, len(some))]...)
	}
	return append(all, servers(alike)...), nil
}

// changeable tells of a case whether its answers come in an order, and soon.
func changeable(one contract.Case) bool {
	overlap := slices.ContainsFunc(one.Steps, func(s contract.Step) bool { return strings.Contains(s.Call, " at once") })
	return !overlap && !slices.Contains(large, one.Name)
}
