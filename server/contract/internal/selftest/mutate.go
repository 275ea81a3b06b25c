package selftest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// described is the specification as it is known today, without room for new values.
var described = sync.OnceValue(func() *openapi3.T {
	doc, err := spec.GetSpec()
	if err != nil {
		panic(err) // it is embedded
	}
	return doc
})

// operationOf is what a call leads to; nil if that is no operation.
func operationOf(id string) *openapi3.Operation {
	for _, item := range described().Paths.Map() {
		for _, op := range item.Operations() {
			if op.OperationID == id {
				return op
			}
		}
	}
	return nil
}

// answer is a response of the right service within a case, and what was asked.
type answer struct {
	asked about
	response
}

// schema describes the body; nil where there is none.
func (a answer) schema() *openapi3.SchemaRef {
	if op := operationOf(a.asked.operation); op != nil {
		if r := op.Responses.Status(a.status); r != nil && r.Value.Content["application/json"] != nil {
			return r.Value.Content["application/json"].Schema
		}
	}
	if a.status >= 400 {
		return &openapi3.SchemaRef{Ref: "#/components/schemas/Error", Value: described().Components.Schemas["Error"].Value}
	}
	return nil
}

func component(ref *openapi3.SchemaRef) string {
	return strings.TrimPrefix(ref.Ref, "#/components/schemas/")
}

// mutation makes a right answer wrong, by one change at one place.
type mutation struct {
	// kind is what is done, and place where: a pointer with * for the items of lists, "header" and a name, or "status".
	kind, place string
	// to is what is put there, where that can be several things.
	to string
	// optional tells that the place is a field that may be absent.
	optional bool
	// of is the id of the client or the request that the place is of, as it is written; empty for none.
	of string
	// change returns the answer in place of the last one. Those before it are the case's, of the right service too.
	change func(answers []answer) response
}

// body is a mutation that edits the body as a tree: the i-th of what parent has.
func (m mutation) body(path []int, edit func(parent *tree, i int)) mutation {
	m.change = func(answers []answer) response {
		right := answers[len(answers)-1].response
		root := parsed(right.body)
		if root == nil {
			return right
		}
		all := &tree{kind: '[', below: []*tree{root}}
		way := append([]int{0}, path...)
		parent, i := all.at(way[:len(way)-1]), way[len(way)-1]
		if parent == nil || i >= len(parent.below) {
			return right
		}
		edit(parent, i)
		text := all.String()
		after := right.body[len(strings.TrimRight(right.body, "\n")):]
		return says(right, text[1:len(text)-1]+after)
	}
	return m
}

// alone is a mutation that needs no other answer than the right one.
func (m mutation) alone(change func(right response) response) mutation {
	m.change = func(answers []answer) response { return change(answers[len(answers)-1].response) }
	return m
}

// mutations are all of the last of these answers.
func mutations(answers []answer) []mutation {
	last := answers[len(answers)-1]
	all := slices.Concat(statuses(last), headers(last), texts(last), earlier(answers))
	if root := parsed(last.body); root != nil {
		spot{tree: root, schema: last.schema()}.walk(func(s spot) { all = append(all, s.mutations(answers)...) })
	}
	return all
}

// spot is a value within a body.
type spot struct {
	*tree
	schema   *openapi3.SchemaRef // nil where it isn't described
	path     []int
	place    string
	required bool
	field    string // its name; empty for an item and the whole
	beside   bool   // the next field has a value of the same type
	of       string // the id of the client or the request that it is of
}

// walk visits a value and all below it.
func (s spot) walk(visit func(spot)) {
	if i := slices.Index(s.names, `"id"`); i >= 0 && s.schema != nil && oneOf(component(s.schema), "Client", "Product") {
		s.of = s.below[i].text
	}
	visit(s)
	for i, child := range s.below {
		next := spot{tree: child, path: append(slices.Clone(s.path), i), field: s.name(i), of: s.of}
		if next.place = s.place + "/*"; s.kind == '{' {
			next.place = s.place + "/" + next.field
		}
		next.beside = i+1 < len(s.below) && s.below[i+1].kind == child.kind
		if s.schema != nil {
			if next.schema = s.schema.Value.Items; s.kind == '{' {
				next.schema = s.schema.Value.Properties[next.field]
			}
			next.required = slices.Contains(s.schema.Value.Required, next.field)
		}
		next.walk(visit)
	}
}

