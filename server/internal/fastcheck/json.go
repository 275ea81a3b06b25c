package fastcheck

import (
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

func (s *schema) acceptsJSON(text string) bool {
	rest := scanner{text: text}
	return s.accepts(&rest) && rest.end()
}

// accepts takes a value off the text.
func (s *schema) accepts(rest *scanner) bool {
	switch s.kind {
	case openapi3.TypeString:
		value, ok := rest.string()
		return ok && s.acceptsText(value)
	case openapi3.TypeInteger:
		return s.acceptsInteger(rest.number())
	case openapi3.TypeBoolean:
		return rest.literal("true") || rest.literal("false")
	case openapi3.TypeArray:
		return s.acceptsArray(rest)
	default:
		return s.acceptsObject(rest)
	}
}

func (s *schema) acceptsArray(rest *scanner) bool {
	if !rest.mark('[') {
		return false
	}
	if rest.mark(']') {
		return true
	}
	for s.items.accepts(rest) {
		if rest.mark(']') {
			return true
		}
		if !rest.mark(',') {
			return false
		}
	}
	return false
}

func (s *schema) acceptsObject(rest *scanner) bool {
	if !rest.mark('{') {
		return false
	}
	if rest.mark('}') {
		return s.required == 0
	}
	var seen uint64
	for {
		name, ok := rest.string()
		i := s.property(name)
		if !ok || i < 0 || seen&(1<<i) != 0 { // which of two counts is not for this to say
			return false
		}
		seen |= 1 << i
		if !rest.mark(':') || !s.properties[i].value.accepts(rest) {
			return false
		}
		if rest.mark('}') {
			return seen&s.required == s.required
		}
		if !rest.mark(',') {
			return false
		}
	}
}

// property returns the index of a property, or -1.
func (s *schema) property(name string) int {
	for i := range s.properties {
		if s.properties[i].name == name {
			return i
		}
	}
	return -1
}

// scanner reads a text in JSON. Each method skips space, and moves on only if it finds what it is for.
type scanner struct {
	text string
	at   int
}

func (r *scanner) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\n', '\t', '\r':
			r.at++
		default:
			return
		}
	}
}

func (r *scanner) end() bool {
	r.space()
	return r.at == len(r.text)
}

func (r *scanner) mark(b byte) bool {
	r.space()
	if r.at == len(r.text) || r.text[r.at] != b {
		return false
	}
	r.at++
	return true
}

func (r *scanner) literal(word string) bool {
	r.space()
	if !strings.HasPrefix(r.text[r.at:], word) {
		return false
	}
	r.at += len(word)
	return true
}

// string finds only a string that stands there as it is: without escapes.
func (r *scanner) string() (value string, ok bool) {
	if !r.mark('"') {
		return "", false
	}
	rest := r.text[r.at:]
	for i := range len(rest) {
		if b := rest[i]; !verbatim[b] {
			r.at += i + 1
			return rest[:i], b == '"'
		}
	}
	return "", false
}

// verbatim are the bytes that stand in a string as they are.
var verbatim = func() (are [256]bool) {
	for b := range are {
		are[b] = b >= ' ' && b != '"' && b != '\\'
	}
	return are
}()

// number finds what may be an integer. A fraction or an exponent stays, and is none of what may follow.
func (r *scanner) number() string {
	r.space()
	rest := r.text[r.at:]
	after := strings.TrimLeft(rest, "-0123456789")
	r.at = len(r.text) - len(after)
	return rest[:len(rest)-len(after)]
}
