package spec

import (
	"encoding/json"
	"iter"
	"strings"
)

// value is a value of a text in JSON that was found to be valid; of another, anything may be read. It is read without being decoded, which is
// ten times as fast, and the rules look at few values of each response. The empty one is not there.
type value string

const space = " \t\r\n"

// members are those of an object; nothing else has any.
func (v value) members() iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		if !v.begins('{') {
			return
		}
		for rest := v[1:].next(); rest != "" && rest[0] != '}'; {
			name, after := rest.cut()
			member, after := after.next().cut()
			if !yield(name.text(), member) {
				return
			}
			rest = after.next()
		}
	}
}

// items are those of a list; nothing else has any.
func (v value) items() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.begins('[') {
			return
		}
		for rest := v[1:].next(); rest != "" && rest[0] != ']'; {
			item, after := rest.cut()
			if !yield(item) {
				return
			}
			rest = after.next()
		}
	}
}

func (v value) member(name string) value {
	for is, member := range v.members() {
		if is == name {
			return member
		}
	}
	return ""
}

func (v value) isFilled() bool {
	for range v.items() {
		return true
	}
	return false
}

func (v value) isText() bool { return v.begins('"') }

// text is a string's; nothing else has any.
func (v value) text() (text string) {
	if !v.isText() || len(v) < 2 {
		return ""
	}
	if strings.IndexByte(string(v), '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	_ = json.Unmarshal([]byte(v), &text) // it is valid
	return text
}

func (v value) begins(with byte) bool { return v != "" && v[0] == with }

// next skips what may stand between values.
func (v value) next() value { return value(strings.TrimLeft(string(v), space+",:")) }

// cut takes the first value off.
func (v value) cut() (first, rest value) {
	depth, end := 0, 0
	for end < len(v) {
		switch v[end] {
		case '"':
			end = v.quoteEnd(end)
		case '{', '[':
			depth++
			end++
		case '}', ']':
			depth--
			end++
		default:
			if depth == 0 { // a number, or a word
				end = strings.IndexAny(string(v), space+",]}")
				if end < 0 {
					end = len(v)
				}
			} else {
				end++
			}
		}
		if depth == 0 {
			break
		}
	}
	return v[:end], v[end:]
}

// quoteEnd is behind the string that begins at from.
func (v value) quoteEnd(from int) int {
	for i := from + 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(v)
}
