package spec

import (
	"encoding/json"
	"iter"
	"strings"
)

// Scanner reads a text in JSON, value by value, without decoding it: that takes ten times as long. Each method
// skips space first and then reads what it is for. A copy is a bookmark.
type Scanner struct {
	text string
	at   int
	bad  bool // the text is not JSON; it is at its end then
}

// Scan begins with a text.
func Scan(text string) Scanner { return Scanner{text: text} }

// Next is the character that the next value begins with; 0 at the end.
func (s *Scanner) Next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch b := s.text[s.at]; b {
		case ' ', '\n', '\t', '\r':
		default:
			return b
		}
	}
	return 0
}

// End tells whether the text ends here, and was JSON. Nobody looked at words and escapes, and at what was skipped.
func (s *Scanner) End() bool { return s.Next() == 0 && s.at == len(s.text) && !s.bad }

// Within reads an object, where open is {, or an array, where it is [. Who asks must read the value of each member
// or the item. Another value has none, and is skipped.
func (s *Scanner) Within(open byte) iter.Seq[string] {
	return func(yield func(name string) bool) {
		if s.Next() != open {
			s.Skip()
			return
		}
		end := open + 2 // of both
		s.at++
		if s.mark(end) {
			return
		}
		for ok := true; ok; ok = s.mark(',') {
			name := ""
			if open == '{' {
				if name, ok = s.Text(); !ok || !s.mark(':') {
					break
				}
			}
			if !yield(name) {
				break
			}
			if s.mark(end) {
				return
			}
		}
		s.fail()
	}
}

// Text reads a string. Another value is skipped, and not ok.
func (s *Scanner) Text() (text string, ok bool) {
	if s.Next() != '"' {
		s.Skip()
		return "", false
	}
	from, escaped := s.at+1, false
	for i := from; i < len(s.text); i++ {
		switch b := s.text[i]; {
		case verbatim[b]:
		case b == '\\':
			escaped = true
			i++
		case b == '"':
			s.at = i + 1
			if escaped {
				return unescaped(s.text[from-1 : s.at]), true
			}
			return s.text[from:i], true
		default:
			s.fail()
			return "", false
		}
	}
	s.fail()
	return "", false
}

// verbatim are the bytes that stand in a string as they are.
var verbatim = func() (are [256]bool) {
	for b := range are {
		are[b] = b >= ' ' && b != '"' && b != '\\'
	}
	return are
}()

func unescaped(quoted string) (text string) {
	_ = json.Unmarshal([]byte(quoted), &text)
	return text
}

// Word reads a number, true, false or null, or what stands in place of one.
func (s *Scanner) Word() string {
	s.Next()
	from := s.at
	for s.at < len(s.text) && strings.IndexByte(" \n\t\r,:[]{}\"", s.text[s.at]) < 0 {
		s.at++
	}
	if s.at == from {
		s.fail()
	}
	return s.text[from:s.at]
}

// Skip reads a value of any kind, however deep, and is not strict about what is in it.
func (s *Scanner) Skip() {
	depth := 0
	for more := true; more; more = depth > 0 && !s.bad {
		switch s.Next() {
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':':
			s.at++
		case '"':
			s.Text()
		default:
			s.Word()
		}
	}
}

// member begins with the value of the first member of the name; where there is none, with nothing.
func (s Scanner) member(name string) Scanner {
	for found := range s.Within('{') {
		if found == name {
			return s
		}
		s.Skip()
	}
	return Scanner{}
}

// textOf is a member's, if that is a string.
func (s Scanner) textOf(name string) (text string, ok bool) {
	s = s.member(name)
	return s.Text()
}

// items are an array's; another value has none.
func (s Scanner) items() iter.Seq2[int, Scanner] {
	return func(yield func(int, Scanner) bool) {
		if s.Next() != '[' {
			return
		}
		i := 0
		for range s.Within('[') {
			if !yield(i, s) {
				return
			}
			s.Skip()
			i++
		}
	}
}

// filled tells of an array that something is in it.
func (s Scanner) filled() bool { return s.mark('[') && s.Next() != ']' }

func (s *Scanner) mark(b byte) bool {
	if s.Next() != b {
		return false
	}
	s.at++
	return true
}

func (s *Scanner) fail() { s.at, s.bad = len(s.text), true }
