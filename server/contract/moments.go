package contract

import (
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
)

// farthest is how far ahead of the clock a moment may be: more than two clocks differ, whatever their zones.
const farthest = 24 * time.Hour

// moment looks at one that stands in a body.
func (x *exchange) moment(pointer string, where int, value string) {
	if spec.Impossible(value) {
		x.find(ruleTime, pointer, where, "a moment that exists", value)
		return
	}
	if told, err := api.ParseTimestamp(value); err == nil && told.Sub(x.c.now()) > farthest {
		x.find(ruleFuture, pointer, where, "a moment that is not more than a day ahead", value)
	}
}

// skew is how far apart the clocks of one server's processes may be, together with what a moment loses as it is told to the
// second.
const skew = 2 * time.Second

// clock is the latest moment that the server told of, this one included. What it changes from then on carries no earlier
// one.
func (x *exchange) clock(told time.Time) time.Time {
	latest := x.c.clocks.get(x.host())
	if told.After(latest) {
		latest = told
		x.c.clocks.put(x.host(), latest)
	}
	return latest
}
