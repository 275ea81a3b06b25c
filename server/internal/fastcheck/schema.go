package fastcheck

import (
	"math"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// schema checks a value. What it is of depends on its kind, one of the types of the specification.
type schema struct {
	kind string

	shortest, longest int            // of a string, in characters
	characters        *[ascii]bool   // of ASCII, all that a string may have; nil is any
	pattern           *regexp.Regexp // of what characters doesn't decide
	timestamp         bool           // package regexp takes half a microsecond for one
	enum              []string

	least, most float64 // of an integer

	items *schema // of an array

	properties []property // of an object
	required   uint64     // a bit for each property
}

type property struct {
	name  string
	value *schema
}

const ascii = utf8.RuneSelf

// newSchema returns nil for what it doesn't know, and so for a schema that is part of itself: one of
// those above it.
func newSchema(ref *openapi3.SchemaRef, above []*openapi3.Schema) *schema {
	if ref == nil || ref.Value == nil || ref.Value.Type == nil || slices.Contains(above, ref.Value) {
		return nil
	}
	described, above := ref.Value, append(above, ref.Value)
	rest := *described // what is left of it is not known
	rest.Type = nil
	rest.Title, rest.Description, rest.Example, rest.Deprecated, rest.Extensions, rest.Origin = "", "", nil, false, nil, nil
	rest.Nullable = false // null is not accepted here
	s, known := &schema{}, false
	switch {
	case described.Type.Is(openapi3.TypeString):
		rest.MinLength, rest.MaxLength, rest.Pattern, rest.Enum, rest.Format = 0, nil, "", nil, ""
		known = s.readString(described)
	case described.Type.Is(openapi3.TypeInteger):
		rest.Min, rest.Max, rest.Format = nil, nil, ""
		known = s.readInteger(described)
	case described.Type.Is(openapi3.TypeNumber):
		rest.Min, rest.Max, rest.Format = nil, nil, ""
		known = true // none is accepted here, and a field that is absent is
	case described.Type.Is(openapi3.TypeBoolean):
		known = true
	case described.Type.Is(openapi3.TypeArray):
		rest.Items = nil
		s.items = newSchema(described.Items, above)
		known = s.items != nil
	case described.Type.Is(openapi3.TypeObject):
		rest.Properties, rest.Required = nil, nil
		rest.AdditionalProperties.Has = nil // open or closed: no other property is accepted here
		known = s.readObject(described, above)
	}
	if !known || !reflect.ValueOf(rest).IsZero() {
		return nil
	}
	s.kind = (*described.Type)[0]
	s.timestamp = strings.HasSuffix(ref.Ref, "/Timestamp")
	return s
}

func (s *schema) readString(described *openapi3.Schema) bool {
	s.shortest, s.longest = int(min(described.MinLength, math.MaxInt32)), math.MaxInt32
	if described.MaxLength != nil {
		s.longest = int(min(*described.MaxLength, math.MaxInt32))
	}
	for _, value := range described.Enum {
		text, ok := value.(string)
		if !ok {
			return false
		}
		s.enum = append(s.enum, text)
	}
	if described.Format != "" {
		s.longest = -1 // no text is accepted here, and a field that is absent is
	}
	if described.Pattern == "" || s.readRun(described.Pattern) == onlyASCII {
		return true
	}
	var err error
	s.pattern, err = regexp.Compile(described.Pattern)
	return err == nil && !strings.Contains(described.Pattern, `\u`) // which kin-openapi rewrites
}

// What a pattern is to [schema.readRun].
const (
	noRun     = iota
	someASCII // a run that may have more
	onlyASCII
)

// readRun reads a pattern that is no more than a number of characters out of a set, as in
// ^[a-z]{1,9}$. Ids and texts are of this kind, and package regexp takes a microsecond for each. What of it is
// beyond ASCII is for package regexp.
func (s *schema) readRun(pattern string) int {
	parsed, err := syntax.Parse(pattern, syntax.Perl) // as package regexp does
	if err != nil || parsed.Op != syntax.OpConcat || len(parsed.Sub) != 3 ||
		parsed.Sub[0].Op != syntax.OpBeginText || parsed.Sub[2].Op != syntax.OpEndText {
		return noRun
	}
	run := parsed.Sub[1]
	shortest, longest := 1, -1
	switch run.Op {
	case syntax.OpStar:
		shortest = 0
	case syntax.OpPlus:
	case syntax.OpRepeat:
		shortest, longest = run.Min, run.Max
	default:
		return noRun
	}
	set := run.Sub[0]
	if set.Op != syntax.OpCharClass || len(set.Rune) == 0 {
		return noRun
	}
	s.characters = new([ascii]bool)
	for i := 0; i < len(set.Rune); i += 2 {
		for r := set.Rune[i]; r <= min(set.Rune[i+1], ascii-1); r++ {
			s.characters[r] = true
		}
	}
	s.shortest = max(s.shortest, shortest)
	if longest >= 0 {
		s.longest = min(s.longest, longest)
	}
	if set.Rune[len(set.Rune)-1] >= ascii {
		return someASCII
	}
	return onlyASCII
}

func (s *schema) readInteger(described *openapi3.Schema) bool {
	s.least, s.most = math.Inf(-1), math.Inf(1)
	switch described.Format {
	case "", "int64": // longestInteger is far within
	case "int32":
		s.least, s.most = math.MinInt32, math.MaxInt32
	default:
		return false
	}
	if described.Min != nil {
		s.least = max(s.least, *described.Min)
	}
	if described.Max != nil {
		s.most = min(s.most, *described.Max)
	}
	return true
}

func (s *schema) readObject(described *openapi3.Schema, above []*openapi3.Schema) bool {
	if len(described.Properties) == 0 || len(described.Properties) > 64 {
		return false
	}
	for name, ref := range described.Properties {
		value := newSchema(ref, above)
		if value == nil {
			return false
		}
		if slices.Contains(described.Required, name) {
			s.required |= 1 << len(s.properties)
		}
		s.properties = append(s.properties, property{name, value})
	}
	return !slices.ContainsFunc(described.Required, func(name string) bool { return described.Properties[name] == nil })
}

// acceptsText is for a string or an integer that is written as it is.
func (s *schema) acceptsText(text string) bool {
	if s.kind == openapi3.TypeInteger {
		return s.acceptsInteger(text)
	}
	plain := 0 // characters at the begin that surely may stand there
	for plain < len(text) && text[plain] < ascii && (s.characters == nil || s.characters[text[plain]]) {
		plain++
	}
	if length := plain + utf8.RuneCountInString(text[plain:]); length < s.shortest || length > s.longest {
		return false
	}
	run := s.characters != nil && plain == len(text)
	if !run && (s.pattern == nil && s.characters != nil || !utf8.ValidString(text[plain:])) {
		return false
	}
	return (run || s.pattern == nil || s.timestamp && spec.OwnForm(text) || s.pattern.MatchString(text)) && (s.enum == nil || slices.Contains(s.enum, text))
}

// longestInteger is how many digits a float64 surely has room for.
const longestInteger = 15

func (s *schema) acceptsInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > longestInteger || digits[0] == '0' && text != "0" || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	number, err := strconv.ParseInt(text, 10, 64)
	return err == nil && float64(number) >= s.least && float64(number) <= s.most
}
