package selftest

import (
	"regexp"
	"slices"
	"strings"
)

// reasons are why a mutant is as right as the service: what the specification leaves open. Each explains mutants that
// nothing was found in; the others are the kit's to catch.
var reasons = []struct {
	says string
	fits func(Mutant) bool
}{
	{"a header that the specification doesn't describe may be there or not, with any value", func(m Mutant) bool {
		name, isHeader := strings.CutPrefix(m.place, "header ")
		return isHeader && !slices.Contains([]string{"X-Trace-Id", "Retry-After", "Content-Type", "Allow", "Content-Encoding"}, name)
	}},
	{"Allow is a list: twice is the same as once", func(m Mutant) bool { return m.place == "header Allow" && m.kind == "header repeated" }},
	{"of no body there is nothing to decode", func(m Mutant) bool { return m.place == "header Content-Encoding" && m.answer().body == "" }},
	{"a call has any trace id that no other has", func(m Mutant) bool {
		return m.place == "header X-Trace-Id" && m.kind == "header altered" && m.answer().status < 300
	}},
	{"how long to wait is the server's to say", func(m Mutant) bool { return m.place == "header Retry-After" && m.kind == "header altered" }},
	{"Retry-After is optional with a 409", func(m Mutant) bool {
		return m.place == "header Retry-After" && m.kind == "header dropped" && m.answer().status == 409
	}},
	{"an error's message is in words that may change", func(m Mutant) bool { return m.place == "/message" && m.altered() }},
	{"what people read is in any words, and why the provider rejects has any code", func(m Mutant) bool {
		return m.altered() && oneOf(m.last(), "name", "description", "reason", "rejection_code", "rejection_description")
	}},
	{"a state before differs in words for people, or in an updated_at that need not move", func(m Mutant) bool {
		return m.kind == "earlier state" && unread(m.wrong().body) == unread(m.answer().body)
	}},
	{"a repeat under an Idempotency-Key is the first response, perhaps with its trace id", func(m Mutant) bool {
		return m.kind == "earlier answer" && len(m.answer().asked.idempotencyKeys) > 0 && m.wrong().body == m.answer().body
	}},
	{"a field that is optional may be absent", func(m Mutant) bool { return m.kind == "field dropped" && m.optional }},
	{"which documents and data a product asks for, and in what order, is not described", func(m Mutant) bool {
		return strings.Contains(m.place, "/missing_requirements/") && (m.altered() || oneOf(m.kind, "another value of the enumeration", "item dropped", "list reversed", "list emptied"))
	}},
	{"when something happened is the server's to say, where no other answer says it", func(m Mutant) bool { return m.kind == "moment moved" && !m.shown() }},
	{"the provider may decide at any time", func(m Mutant) bool {
		return m.last() == "status" && m.kind == "another value of the enumeration" || m.last() == "updated_at" && m.kind == "moment moved"
	}},
	{"clients of nobody knows whom may have been deleted meanwhile", func(m Mutant) bool {
		return (m.kind == "item dropped" && m.place == "/*" || m.kind == "list emptied" && m.place == "") && !m.shown()
	}},
	{"an update that is done twice is the same as one", func(m Mutant) bool { return m.kind == "done twice" && m.answer().asked.operation == "updateClient" }},
	{"an id is any, where no other answer has it", func(m Mutant) bool { return m.last() == "id" && (m.kind == "id swapped" || m.altered()) && !m.shown() }},
}

func oneOf(text string, of ...string) bool { return slices.Contains(of, text) }

// altered tells that the place has another value of its type, which is none of another thing.
func (m Mutant) altered() bool {
	return m.kind == "value altered" || m.kind == "value of the next field"
}

// answer is the right one.
func (m Mutant) answer() answer { return m.right[m.call] }

// last is the name of the field.
func (m Mutant) last() string { return m.place[strings.LastIndex(m.place, "/")+1:] }

// shown tells whether another answer of the case has the client or the request.
func (m Mutant) shown() bool {
	for i, other := range m.right {
		if i != m.call && m.of != "" && strings.Contains(other.body, `"id":`+m.of) {
			return true
		}
	}
	return false
}

// unread is a body without the words that are for people, and without when it was updated.
func unread(body string) string { return words.ReplaceAllString(body, "") }

var words = regexp.MustCompile(`"(reason|updated_at)":"[^"]*"`)

// wrong is what the mutant answered.
func (m Mutant) wrong() response { return m.change(m.right[:m.call+1]) }

// explained is why nothing was found in a mutant; empty if that is the kit's fault.
func explained(m Mutant) string {
	for _, reason := range reasons {
		if reason.fits(m) {
			return reason.says
		}
	}
	return ""
}
