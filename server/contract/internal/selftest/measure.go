package selftest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cryptomate-go/enablement/server/contract"
)

// leastCaught is the percentage of the mutants that differ from the specification that must be caught.
const leastCaught = 98

// fate is what became of a mutant.
type fate struct {
	Mutant
	rules  []string // that found something
	reason string   // why nothing was to be found; empty where something was, or should have been
	err    error
}

// judge runs mutants, several at once. One that its case alone finds nothing in runs again after all journeys, as in a
// suite: what they showed is held against it.
func judge(mutants []Mutant, opts []contract.Option) ([]fate, error) {
	all, calls, err := journeys()
	if err != nil {
		return nil, err
	}
	fates := make([]fate, len(mutants))
	next := make(chan int)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			b := newBench(opts)
			for i := range next {
				fates[i] = b.judge(mutants[i], all, calls)
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	group.Wait()
	failed := make([]error, len(fates))
	for i, f := range fates {
		failed[i] = f.err
	}
	return fates, errors.Join(failed...)
}

func (b *bench) judge(m Mutant, all []string, calls map[string]int) fate {
	alone := []string{m.inCase}
	if m.always {
		alone = asking(m.answer().asked.operation)
	}
	for _, name := range alone {
		if f := b.found(m, []string{name}, 0); len(f.rules) > 0 || f.err != nil {
			return f
		}
	}
	reason := explained(m)
	if reason != "" && m.of == "" {
		return fate{Mutant: m, reason: reason}
	}
	before := 0
	for _, name := range caseNames() {
		if name == m.inCase {
			break
		}
		before += calls[name]
	}
	f := b.found(m, append(slices.Clone(all), m.inCase), before)
	if len(f.rules) == 0 {
		f.reason = reason
	}
	return f
}

// asking are the cases that call an operation, derived ones among them.
func asking(operation string) (names []string) {
	for _, one := range contract.Cases() {
		asks := slices.ContainsFunc(one.Steps, func(s contract.Step) bool { return s.Operation == operation })
		if asks && changeable(one) {
			names = append(names, one.Name)
		}
	}
	return names
}

// found runs cases against a mutant, with so many calls before its own case.
func (b *bench) found(m Mutant, cases []string, before int) fate {
	f := fate{Mutant: m}
	findings, err := b.find(m, cases, before)
	f.err = err
	for _, found := range findings {
		if !slices.Contains(f.rules, found.Rule) {
			f.rules = append(f.rules, found.Rule)
		}
	}
	return f
}

// journeys are the cases that go the way of a client, in the order of the table, with how many calls each makes.
func journeys() (names []string, calls map[string]int, err error) {
	b := newBench(nil)
	calls = map[string]int{}
	for _, name := range caseNames() {
		if strings.Contains(name, ": ") || slices.Contains(large, name) {
			continue // it shows nothing of a client, or takes long
		}
		answers, err := b.record(name)
		if err != nil {
			return nil, nil, err
		}
		names, calls[name] = append(names, name), len(answers)
	}
	return names, calls, nil
}

// Measure makes mutants, writes how many of them the kit caught, by kind and by rule, and those that it did not, by
// their reason. It returns an error if too few were caught.
func Measure(w io.Writer, mutants []Mutant, opts ...contract.Option) error {
	fates, err := judge(mutants, opts)
	if err != nil {
		return err
	}
	caught, kinds, rules, left := 0, map[string]*tally{}, map[string]*tally{}, map[string][]fate{}
	for _, f := range fates {
		kind := at(kinds, f.kind)
		kind.made++
		switch {
		case len(f.rules) > 0:
			caught++
			kind.caught++
		default:
			left[f.reason] = append(left[f.reason], f)
			if f.reason != "" {
				kind.same++
			}
		}
		for _, rule := range f.rules {
			of := at(rules, rule)
			of.caught++
			if len(f.rules) == 1 {
				of.made++ // by it alone
			}
		}
	}
	wrong := caught + len(left[""])
	print := func(format string, values ...any) { _, _ = fmt.Fprintf(w, format+"\n", values...) }
	print("mutants: %d made, %d allowed by the specification, %d wrong: %d caught, %d missed (%.2f %% caught)",
		len(fates), len(fates)-wrong, wrong, caught, len(left[""]), percent(caught, wrong))
	print("\nby kind of change: caught of wrong, and allowed")
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		k := kinds[name]
		print("  %-34s %5d of %5d %6.1f %%  %5d", name, k.caught, k.made-k.same, percent(k.caught, k.made-k.same), k.same)
	}
	print("\nby rule: caught, and by it alone")
	for _, name := range slices.SortedFunc(maps.Keys(rules), func(a, b string) int { return -cmp.Compare(rules[a].caught, rules[b].caught) }) {
		print("  %-34s %5d %5d", name, rules[name].caught, rules[name].made)
	}
	print("\nallowed, by reason:")
	for _, reason := range reasons {
		if some := left[reason.says]; len(some) > 0 {
			print("  %5d  %s\n         such as %s", len(some), reason.says, some[0].Mutant)
		}
	}
	missed := map[string][]fate{}
	for _, f := range left[""] {
		what := f.kind + " at " + strconv.Quote(f.place)
		missed[what] = append(missed[what], f)
	}
	for i, what := range slices.Sorted(maps.Keys(missed)) {
		if i == 0 {
			print("\nmissed:")
		}
		print("  %5d  %s\n         such as %s", len(missed[what]), what, missed[what][0].Mutant)
	}
	if percent(caught, wrong) < leastCaught {
		return fmt.Errorf("the contract kit catches %.2f %% of the mutants that are wrong: at least %d %% are asked for", percent(caught, wrong), leastCaught)
	}
	return nil
}

type tally struct{ made, caught, same int }

func at(tallies map[string]*tally, name string) *tally {
	if tallies[name] == nil {
		tallies[name] = &tally{}
	}
	return tallies[name]
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(max(whole, 1)) }
