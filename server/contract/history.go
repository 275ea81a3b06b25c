package contract

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
	"github.com/cryptomate-go/enablement/gen/spec"
)

// across checks what holds across the fields of a response, and between it and its call.
func (x *exchange) across(where int) {
	if !x.received.parsed {
		return
	}
	body, err := json.Marshal(x.received.value)
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

// host tells apart servers that have the same ids.
func (x *exchange) host() string {
	if x.r.URL.Host != "" {
		return x.r.URL.Host
	}
	return x.r.Host
}

// What the ids of the path are called.
const (
	clientParameter  = "clientId"
	requestParameter = "productRequestId"
)

// renamed are the fields of a request that the response has under another name.
var renamed = map[string]string{"subproduct": "product"}

// followed are the components that are held against what was seen of the same thing before, wherever in a
// response they stand.
var followed = map[string]func(x *exchange, o object){
	"Client": (*exchange).followClient, "Product": (*exchange).followProduct,
}

// seen is what is known of a client or a product request. Moments are ticks of the contract; 0 is never.
type seen struct {
	created, updated time.Time
	noted            uint64 // when it was last seen

	settled uint64            // when a request was seen to have left pending
	final   string            // the status of a request that was decided
	pending map[string]string // a client's pending requests by product
	product string            // of a request
	status  api.ProductStatus // of a request, when it was last seen
	clock   time.Time         // the server's, when it was last seen

	gone   uint64         // when a client was deleted
	writes int            // of a client, not ended yet
	wrote  uint64         // when the last of them ended
	fields map[string]any // of a client, without its status; nil where a write may have changed them since
}

// clientSeen is what is known of a client, and requestSeen of one of its requests.
func (x *exchange) clientSeen(id string) *seen { return known(x.c.clients, x.host()+"\n"+id) }

func (x *exchange) requestSeen(client, id string) *seen {
	return known(x.c.requests, x.host()+"\n"+client+"\n"+id)
}

func known(of *memory[string, *seen], id string) *seen {
	thing := of.get(id)
	if thing == nil {
		thing = &seen{pending: map[string]string{}}
		of.put(id, thing)
	}
	return thing
}

// writing notes that the call may change a client, from now on. A call about its requests changes no more than its status
// and its updated_at.
func (x *exchange) writing() {
	id := x.values[clientParameter]
	if x.op != nil && x.op.method != http.MethodGet && slices.Index(x.op.segments, "{"+clientParameter+"}") == len(x.op.segments)-1 {
		x.writes = x.clientSeen(id)
		x.writes.writes++
	}
}

// written notes that the call is over. After a failure nobody knows whether it is.
func (x *exchange) written() {
	if x.writes != nil && x.response.StatusCode < http.StatusInternalServerError {
		x.writes.writes--
		x.writes.fields = nil
	}
}

// history checks what holds across calls. What overlaps in time is in no order, and held against nothing.
func (x *exchange) history(where int) {
	c := x.c
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.tick++
	if x.written(); x.writes != nil {
		defer func() { x.writes.wrote = c.tick }() // what came meanwhile is held against what came before
	}
	if x.wrong {
		return // what came of a wrong call says nothing of the next
	}
	status := x.response.StatusCode
	client, request := x.values[clientParameter], x.values[requestParameter]
	if status/100 != 2 {
		x.refusedAfter(where)
		if request != "" && status == http.StatusConflict && x.code() == api.CodeVal {
			x.settle(x.requestSeen(client, request))
		}
		return
	}
	x.echoes()
	if client != "" {
		if known := x.clientSeen(client); known.gone > 0 && x.began > known.gone {
			x.find(ruleHistoryDeleted, "status", line(x.op.Origin), "404, as the client was deleted", status)
		}
	}
	if x.repeats(where) {
		return
	}
	if request != "" {
		if known := x.requestSeen(client, request); known.settled > 0 && x.began > known.settled {
			x.find(ruleHistorySettled, "status", line(x.op.Origin), "409, as the request left pending before", status)
		}
	}
	for _, o := range x.received.objects {
		followed[o.component](x, o)
	}
	if x.op.method == http.MethodDelete {
		x.clientSeen(client).gone = c.tick
	}
}

// code is the error's.
func (x *exchange) code() api.ErrorCode {
	object, _ := x.received.value.(map[string]any)
	return api.ErrorCode(text(object, "code"))
}

// echoes has what was sent come back: every field that request and response have in common, and is absent from
// both or the same in both.
func (x *exchange) echoes() {
	sent, ok := x.sent.value.(map[string]any)
	received, isObject := x.received.value.(map[string]any)
	if !ok || !isObject {
		return
	}
	media := x.op.RequestBody.Value.Content["application/json"]
	described := x.op.Responses.Status(x.response.StatusCode)
	if media == nil || described == nil || described.Value.Content["application/json"] == nil {
		return
	}
	schema := described.Value.Content["application/json"].Schema.Value
	for name := range media.Schema.Value.Properties {
		back := name
		if renamed[name] != "" {
			back = renamed[name]
		}
		if property := schema.Properties[back]; property != nil && !reflect.DeepEqual(sent[name], received[back]) {
			x.find(ruleEcho, "/"+escape(back), line(property.Value.Origin), "what was sent as "+name, received[back])
		}
	}
}

// followTimes holds the moments of a thing against the earlier ones.
func (x *exchange) followTimes(known *seen, o object) {
	later := known.noted > 0 && x.began > known.noted
	for name, moment := range map[string]time.Time{"created_at": known.created, "updated_at": known.updated} {
		if _, there := o.fields[name]; later && !there && !moment.IsZero() {
			x.find(ruleHistoryVanished, o.pointer+"/"+name, x.schemaLine(o.component), "this field, as it was there before", nil)
		}
	}
	if created, err := api.ParseTimestamp(text(o.fields, "created_at")); err == nil {
		if later && !known.created.IsZero() && !known.created.Equal(created.Time) {
			x.find(ruleHistoryCreated, o.pointer+"/created_at", x.schemaLine(o.component), "the same moment as before", text(o.fields, "created_at"))
		}
		known.created = created.Time
	}
	if updated, err := api.ParseTimestamp(text(o.fields, "updated_at")); err == nil {
		if later && updated.Before(known.updated) {
			x.find(ruleHistoryUpdated, o.pointer+"/updated_at", x.schemaLine(o.component), "no earlier moment than before", text(o.fields, "updated_at"))
		}
		if updated.After(known.updated) {
			known.updated = updated.Time
		}
		known.clock = x.clock(updated.Time)
	}
	known.noted = x.c.tick
}

// followClient holds a client against what it was. It is the same as long as updated_at is, unless a write was
// under way meanwhile: the API tells moments to the second. The status is the provider's to change, at any of them.
func (x *exchange) followClient(o object) {
	known := x.clientSeen(text(o.fields, "id"))
	if known.gone > 0 && x.began > known.gone {
		x.find(ruleHistoryDeleted, o.pointer+"/id", x.schemaLine(o.component), "no client that was deleted", text(o.fields, "id"))
	}
	undisturbed := known.writes == 0 && x.began > known.wrote
	fields := maps.Clone(o.fields)
	delete(fields, "status")
	same := known.fields != nil && text(known.fields, "updated_at") == text(fields, "updated_at")
	if undisturbed && same && !reflect.DeepEqual(known.fields, fields) {
		x.find(ruleHistoryRead, o.pointer, x.schemaLine(o.component), "the client as it was before, as updated_at is the same", nil)
	}
	known.fields = nil
	if undisturbed {
		known.fields = fields
	}
	x.followTimes(known, o)
}

// followProduct holds a product request against what it was.
func (x *exchange) followProduct(o object) {
	owner, id, status := text(o.fields, "client_id"), text(o.fields, "id"), api.ProductStatus(text(o.fields, "status"))
	known, client := x.requestSeen(owner, id), x.clientSeen(owner)
	if status.Pending() {
		if known.settled > 0 && x.began > known.settled {
			x.find(ruleHistorySettled, o.pointer+"/status", x.schemaLine(o.component), "no pending status, as the request left pending before", status)
		}
		x.oneActive(client, o)
	} else if status.Valid() {
		x.settle(known)
	}
	x.moved(known, o)
	switch {
	case known.final == "" && (status == api.Enabled || status == api.Rejected):
		known.final = string(status)
	case known.final != "" && known.final != string(status) && x.began > known.noted && !status.Pending():
		x.find(ruleHistoryFinal, o.pointer+"/status", x.schemaLine(o.component), known.final+", as the request was decided", status)
	}
	x.followTimes(known, o)
}

// moved holds a request's product against what it was, and its updated_at against a status that is another one now.
func (x *exchange) moved(known *seen, o object) {
	later := known.noted > 0 && x.began > known.noted
	product, status := text(o.fields, "product"), api.ProductStatus(text(o.fields, "status"))
	if later && known.product != "" && product != known.product {
		x.find(ruleHistoryProduct, o.pointer+"/product", x.schemaLine(o.component), known.product, product)
	}
	updated, _ := api.ParseTimestamp(text(o.fields, "updated_at")) // its schema says what is wrong with it
	if later && known.status != "" && status != known.status && known.clock.Sub(updated.Time) > skew {
		x.find(ruleHistoryUnmoved, o.pointer+"/updated_at", x.schemaLine(o.component), "a moment after the status was last seen to be "+string(known.status), text(o.fields, "updated_at"))
	}
	known.product, known.status = product, status
}

// oneActive notes a pending request. A new one is none where another one for the product was pending.
func (x *exchange) oneActive(client *seen, o object) {
	owner, id, product := text(o.fields, "client_id"), text(o.fields, "id"), text(o.fields, "product")
	other := client.pending[product]
	if x.response.StatusCode == http.StatusCreated && other != "" && other != id && x.requestSeen(owner, other).settled == 0 {
		x.find(ruleHistoryActive, "status", line(x.op.Origin), "409, as another request for the product is pending", x.response.StatusCode)
	}
	if x.requestSeen(owner, id).settled == 0 {
		client.pending[product] = id
	}
}

// settle notes that a request is not pending any more.
func (x *exchange) settle(known *seen) {
	if known.settled == 0 {
		known.settled = x.c.tick
	}
}
