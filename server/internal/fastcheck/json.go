package fastcheck

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// acceptsJSON leaves what is written with escapes to kin-openapi.
func (s *schema) acceptsJSON(text string) bool {
	rest := spec.Scan(text)
	return strings.IndexByte(text, '\\') < 0 && s.accepts(&rest) && rest.End()
}

// accepts reads a value.
func (s *schema) accepts(rest *spec.Scanner) bool {
	switch s.kind {
	case openapi3.TypeString:
		if rest.Next() != '"' {
			return false
		}
		text, ok := rest.Text()
		return ok && s.acceptsText(text)
	case openapi3.TypeInteger:
		return s.acceptsInteger(rest.Word())
	case openapi3.TypeNumber:
		return false
	case openapi3.TypeBoolean:
		word := rest.Word()
		return word == "true" || word == "false"
	case openapi3.TypeArray:
		return rest.Next() == '[' && s.acceptsItems(rest)
	default:
		return rest.Next() == '{' && s.acceptsMembers(rest)
	}
}

func (s *schema) acceptsItems(rest *spec.Scanner) bool {
	for range rest.Within('[') {
		if !s.items.accepts(rest) {
			return false
		}
	}
	return true
}

func (s *schema) acceptsMembers(rest *spec.Scanner) bool {
	var seen uint64
	for name := range rest.Within('{') {
		i := slices.IndexFunc(s.properties, func(p property) bool { return p.name == name })
		if i < 0 || seen&(1<<i) != 0 || !s.properties[i].value.accepts(rest) { // which of two counts is not for this to say
			return false
		}
		seen |= 1 << i
	}
	return seen&s.required == s.required
}
