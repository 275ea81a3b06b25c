package contract

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// answered is the successful response to a call with an Idempotency-Key.
type answered struct {
	asked, body [32]byte
	when        time.Time
	noted       uint64
}

// keptFor is how long the specification lets an Idempotency-Key live.
const keptFor = 24 * time.Hour

const idempotencyHeader = "Idempotency-Key"

// repeatable identifies a call by its two keys and its operation, of which a hash is kept only, and by what it asks
// for: the ids of the path, and the body without regard to how it is written.
func (x *exchange) repeatable() (id, asked [32]byte, ok bool) {
	key := x.r.Header.Get(idempotencyHeader)
	if key == "" || !x.op.takes(idempotencyHeader) {
		return id, asked, false
	}
	body := x.sent.body
	if x.sent.parsed {
		body, _ = json.Marshal(x.sent.value) // it came from JSON
	}
	id = sha256.Sum256([]byte(x.host() + "\n" + x.op.OperationID + "\n" + x.key + "\n" + key))
	return id, sha256.Sum256([]byte(x.r.URL.EscapedPath() + "\n" + string(body))), true
}

// earlier returns the response to a call that had the same keys, if that still counts.
func (x *exchange) earlier(id [32]byte) *answered {
	known := x.c.replays.get(id)
	if known == nil || x.c.now().Sub(known.when) >= keptFor {
		return nil
	}
	return known
}

// repeats holds a success against that of an earlier call with the same Idempotency-Key. It tells whether there was
// one: this response then says how things were, and not how they are.
func (x *exchange) repeats(where int) bool {
	id, asked, ok := x.repeatable()
	if !ok {
		return false
	}
	c, body := x.c, sha256.Sum256(x.received.body)
	earlier := x.earlier(id)
	switch {
	case earlier == nil:
		c.replays.put(id, &answered{asked: asked, body: body, when: c.now(), noted: c.tick})
		return false
	case earlier.asked != asked:
		if x.began > earlier.noted {
			x.find(ruleMismatch, "status", line(x.op.Origin), "422, as the Idempotency-Key stands for another call", x.response.StatusCode)
		}
	case earlier.body != body:
		x.find(ruleReplay, "", where, "the very bytes of the first answer to this Idempotency-Key", nil)
	}
	return true
}

// refusedAfter finds a refusal of what was granted to the same Idempotency-Key before, by reason of how things are now.
func (x *exchange) refusedAfter(where int) {
	status := x.response.StatusCode
	if status != http.StatusPreconditionFailed && x.code() != api.CodeVal {
		return
	}
	id, asked, ok := x.repeatable()
	if !ok {
		return
	}
	if earlier := x.earlier(id); earlier != nil && earlier.asked == asked && x.began > earlier.noted {
		x.find(ruleReplay, "status", where, "the first answer to this Idempotency-Key", status)
	}
}
