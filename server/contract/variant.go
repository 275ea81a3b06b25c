package contract

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// variant is a value in the place of one that a schema takes: one that it refuses, or one at a bound that it takes.
type variant struct {
	name   string // of the schema's keyword, such as maxLength+1
	inside bool
	make   func(random *rand.Rand, old any) any
}

// strangeOfOne is with how many characters that a pattern doesn't take it is tried. The seed says which.
const strangeOfOne = 3

// fixed is for what doesn't depend on the seed: how many variants there are.
func fixed() *rand.Rand { return rand.New(rand.NewPCG(0, 0)) } //nolint:gosec // nothing secret

// variants are those at the bounds of a schema.
func variants(schema *openapi3.Schema) []variant {
	var all []variant
	add := func(name string, inside bool, make func(random *rand.Rand, old any) any) {
		all = append(all, variant{name, inside, make})
	}
	sized := func(name string, least uint64, most *uint64, make func(n int) func(*rand.Rand, any) any) {
		if least > 0 {
			add("min"+name, true, make(int(least)))
			add("min"+name+"-1", false, make(int(least)-1))
		}
		if most != nil {
			add("max"+name, true, make(int(*most)))
			add("max"+name+"+1", false, make(int(*most)+1))
		}
	}
	switch {
	case schema.Type.Is(openapi3.TypeString):
		sized("Length", schema.MinLength, schema.MaxLength, func(n int) func(*rand.Rand, any) any {
			return func(random *rand.Rand, _ any) any { return letters(schema, random, n) }
		})
		sized, strange := misses(schema.Pattern, fixed())
		for i := range sized {
			add(fmt.Sprintf("pattern, length %d", i+1), false, func(random *rand.Rand, _ any) any {
				sized, _ := misses(schema.Pattern, random)
				return sized[i]
			})
		}
		for i := range min(strangeOfOne, len(strange)) {
			add(fmt.Sprintf("pattern, character %d", i+1), false, func(random *rand.Rand, _ any) any {
				_, strange := misses(schema.Pattern, random)
				return strange[i+strangeOfOne*random.IntN((len(strange)-i+strangeOfOne-1)/strangeOfOne)]
			})
		}
		if schema.Format == "" {
			if _, bounded := longest(schema.Pattern, fixed()); bounded {
				add("pattern", true, func(random *rand.Rand, _ any) any {
					text, _ := longest(schema.Pattern, random)
					return text
				})
			}
		}
	case schema.Type.Is(openapi3.TypeInteger), schema.Type.Is(openapi3.TypeNumber):
		number := func(n float64) func(*rand.Rand, any) any { return func(*rand.Rand, any) any { return n } }
		if schema.Min != nil {
			add("minimum", true, number(*schema.Min))
			add("minimum-1", false, number(*schema.Min-1))
		}
		if schema.Max != nil {
			add("maximum", true, number(*schema.Max))
			add("maximum+1", false, number(*schema.Max+1))
		}
	case schema.Type.Is(openapi3.TypeArray):
		sized("Items", schema.MinItems, schema.MaxItems, func(n int) func(*rand.Rand, any) any {
			return func(_ *rand.Rand, old any) any {
				items, _ := old.([]any)
				return slices.Repeat(items[:min(1, len(items))], n)
			}
		})
	case schema.MaxProps != nil:
		sized("Properties", 0, schema.MaxProps, func(n int) func(*rand.Rand, any) any {
			return func(random *rand.Rand, old any) any {
				object, _ := old.(map[string]any)
				object = maps.Clone(object)
				for len(object) < n {
					object[name(random)] = "contract"
				}
				return object
			}
		})
	}
	if len(schema.Enum) > 0 {
		add("enum", false, func(random *rand.Rand, _ any) any {
			known := fmt.Sprint(schema.Enum[random.IntN(len(schema.Enum))])
			return []string{known + "x", strings.ToUpper(known) + "_"}[random.IntN(2)]
		})
	}
	return all
}

// letters is a text of n characters, more than ASCII where it may have them.
func letters(schema *openapi3.Schema, random *rand.Rand, n int) string {
	if schema.Format == "email" && n >= 3 {
		return address(random, n)
	}
	text := make([]rune, n)
	for i := range text {
		text[i] = 'a' + rune(random.IntN(26))
	}
	if n == 0 {
		return ""
	}
	ascii := string(text)
	text[n/2] = 'é'
	if described, err := regexp.Compile(schema.Pattern); err == nil && described.MatchString(string(text)) {
		return string(text)
	}
	return ascii
}

// address is an e-mail address of n characters, in which no part is longer than such parts may be.
func address(random *rand.Rand, n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'a' + byte(random.IntN(26))
	}
	at := min(64, n-2)
	text[at] = '@'
	for i := at + 32; i < n-1; i += 32 {
		text[i] = '.'
	}
	return string(text)
}

// name is one that no specification has.
func name(random *rand.Rand) string { return fmt.Sprintf("contract_%08x", random.Uint32()) }

// mistyped are values of other types than the schema's. The text of a number and the number of a text are the ones that a
// server is most likely to take.
func mistyped(schema *openapi3.Schema) []variant {
	value := func(name string, value any) variant {
		return variant{name: name, make: func(*rand.Rand, any) any { return value }}
	}
	all := []variant{}
	if !schema.Nullable {
		all = append(all, value("null", nil))
	}
	switch {
	case schema.Type.Is(openapi3.TypeString):
		all = append(all, value("number", 1984))
	case schema.Type.Is(openapi3.TypeBoolean):
		all = append(all, value("text", "true"), value("number", 1))
	case schema.Type.Is(openapi3.TypeInteger):
		all = append(all, value("fraction", 54.5), variant{name: "text", make: func(_ *rand.Rand, old any) any { return fmt.Sprint(old) }})
	case schema.Type.Is(openapi3.TypeObject):
		all = append(all, value("text", "contract"), variant{name: "list of it", make: func(_ *rand.Rand, old any) any { return []any{old} }})
		return all
	}
	return append(all, variant{name: "another", make: func(random *rand.Rand, old any) any {
		return []any{[]any{old}, []any{}, map[string]any{"value": old}}[random.IntN(3)]
	}})
}
