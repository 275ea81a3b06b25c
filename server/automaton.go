package server

import (
	"fmt"
	"regexp/syntax"
	"slices"
)

// automaton is a pattern made into a table: one step for a byte, and no garbage. It is for ASCII.
type automaton struct {
	next   [][asciiSize]uint8 // by state, then by byte
	accept []bool             // by state: the text may end here
}

const (
	asciiSize = 128
	maxStates = 256 // as many as next can tell apart
)

// newAutomaton returns nil for a pattern that it can make no table of: one that asserts anything but
// the text's begin and end, or that takes too many states.
func newAutomaton(parsed *syntax.Regexp) *automaton {
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil
	}
	for i := range program.Inst {
		inst := &program.Inst[i]
		if inst.Op == syntax.InstEmptyWidth && syntax.EmptyOp(inst.Arg)&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
			return nil
		}
	}
	return determinize(program)
}

// determinize runs all threads of the program at once. A state is the set of instructions where
// they stand. The first one alone is at the text's begin.
func determinize(program *syntax.Prog) *automaton {
	a := &automaton{}
	states := [][]uint32{{uint32(program.Start)}}
	numbers := make(map[string]uint8)
	for n := 0; n < len(states); n++ {
		var at syntax.EmptyOp
		if n == 0 {
			at = syntax.EmptyBeginText
		}
		_, ends := follow(program, states[n], at|syntax.EmptyEndText)
		a.accept = append(a.accept, ends)

		waiting, matched := follow(program, states[n], at)
		var row [asciiSize]uint8
		var stepped []uint32
		for b := range rune(asciiSize) {
			var threads []uint32
			for _, pc := range waiting {
				if inst := &program.Inst[pc]; inst.MatchRune(b) {
					threads = append(threads, inst.Out)
				}
			}
			if b > 0 && slices.Equal(threads, stepped) {
				row[b] = row[b-1]
				continue
			}
			stepped = threads
			next := append([]uint32{uint32(program.Start)}, threads...) // a match may begin anywhere
			if matched {
				next = waiting // a match stays one, whatever follows
			}
			key := fmt.Sprint(next)
			number, known := numbers[key]
			if !known {
				if len(states) == maxStates {
					return nil
				}
				number = uint8(len(states))
				numbers[key] = number
				states = append(states, next)
			}
			row[b] = number
		}
		a.next = append(a.next, row)
	}
	return a
}

// follow goes on from where threads stand to where each needs a byte. A match among them is all
// that counts, and needs none.
func follow(program *syntax.Prog, threads []uint32, at syntax.EmptyOp) (waiting []uint32, matched bool) {
	seen := make([]bool, len(program.Inst))
	var visit func(pc uint32) (matched bool)
	visit = func(pc uint32) bool {
		if seen[pc] {
			return false
		}
		seen[pc] = true
		inst := &program.Inst[pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			return visit(inst.Out) || visit(inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			return visit(inst.Out)
		case syntax.InstEmptyWidth:
			return syntax.EmptyOp(inst.Arg)&^at == 0 && visit(inst.Out)
		case syntax.InstMatch:
			waiting = []uint32{pc}
			return true
		case syntax.InstFail:
			return false
		default:
			waiting = append(waiting, pc)
			return false
		}
	}
	for _, pc := range threads {
		if visit(pc) {
			return waiting, true
		}
	}
	return waiting, false
}

// matches tells whether the pattern matches a text in ASCII, as [regexp.MatchString] does.
func matches[T string | []byte](a *automaton, text T) bool {
	next, state := a.next, uint8(0)
	for i := range len(text) {
		state = next[state][text[i]]
	}
	return a.accept[state]
}
