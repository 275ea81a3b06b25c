package spec

import (
	"encoding/json"
	"strings"
)

// value is a value of a text in JSON that was found to be valid; of another, anything may be read. It is
// read without being decoded, which takes ten times as long: the rules look at few values of a response.
// The empty one is not there.
type value string

// members are those of an object, one after the other; nothing else has any.
type members struct {
	name string
	value
	rest value
}

func (v value) members() members {
	if !v.begins('{') {
		return members{}
	}
	return members{rest: v[1:]}
}

func (m *members) next() bool {
	if m.rest = m.rest.skip(); m.rest == "" || m.rest.begins('}') {
		return false
	}
	name, after := m.rest.cut()
	m.name = name.text()
	m.value, m.rest = after.skip().cut()
	return true
}

func (v value) member(name string) value {
	for m := v.members(); m.next(); {
		if m.name == name {
			return m.value
		}
	}
	return ""
}

// items are those of a list; nothing else has any.
func (v value) items() (all []value) {
	if !v.begins('[') {
		return nil
	}
	var item value
	for rest := v[1:].skip(); rest != "" && !rest.begins(']'); rest = rest.skip() {
		item, rest = rest.cut()
		all = append(all, item)
	}
	return all
}

func (v value) isText() bool { return v.begins('"') && len(v) > 1 }

// text is a string's; nothing else has any.
func (v value) text() string {
	switch {
	case !v.isText():
		return ""
	case strings.IndexByte(string(v), '\\') >= 0:
		return v.unescaped()
	default:
		return string(v[1 : len(v)-1])
	}
}

func (v value) unescaped() (text string) {
	_ = json.Unmarshal([]byte(v), &text) // it is valid
	return text
}

func (v value) begins(with byte) bool { return v != "" && v[0] == with }

// skip takes off what may stand between values.
func (v value) skip() value {
	for i := range len(v) {
		switch v[i] {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return v[i:]
		}
	}
	return ""
}

// cut takes the first value off.
func (v value) cut() (first, rest value) {
	end := 0
	for depth := 0; end < len(v); {
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
			if depth == 0 {
				end = v.wordEnd()
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
		quote := strings.IndexByte(string(v[i:]), '"')
		if quote < 0 {
			break
		}
		i += quote
		escapes := 0
		for v[i-1-escapes] == '\\' { // ends at the first quote
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
	return len(v)
}

// wordEnd is behind the number, true, false or null that it begins with.
func (v value) wordEnd() int {
	if end := strings.IndexAny(string(v), " \t\r\n,]}"); end >= 0 {
		return end
	}
	return len(v)
}
