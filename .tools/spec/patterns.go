package main

import (
	"regexp/syntax"
	"slices"
)

// repeated is a pattern of one class of characters, so many times: all that can be compared by what it takes.
type repeated struct {
	class    []rune // pairs of the first and the last of a range, sorted
	min, max int    // max is -1 if there is none
}

func parsePattern(pattern string) (r repeated, ok bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || len(re.Sub) != 3 ||
		re.Sub[0].Op != syntax.OpBeginText || re.Sub[2].Op != syntax.OpEndText {
		return r, false
	}
	middle := re.Sub[1]
	switch middle.Op {
	case syntax.OpRepeat:
		r.min, r.max = middle.Min, middle.Max
	case syntax.OpPlus:
		r.min, r.max = 1, -1
	case syntax.OpStar:
		r.min, r.max = 0, -1
	default:
		return r, false
	}
	if r.class = middle.Sub[0].Rune; middle.Sub[0].Op != syntax.OpCharClass {
		return r, false
	}
	return r, true
}

// within tells whether what r takes is taken by other, too.
func (r repeated) within(other repeated) bool {
	if r.min < other.min || other.max >= 0 && (r.max < 0 || r.max > other.max) {
		return false
	}
	for part := range slices.Chunk(r.class, 2) {
		holds := func(ranges []rune) bool { return ranges[0] <= part[0] && part[1] <= ranges[1] }
		if !slices.ContainsFunc(slices.Collect(slices.Chunk(other.class, 2)), holds) {
			return false
		}
	}
	return true
}

// pattern compares what a text has to look like. Whether a pattern takes more than another can be told of simple
// ones only.
func (d *differ) pattern(s spot, p pair) {
	before, first := parsePattern(p.before.value())
	after, second := parsePattern(p.after.value())
	known := first && second && p.exists()
	wider := p.removed() || known && before.within(after)
	narrower := p.added() || known && after.within(before)
	switch {
	case s.side == sent && wider, known && wider && narrower:
		d.set(s, p, compatible, "pattern")
	case s.side == sent && (known || narrower), s.side == received && wider && !narrower:
		d.set(s, p, breaking, "pattern")
	default:
		d.set(s, p, review, "pattern")
	}
}
