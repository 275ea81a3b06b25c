package selftest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// serving makes a service that does something else than it should, anew for each run.
type serving func(b *bench) func(*http.Request, about) response

// lasting are the kinds of change that a server may make to every answer of an operation without breaking its schema.
var lasting = []string{
	"earlier state", "field dropped", "id swapped", "item dropped", "item twice", "list emptied", "list reversed", "moment moved", "value altered",
	"another value of the enumeration",
}

// servers are mutants that are always wrong: those that change every success of an operation as one of these mutants
// does, and those that take a call for another one, or do not do what they say.
func servers(alike map[string][]Mutant) (all []Mutant) {
	examples := map[string]Mutant{} // by operation
	for _, name := range slices.Sorted(maps.Keys(alike)) {
		m := alike[name][0]
		if m.answer().status >= 300 {
			continue
		}
		examples[m.answer().asked.operation] = m
		if slices.Contains(lasting, m.kind) {
			m.always = true
			all = append(all, m)
		}
	}
	for _, operation := range slices.Sorted(maps.Keys(examples)) {
		for _, what := range misreadings(operation, examples[operation].answer().asked) {
			example := examples[operation]
			example.mutation, example.always, example.serve = mutation{kind: what.kind, place: what.place}, true, what.serving(operation)
			all = append(all, example)
		}
	}
	return all
}

// again is the mutation, made anew of whatever stands at its place in another answer.
func (m Mutant) again(answers []answer) response {
	for _, other := range mutations(answers) {
		if other.kind == m.kind && other.place == m.place && other.to == m.to {
			return other.change(answers)
		}
	}
	return answers[len(answers)-1].response
}

// misreading is what a server makes of every call of an operation.
type misreading struct {
	kind, place string
	serve       func(b *bench, r *http.Request, next func() response) response
	// stale has it served from the state before the last call that may have changed something.
	stale bool
}

func (m misreading) serving(operation string) serving {
	return func(b *bench) func(*http.Request, about) response {
		before := b.service.Keep()
		return func(r *http.Request, a about) response {
			next := func() response { return recorded(b.handler, r) }
			if m.stale && a.operation == operation {
				now := b.service.Keep()
				defer now()
				before()
				return next()
			}
			if r.Method != http.MethodGet {
				before = b.service.Keep()
			}
			if a.operation != operation || m.stale {
				return next()
			}
			return m.serve(b, r, next)
		}
	}
}

// misreadings are those of an operation, of which this was asked once.
func misreadings(operation string, asked about) (all []misreading) {
	add := func(kind, place string, edit func(r *http.Request)) {
		all = append(all, misreading{kind: kind, place: place, serve: func(_ *bench, r *http.Request, next func() response) response {
			edit(r)
			return next()
		}})
	}
	add("any key taken", "header x-api-key", func(r *http.Request) { r.Header.Set("x-api-key", minimal.Key) })
	add("company not looked at", "header x-api-key", func(r *http.Request) {
		if r.Header.Get("x-api-key") == minimal.OtherKey {
			r.Header.Set("x-api-key", minimal.Key)
		}
	})
	add("level not looked at", "header x-api-key", func(r *http.Request) {
		if r.Header.Get("x-api-key") == minimal.LowLevelKey {
			r.Header.Set("x-api-key", minimal.Key)
		}
	})
	add("header not looked at", "header Idempotency-Key", func(r *http.Request) { r.Header.Del("Idempotency-Key") })
	add("first of several taken", "header Idempotency-Key", func(r *http.Request) {
		if keys := r.Header.Values("Idempotency-Key"); len(keys) > 1 {
			r.Header.Set("Idempotency-Key", keys[0])
		}
	})
	add("query not looked at", "query", func(r *http.Request) { r.URL.RawQuery, r.RequestURI = "", r.URL.Path })
	if asked.body == "" {
		add("body not looked at", "", func(r *http.Request) { write(r, "") })
	} else {
		add("media type not looked at", "header Content-Type", func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
		add("body read leniently", "", func(r *http.Request) {
			var first any
			if json.NewDecoder(strings.NewReader(string(body(r)))).Decode(&first) == nil {
				text, _ := json.Marshal(first) // it came from JSON
				write(r, string(text))
			}
		})
		spot{tree: parsed(asked.body)}.walk(func(s spot) {
			edit := func(kind string, change func(parent *tree, i int)) {
				m := mutation{}.body(s.path, change)
				add(kind, "request "+s.place, func(r *http.Request) {
					write(r, m.change([]answer{{response: response{body: string(body(r))}}}).body)
				})
			}
			switch {
			case s.field == "":
			case s.kind == '"':
				edit("value altered on its way", func(parent *tree, i int) {
					parent.below[i] = &tree{kind: '"', text: replaceLast(parent.below[i].text, letters, nextLetters)}
				})
				fallthrough
			default:
				edit("field not looked at", func(parent *tree, i int) { parent.without(i) })
			}
		})
	}
	if operation == "getClient" || strings.HasPrefix(operation, "list") {
		return append(all, misreading{kind: "state before the last change", stale: true})
	}
	return append(all,
		misreading{kind: "not done", serve: func(b *bench, _ *http.Request, next func() response) response {
			back := b.service.Keep()
			defer back()
			return next()
		}},
		misreading{kind: "done twice", serve: func(_ *bench, r *http.Request, next func() response) response {
			text := string(body(r))
			next()
			write(r, text)
			return next()
		}})
}

// write has a request have another body.
func write(r *http.Request, text string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
}
