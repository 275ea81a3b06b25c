package contract

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// defect is what keeps text from being strict JSON.
type defect struct{ rule, pointer, expected string }

// lenient takes what strict goes on to find. [api.DecodeJSON] has the same rules, but ends at the first defect;
// the kit tells all of them, and what the schema says of the value besides.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// strict reads text as one JSON value and nothing else: no key stands twice, nothing follows the value, and all
// of it is UTF-8, without half of a surrogate pair. The value is what could be read; ok is false where that is
// nothing. Of a key that stands twice the last value counts, as almost everywhere. fractions are the places of numbers
// that are written with a fraction or an exponent.
func strict(text []byte) (value any, ok bool, defects []defect, fractions map[string]bool) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(text), lenient...) // of a Buffer it makes no copy
	body, err := decoder.ReadValue()
	ok = err == nil && json.Unmarshal(body, &value) == nil // encoding/json: the other one merges what stands twice
	if !utf8.Valid(text) || ok && !body.IsValid(jsontext.AllowDuplicateNames(true)) {
		defects = append(defects, defect{ruleUTF8, "", "valid UTF-8"})
	}
	twice, fractions := scan(text)
	if defects = append(defects, twice...); !ok {
		return nil, false, append(defects, defect{ruleSyntax, "", "one JSON value"}), nil
	}
	if rest := bytes.Trim(text[decoder.InputOffset():], " \t\r\n"); len(rest) > 0 {
		defects = append(defects, defect{ruleTrailing, "", "nothing after the JSON value"})
	}
	return value, true, defects, fractions
}

// scan finds the keys that stand twice, and the numbers with a fraction or an exponent, up to where the text is no JSON.
func scan(text []byte) (defects []defect, fractions map[string]bool) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(text), lenient...)
	seen, fractions := map[jsontext.Pointer]bool{}, map[string]bool{}
	for {
		token, err := decoder.ReadToken()
		if err != nil || decoder.StackDepth() == 0 {
			return defects, fractions
		}
		if token.Kind() == jsontext.KindNumber && strings.ContainsAny(token.String(), ".eE") {
			fractions[string(decoder.StackPointer())] = true
		}
		if kind, length := decoder.StackIndex(decoder.StackDepth()); kind != jsontext.KindBeginObject || length%2 == 0 {
			continue // that was no key
		}
		pointer := decoder.StackPointer()
		if !seen[pointer] {
			seen[pointer] = true
			continue
		}
		defects = append(defects, defect{ruleDuplicate, string(pointer), "this key once"})
		if decoder.SkipValue() != nil { // what is below would be found twice, too
			return defects, fractions
		}
	}
}

// escape writes a name as a part of a JSON pointer.
func escape(name string) string { return escapes.Replace(name) }

var escapes = strings.NewReplacer("~", "~0", "/", "~1")
