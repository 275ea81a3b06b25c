package contract

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// submission checks what holds across the fields of a submission, and across submissions.
func (x *exchange) submission(where int) {
	if x.reply.StatusCode == http.StatusOK {
		if body, ok := x.value.(map[string]any); ok {
			if product, ok := body["product"].(map[string]any); ok {
				x.product(product, list(body, "rejected_items"))
				if !x.wrong { // what came of a wrong call says nothing of the next
					x.remember(product, where)
				}
				return
			}
		}
	}
	x.rememberRefusal(where)
}

func list(object map[string]any, name string) []any {
	items, _ := object[name].([]any)
	return items
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

func (x *exchange) product(product map[string]any, rejected []any) {
	at := x.schemaLine("Product")
	for field, parameter := range map[string]string{"id": "productRequestId", "client_id": "clientId"} {
		if value, ok := product[field].(string); ok && value != x.values[parameter] {
			x.find(ruleIDs, "/product/"+field, at, "the "+parameter+" of the path", value)
		}
	}
	status := api.ProductStatus(text(product, "status"))
	missing, _ := product["missing_requirements"].(map[string]any)
	documents, data := list(missing, "documents"), list(missing, "data")
	settled := status == api.InKyc || status == api.Enabled
	for field, items := range map[string][]any{"documents": documents, "data": data} {
		if settled && len(items) > 0 {
			x.find(ruleSettledMissing, "/product/missing_requirements/"+field, x.schemaLine("MissingRequirements"),
				fmt.Sprintf("an empty list, as the status is %s", status), fmt.Sprintf("%d items", len(items)))
		}
	}
	if settled && len(rejected) > 0 {
		x.find(ruleSettledRejected, "/rejected_items", x.schemaLine("Submission"),
			fmt.Sprintf("an empty list, as the status is %s", status), fmt.Sprintf("%d items", len(rejected)))
	}
	if status == api.PendingDocumentation && len(documents)+len(data)+len(rejected) == 0 {
		x.find(rulePendingNothing, "/product/status", x.schemaLine("ProductStatus"), "in_kyc, as nothing is left missing", status)
	}
	if status.Valid() && status != api.PendingDocumentation && status != api.InKyc {
		x.find(ruleStatusAnswered, "/product/status", x.schemaLine("ProductStatus"), "in_kyc or pending_documentation after a submission", status)
	}
	for _, field := range []string{"rejection_code", "rejection_description"} {
		if _, given := product[field]; given && status.Valid() && status != api.Rejected {
			x.find(ruleRejection, "/product/"+field, at, "no such field, as the status is not rejected", nil)
		}
	}
	if !settled {
		x.unlisted(documents, data, rejected)
	}
	created, errCreated := api.ParseTimestamp(text(product, "created_at"))
	updated, errUpdated := api.ParseTimestamp(text(product, "updated_at"))
	if errCreated == nil && errUpdated == nil && updated.Before(created.Time) {
		x.find(ruleTimeOrder, "/product/updated_at", at, "a moment not before created_at", text(product, "updated_at"))
	}
}

// unlisted finds rejected items that no missing requirement is about.
func (x *exchange) unlisted(documents, data, rejected []any) {
	known := map[api.RejectedItemType]map[string]bool{api.RejectedDocument: {}, api.RejectedData: {}}
	collect := func(kind api.RejectedItemType, requirements []any, inner, name string) {
		for _, one := range requirements {
			requirement, _ := one.(map[string]any)
			for _, item := range list(requirement, inner) {
				object, _ := item.(map[string]any)
				known[kind][text(object, name)] = true
			}
		}
	}
	collect(api.RejectedDocument, documents, "valid_documents", "id")
	collect(api.RejectedData, data, "fields", "key")
	for i, one := range rejected {
		item, _ := one.(map[string]any)
		keys, valid := known[api.RejectedItemType(text(item, "type"))]
		key, given := item["key"].(string)
		if valid && given && !keys[key] {
			x.find(ruleUnlisted, fmt.Sprintf("/rejected_items/%d/key", i), x.schemaLine("RejectedItem"),
				"a kind of document, or a data field, of a requirement that is still missing", key)
		}
	}
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

// keptFor is how long the description lets an Idempotency-Key live.
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
				x.find(ruleMismatch, "status", line(x.op.Origin), "422, as the Idempotency-Key stands for another submission", x.reply.StatusCode)
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
		x.find(ruleHistorySettled, "status", line(x.op.Origin), "409, as the request left pending before", x.reply.StatusCode)
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
	if x.reply.StatusCode != http.StatusConflict || text(object, "code") != string(api.CodeVal) {
		return
	}
	c := x.c
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.tick++
	if _, earlier, _ := x.replay(); earlier != nil && earlier.path == x.place() && x.began > earlier.noted {
		x.find(ruleReplay, "status", where, "the first answer to this Idempotency-Key", x.reply.StatusCode)
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
