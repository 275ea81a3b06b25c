package contract

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/cryptomate-go/enablement/gen/api"
)

// crowd is how many calls come at once.
const crowd = 3

// atOnce makes a call several times at once, of which one is granted.
func atOnce(operation, words string, granted, refused int, code api.ErrorCode, make func(*runner) call) Step {
	return Step{
		Operation: operation, Call: fmt.Sprintf("%s, %d times at once", words, crowd), Expect: fmt.Sprintf("one %d, the others %d %s", granted, refused, code),
		Covers: []string{fmt.Sprintf("%s %d", operation, granted), fmt.Sprintf("%s %d %s", operation, refused, code)},
		run: func(r *runner) {
			answers := r.crowded(operation, make(r), granted)
			answers[0].is(granted, "")
			for _, other := range answers[1:] {
				other.is(refused, code)
			}
		},
	}
}

// underAtOnce makes a call several times at once under one Idempotency-Key, and once more when they are over. It is made
// once: all have the same bytes, or are told that it is still running.
func underAtOnce(operation, words string, granted int, make func(*runner) call) Step {
	return Step{
		Operation: operation, Call: fmt.Sprintf("%s with an Idempotency-Key, %d times at once and once more", words, crowd),
		Expect: fmt.Sprintf("%d with the same bytes, but %d %s to some of those at once", granted, http.StatusConflict, api.CodeIdempotencyInProgress),
		Covers: []string{fmt.Sprintf("%s %d", operation, granted)},
		run: func(r *runner) {
			c := under(make)(r)
			answers := r.crowded(operation, c, granted)
			first := answers[0].is(granted, "")
			for _, other := range answers[1:] {
				if other.status == http.StatusServiceUnavailable && r.c.operation(operation).maxBody > 0 {
					continue // few calls with photos are served at a time
				}
				if other.status != granted {
					other.is(http.StatusConflict, api.CodeIdempotencyInProgress)
				} else if !other.equals(first) {
					other.unexpected("", "the very bytes of the first answer")
				}
			}
			if again := r.ask(operation, c).is(granted, ""); !again.failed && !again.equals(first) {
				again.unexpected("", "the very bytes of the first answer")
			}
		},
	}
}

// crowded makes a call several times at once. An answer of the status comes first, if there is one.
func (r *runner) crowded(operation string, c call, granted int) []*answer {
	answers := r.together(operation, slices.Repeat([]call{c}, crowd)...)
	if i := slices.IndexFunc(answers, func(a *answer) bool { return a.status == granted }); i > 0 {
		answers[0], answers[i] = answers[i], answers[0]
	}
	return answers
}