// mutations are those of one value.
func (s spot) mutations(answers []answer) []mutation {
	var all []mutation
	edit := func(kind, to string, change func(parent *tree, i int)) {
		all = append(all, mutation{kind: kind, place: s.place, to: to, optional: s.field != "" && !s.required, of: s.of}.body(s.path, change))
	}
	put := func(kind, text string) {
		edit(kind, text, func(parent *tree, i int) { parent.below[i] = &tree{kind: '"', text: text} })
	}
	write := func(kind string, text func(old string) string) {
		edit(kind, "", func(parent *tree, i int) { parent.below[i] = &tree{kind: '"', text: text(parent.below[i].String())} })
	}
	drop := func(parent *tree, i int) { parent.without(i) }
	repeat := func(parent *tree, i int) {
		parent.below = slices.Insert(parent.below, i, parent.below[i])
		if parent.kind == '{' {
			parent.names = slices.Insert(parent.names, i, parent.names[i])
		}
	}
	switch {
	case s.field != "":
		edit("field dropped", "", drop)
		edit("field twice", "", repeat)
		edit("field renamed", "", func(parent *tree, i int) { parent.names[i] = strings.ToUpper(parent.names[i]) })
		if s.beside {
			edit("value of the next field", "", func(parent *tree, i int) { parent.below[i] = parent.below[i+1] })
		}
	case s.place != "":
		edit("item dropped", "", drop)
		edit("item twice", "", repeat)
	}
	put("null", "null")
	switch s.kind {
	case '{':
		edit("unknown field", "", func(parent *tree, i int) { parent.below[i].add("contract_field", `"x"`) })
		write("retyped", func(old string) string { return "[" + old + "]" })
		put("retyped", `"x"`)
	case '[':
		put("retyped", "{}")
		put("retyped", `"x"`)
		if len(s.below) > 0 {
			edit("list emptied", "", func(parent *tree, i int) { parent.below[i].below = nil })
		}
		if len(s.below) > 1 {
			edit("list reversed", "", func(parent *tree, i int) { slices.Reverse(parent.below[i].below) })
		}
	case '"':
		put("retyped", "7")
		write("retyped", func(old string) string { return "[" + old + "]" })
		put("text emptied", `""`)
		all = append(all, s.texts(answers)...)
	case '0':
		write("retyped", strconv.Quote)
		write("value altered", func(old string) string { n, _ := strconv.Atoi(old); return strconv.Itoa(n + 1) })
		put("value altered", "0")
	default:
		write("retyped", strconv.Quote)
		put("value altered", map[string]string{"true": "false", "false": "true"}[s.text])
	}
	return all
}

// texts are other texts in place of one.
func (s spot) texts(answers []answer) []mutation {
	var all []mutation
	write := func(kind, to string, text func(old string) string) {
		all = append(all, mutation{kind: kind, place: s.place, to: to, of: s.of}.body(s.path, func(parent *tree, i int) {
			parent.below[i] = &tree{kind: '"', text: strconv.Quote(text(strings.Trim(parent.below[i].text, `"`)))}
		}))
	}
	put := func(kind, text string) { write(kind, text, func(string) string { return text }) }
	var kind string
	if s.schema != nil {
		kind = component(s.schema)
	}
	switch {
	case s.schema != nil && len(s.schema.Value.Enum) > 0:
		for _, value := range s.schema.Value.Enum {
			if text := fmt.Sprint(value); strconv.Quote(text) != s.text {
				put("another value of the enumeration", text)
			}
		}
		put("value of no enumeration", "zorbulon")
		return all
	case kind == "Timestamp":
		write("moment moved", "by a second", func(old string) string { return replaceLast(old, "0123456789", "1234567890") })
		write("moment moved", "to the day before", func(old string) string { return old[:8] + "14" + old[10:] })
		write("moment moved", "a year on", func(old string) string { return replaceLast(old[:4], "0123456789", "1234567890") + old[4:] })
		put("pattern broken", "2026-04-15")
		put("moment that never was", "2026-02-30T10:30:00")
		return all
	case kind == "Id":
		put("id swapped", "another")
		for _, id := range known(answers) {
			if strconv.Quote(id) != s.text {
				put("id swapped", id)
			}
		}
	case kind == "TraceId":
		write("value altered", "", func(old string) string { return replaceLast(old, "0123456789abcdef", "123456789abcdef0") })
	default:
		write("value altered", "", func(old string) string {
			return replaceLast(old, letters, nextLetters)
		})
	}
	if s.schema != nil && s.schema.Value.Pattern != "" {
		put("pattern broken", "!")
	}
	return all
}

const (
	letters     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	nextLetters = "bcdefghijklmnopqrstuvwxyzaBCDEFGHIJKLMNOPQRSTUVWXYZA1234567890"
)

// replaceLast has another letter in place of the last one that is among from.
func replaceLast(text, from, to string) string {
	i := strings.LastIndexAny(text, from)
	if i < 0 {
		return text + "x"
	}
	return text[:i] + string(to[strings.IndexByte(from, text[i])]) + text[i+1:]
}

