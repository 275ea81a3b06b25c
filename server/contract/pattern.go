package contract

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// part is a piece of a pattern: characters of one class, so many times.
type part struct {
	class     []rune // pairs: from, to
	low, high int    // how many there are; high is -1 where there is no bound
}

// partsOf takes a pattern apart that is a sequence of repeated characters; of another one it returns nothing.
func partsOf(pattern string) []part {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	pieces := []*syntax.Regexp{parsed}
	if parsed.Op == syntax.OpConcat {
		pieces = parsed.Sub
	}
	var parts []part
	for _, piece := range pieces {
		one := part{low: 1, high: 1}
		switch piece.Op {
		case syntax.OpBeginText, syntax.OpEndText:
			continue
		case syntax.OpRepeat:
			one.low, one.high = piece.Min, piece.Max
		case syntax.OpStar:
			one.low, one.high = 0, -1
		case syntax.OpPlus:
			one.high = -1
		case syntax.OpQuest:
			one.low = 0
		}
		if len(piece.Sub) == 1 {
			piece = piece.Sub[0]
		}
		switch piece.Op {
		case syntax.OpCharClass:
			one.class = piece.Rune
			parts = append(parts, one)
		case syntax.OpLiteral:
			for _, letter := range piece.Rune {
				one.class = []rune{letter, letter}
				parts = append(parts, one)
			}
		default:
			return nil
		}
	}
	return parts
}

// usual is how many characters a text has where any number will do.
const usual = 5

// write makes a text of the parts, the i-th as long as length says.
func write(parts []part, random *rand.Rand, length func(i int) int) string {
	var b strings.Builder
	for i, one := range parts {
		for range length(i) {
			b.WriteRune(one.letter(random))
		}
	}
	return b.String()
}

func (p part) has(letter rune) bool {
	for i := 0; i < len(p.class); i += 2 {
		if p.class[i] <= letter && letter <= p.class[i+1] {
			return true
		}
	}
	return false
}

// letter is one of the class, a letter or a digit if it has any.
func (p part) letter(random *rand.Rand) rune {
	letters := slices.DeleteFunc([]rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), func(r rune) bool { return !p.has(r) })
	if len(letters) == 0 {
		return p.class[0]
	}
	return letters[random.IntN(len(letters))]
}

// clamped is a length that the part takes, as close to n as it goes.
func (p part) clamped(n int) int {
	if n = max(n, p.low); p.high >= 0 {
		n = min(n, p.high)
	}
	return n
}

// longest is the longest text of a pattern; false where it has no bound, or where there is no choice.
func longest(pattern string, random *rand.Rand) (string, bool) {
	parts := partsOf(pattern)
	choice := false
	for _, one := range parts {
		if one.high < 0 {
			return "", false
		}
		choice = choice || one.low < one.high
	}
	return write(parts, random, func(i int) int { return parts[i].high }), choice
}

// misses are texts that a pattern only just refuses: sized has one character too few or too many, strange one that is
// next to those of its class.
func misses(pattern string, random *rand.Rand) (sized, strange []string) {
	parts := partsOf(pattern)
	common := func(parts []part, change map[int]int) string {
		return write(parts, random, func(i int) int {
			if n, changed := change[i]; changed {
				return n
			}
			return parts[i].clamped(usual)
		})
	}
	for i, one := range parts {
		sized = append(sized, common(parts, map[int]int{i: one.low - 1}))
		if one.high >= 0 {
			sized = append(sized, common(parts, map[int]int{i: one.high + 1}))
		}
		for at, edge := range one.class {
			next := edge - 1
			if at%2 == 1 {
				next = edge + 1
			}
			if next < 0 || !utf8.ValidRune(next) {
				continue
			}
			n := max(1, one.clamped(usual))
			outside := slices.Concat(parts[:i], []part{one, {[]rune{next, next}, 1, 1}, one}, parts[i+1:])
			strange = append(strange, common(outside, map[int]int{i: n / 2, i + 2: n - n/2 - 1}))
		}
	}
	described, err := regexp.Compile(pattern)
	taken := func(text string) bool { return err != nil || described.MatchString(text) }
	return slices.DeleteFunc(sized, taken), slices.DeleteFunc(strange, taken)
}
