package contract

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
)

// across checks what holds across the fields of a response, and between it and its call.
func (x *exchange) across(where int) {
	if !x.parsed {
		return
	}
	body, err := json.Marshal(x.value)
	if err != nil {
		return // it came from JSON
	}
	operation := x.op
	if operation == nil {
		operation = x.c.usual
	}
	for _, b := range spec.Breaches(spec.Exchange{
		Operation: operation.Operation, Path: func(name string) string { return x.values[name] }, Asked: x.r.Header,
		Status: x.response.StatusCode, Header: x.response.Header, Body: string(body),
	}) {
		at := where
		if b.Schema != "" {
			at = x.schemaLine(b.Schema)
		}
		var got any
		if b.Got != "" {
			got = b.Got
		}
		x.find(b.Rule, b.Pointer, at, b.Expected, got)
	}
}

// history checks what holds across submissions.
func (x *exchange) history(where int) {
	if x.response.StatusCode == http.StatusOK {
		if body, ok := x.value.(map[string]any); ok {
			if product, ok := body["product"].(map[string]any); ok {
				if !x.wrong { // what came of a wrong call says nothing of the next
					x.remember(product, where)
				}
				return
			}
		}
	}
	x.rememberRefusal(where)
}

func text(object map[string]any, name string) string {
	value, _ := object[name].(string)
	return value
}

func (x *exchange) schemaLine(name string) int {
	if ref := x.c.doc.Components.Schemas[name]; ref != nil {
		return line(ref.Value.Origin)
	}
	return 0
}

// seen is what is known of a product request.
type seen struct {
	updated, created time.Time
	noted            uint64 // when the last submission was seen
	settled          uint64 // when it was seen to have left pending; 0 is not yet
}

// answered is what a call with an Idempotency-Key was answered with success.
type answered struct {
	path  string
	body  [32]byte
	when  time.Time
	noted uint64
}

// keptFor is how long the specification lets an Idempotency-Key live.
const keptFor = 24 * time.Hour

func (x *exchange) host() string {
	if x.r.URL.Host != "" {
		return x.r.URL.Host
	}
	return x.r.Host
}

func (x *exchange) place() string { return x.host() + x.r.URL.EscapedPath() }

// replay returns what an earlier call with the same two keys was answered, if that still counts.
// The keys are kept as a hash only.
func (x *exchange) replay() (id [32]byte, earlier *answered, asked bool) {
	key := x.r.Header.Get("Idempotency-Key")
	if key == "" {
		return id, nil, false
	}
	id = sha256.Sum256([]byte(x.host() + "\n" + x.key + "\n" + key))
	earlier = x.c.replays.get(id)
	if earlier != nil && x.c.now().Sub(earlier.when) >= keptFor {
		earlier = nil
	}
	return id, earlier, true
}

// remember holds a submission against the earlier ones of the same request. What overlaps in time
// is in no order, and held against nothing.
func (x *exchange) remember(product map[string]any, where int) {
	c := x.c
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.tick++
	if id, earlier, asked := x.replay(); earlier != nil {
		switch {
		case earlier.path != x.place():
			if x.began > earlier.noted {
				x.find(ruleMismatch, "status", line(x.op.Origin), "422, as the Idempotency-Key stands for another submission", x.response.StatusCode)
			}
		case earlier.body != sha256.Sum256(x.body):
			x.find(ruleReplay, "", where, "the very bytes of the first answer to this Idempotency-Key", nil)
		}
		return
	} else if asked {
		c.replays.put(id, &answered{path: x.place(), body: sha256.Sum256(x.body), when: c.now(), noted: c.tick})
	}
	entry := c.requests.get(x.place())
	if entry == nil {
		entry = &seen{}
		c.requests.put(x.place(), entry)
	}
	if entry.settled > 0 && x.began > entry.settled {
		x.find(ruleHistorySettled, "status", line(x.op.Origin), "409, as the request left pending before", x.response.StatusCode)
	}
	created, errCreated := api.ParseTimestamp(text(product, "created_at"))
	updated, errUpdated := api.ParseTimestamp(text(product, "updated_at"))
	later := entry.noted > 0 && x.began > entry.noted
	if errCreated == nil {
		if later && !entry.created.IsZero() && !entry.created.Equal(created.Time) {
			x.find(ruleHistoryCreated, "/product/created_at", x.schemaLine("Product"), "the same moment as before", text(product, "created_at"))
		}
		entry.created = created.Time
	}
	if errUpdated == nil {
		if later && updated.Before(entry.updated) {
			x.find(ruleHistoryUpdated, "/product/updated_at", x.schemaLine("Product"), "no earlier moment than before", text(product, "updated_at"))
		}
		if updated.After(entry.updated) {
			entry.updated = updated.Time
		}
	}
	entry.noted = c.tick
	if text(product, "status") == string(api.InKyc) && entry.settled == 0 {
		entry.settled = c.tick
	}
}

// rememberRefusal notes that a request is not pending any more, and that a repeated call was refused
// what it had been granted.
func (x *exchange) rememberRefusal(where int) {
	object, _ := x.value.(map[string]any)
	if x.response.StatusCode != http.StatusConflict || text(object, "code") != string(api.CodeVal) {
		return
	}
	c := x.c
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.tick++
	if _, earlier, _ := x.replay(); earlier != nil && earlier.path == x.place() && x.began > earlier.noted {
		x.find(ruleReplay, "status", where, "the first answer to this Idempotency-Key", x.response.StatusCode)
	}
	entry := c.requests.get(x.place())
	if entry == nil {
		entry = &seen{}
		c.requests.put(x.place(), entry)
	}
	if entry.settled == 0 {
		entry.settled = c.tick
	}
}

// memory is a map that forgets what was put into it first.
type memory[K comparable, V any] struct {
	limit  int
	values map[K]V
	order  []K
	next   int
}

func newMemory[K comparable, V any](limit int) *memory[K, V] {
	return &memory[K, V]{limit: limit, values: map[K]V{}}
}

func (m *memory[K, V]) get(key K) V { return m.values[key] }

func (m *memory[K, V]) put(key K, value V) {
	if _, known := m.values[key]; !known {
		if len(m.order) < m.limit {
			m.order = append(m.order, key)
		} else {
			delete(m.values, m.order[m.next])
			m.order[m.next] = key
			m.next = (m.next + 1) % m.limit
		}
	}
	m.values[key] = value
}