// known are the ids that were in the paths so far, and those that are there from the start.
func known(answers []answer) []string {
	ids := []string{"client_requested", "requested"}
	for _, a := range answers {
		for _, id := range []string{a.asked.client, a.asked.request} {
			if id != "" && len(id) <= 64 && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// undeclared are statuses that few operations have.
var undeclared = []int{200, 201, 202, 204, 206, 302, 304, 400, 403, 404, 405, 409, 410, 418, 422, 502, 504}

// statuses are mutations of the status alone, and whole errors that the operation has for something else.
func statuses(right answer) []mutation {
	var all []mutation
	declared := map[int]bool{}
	if op := operationOf(right.asked.operation); op != nil {
		for status := range op.Responses.Map() {
			number, _ := strconv.Atoi(status)
			declared[number] = true
			for _, code := range spec.Codes(op, number) {
				if number >= 400 && (number != right.status || code != fieldOf(right.body, "code")) {
					all = append(all, mutation{kind: "another error", place: "status", to: strconv.Itoa(number) + " " + code}.
						alone(func(response) response { return refusal(number, code) }))
				}
			}
		}
	}
	to := func(kind string, status int) {
		all = append(all, mutation{kind: kind, place: "status", to: strconv.Itoa(status)}.alone(func(right response) response {
			right.status = status
			return right
		}))
	}
	for _, status := range slices.Sorted(maps.Keys(declared)) {
		if status != right.status && status != 0 {
			to("declared status", status)
		}
	}
	for _, status := range undeclared {
		if status != right.status && !declared[status] {
			to("undeclared status", status)
		}
	}
	return all
}

// headers are mutations of one header.
func headers(right answer) []mutation {
	var all []mutation
	set := func(kind, name string, values func(old []string) []string) {
		all = append(all, mutation{kind: kind, place: "header " + name}.alone(func(r response) response { return with(r, name, values(r.header[name])...) }))
	}
	for name := range right.header {
		set("header dropped", name, func([]string) []string { return nil })
		set("header repeated", name, func(old []string) []string { return append(slices.Clone(old), old...) })
		set("header altered", name, func(old []string) []string {
			return []string{replaceLast(old[0], "0123456789abcdefghijklmnopqrstuvwxyz", "123456789abcdef0hijklmnopqrstuvwxyzg")}
		})
		set("header emptied", name, func([]string) []string { return []string{""} })
	}
	for _, added := range []struct{ name, value string }{
		{"X-Powered-By", "PHP"}, {"Set-Cookie", "a=b"}, {"Retry-After", "1"}, {"Content-Encoding", "gzip"},
	} {
		if right.header[added.name] == nil {
			set("header added", added.name, func([]string) []string { return []string{added.value} })
		}
	}
	return all
}

// texts are mutations of the body as text.
func texts(right answer) []mutation {
	var all []mutation
	text := func(kind string, change func(string) string) {
		all = append(all, mutation{kind: kind}.alone(func(r response) response { return says(r, change(r.body)) }))
	}
	if right.body == "" {
		text("body where there is none", func(string) string { return "{}" })
		return all
	}
	text("cut in half", func(body string) string { return body[:len(body)/2] })
	text("last brace missing", func(body string) string { return strings.TrimRight(body, "}]\n") })
	text("two values", func(body string) string { return body + body })
	text("two values", func(body string) string { return body + " x" })
	text("no body", func(string) string { return "" })
	text("no JSON", func(string) string { return "<html></html>" })
	text("not UTF-8", func(body string) string { return strings.Replace(body, `":"`, "\":\"\xff", 1) })
	return all
}

// most is how many of the answers before are tried in place of the right one.
const most = 6

// earlier are answers that the case got before: whole, or their body alone as if nothing had happened since.
func earlier(answers []answer) []mutation {
	var all []mutation
	last := len(answers) - 1
	for i := max(0, last-most); i < last; i++ {
		back := last - i
		all = append(all, mutation{kind: "earlier answer", place: "", to: strconv.Itoa(back) + " calls before"}.whole(func(then, _ answer) response {
			return then.response
		}, back))
		if answers[i].schema() != nil && answers[last].schema() != nil && component(answers[i].schema()) == component(answers[last].schema()) && answers[i].status < 300 {
			all = append(all, mutation{kind: "earlier state", place: "", to: strconv.Itoa(back) + " calls before"}.whole(func(then, now answer) response {
				return says(now.response, then.body)
			}, back))
		}
	}
	return all
}

func (m mutation) whole(change func(then, now answer) response, back int) mutation {
	m.change = func(answers []answer) response {
		last := len(answers) - 1
		if last < back {
			return answers[last].response
		}
		return change(answers[last-back], answers[last])
	}
	return m
}

// differs tells whether a mutation changes anything: the state before can be the same as now.
func (m mutation) differs(answers []answer) bool {
	right, wrong := answers[len(answers)-1].response, m.change(answers)
	return right.status != wrong.status || right.body != wrong.body || !maps.EqualFunc(right.header, wrong.header, slices.Equal)
}
