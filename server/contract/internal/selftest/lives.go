package selftest

import (
	"net/http"
	"strings"
)

const (
	clientsPath  = "/management/clients/individuals"
	clientPath   = clientsPath + "/" + client
	productsPath = clientPath + "/products"

	documentationPath = productsPath + "/" + request + "/documentation"

	input = `{"first_name":"Ana","last_name":"Example","email":"ana@example.com","birth_date":"1984-11-21",` +
		`"phone_country_code":54,"phone_number":91123456789,` +
		`"address":{"street_line1":"Calle 1","city":"Del Viso","postal_code":"1669","state":"ARG-B","country":"ARG"}}`
	times  = `"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-15T10:30:00"}`
	wanted = `{"subproduct":"cards_individuals"}`

	another = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" // a trace id

	document = `{"document":{"document_type":"passport","image_front":"` + photo + `","metadata":{"number":"AAA000111"}}}`
	photo    = "iVBORw0KGgo="
	kept     = `{"product":{"id":"` + request + `","client_id":"` + client + `","product":"cards_individuals","status":"pending_documentation",` +
		`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-15T10:30:00"},` +
		`"rejected_items":[{"type":"document","key":"passport","reason":"A good one is stored already."}]}`
)

// stored is the client of an input, and product the request of an evaluated one.
func stored(input string) string {
	return `{"id":"` + client + `","type":"individual","status":"pending",` + strings.TrimSuffix(input[1:], "}") + "," + times
}

func product(evaluated string) string {
	request, _, _ := strings.Cut(strings.TrimPrefix(evaluated, `{"product":`), `,"rejected_items"`)
	return request
}

func created(body string) response {
	r := success(body)
	r.status = http.StatusCreated
	return r
}

func deleted() response {
	r := response{http.StatusNoContent, success("").header.Clone(), ""}
	delete(r.header, "Content-Type")
	return r
}

// lives are servers that contradict in one call what they said in another, or what they were sent.
func lives() []Fault {
	does := func(method, path, body string, r response) func() turn {
		return func() turn { return turn{call(to(method, path, body)), r} }
	}
	creates := func(r response) func() turn { return does("POST", clientsPath, input, r) }
	gets := func(body string) func() turn { return does("GET", clientPath, "", success(body)) }
	asks := func(body string) func() turn { return does("POST", productsPath, wanted, created(body)) }
	lists := func(body string) func() turn { return does("GET", productsPath, "", success(body)) }
	submits := func(r response) func() turn { return func() turn { return turn{call(), r} } }
	adds := func(r response) func() turn { return does("POST", documentationPath, document, r) }
	deletes := does("DELETE", clientPath, "", deleted())

	ana, in, waits := stored(input), product(inKYC), product(pending)
	bare := swap(swap(input, `"phone_country_code":54,`, ""), `"phone_number":91123456789,`, "")
	others := swap(waits, request, "another")
	refused := swap(swap(in, "in_kyc", "rejected"), `"created_at"`, `"rejection_code":"X","created_at"`)
	later := func(body string) string {
		return strings.ReplaceAll(body, "2026-04-15T10:30:00", "2026-04-15T10:30:01")
	}
	return []Fault{
		served("name changed on its way", "response.echo", creates(created(swap(ana, `"Ana"`, `"Anna"`)))),
		served("update keeps what was left out", "response.echo", does("PUT", clientPath, bare, success(ana))),
		served("another product than was asked for", "response.echo", asks(swap(waits, "cards_individuals", "ramps_pix"))),
		served("body of a 204", "response.empty", does("DELETE", clientPath, "", says(deleted(), "{}"))),
		served("client that isn't the path's", "client.id", gets(swap(ana, client, "another"))),
		served("half of a phone number", "client.phone", gets(swap(ana, `"phone_number":91123456789,`, ""))),
		served("client updated before it was created", "time.order", gets(swap(ana, `"updated_at":"2026-04-15`, `"updated_at":"2026-04-14`))),
		served("clients oldest first", "list.order", does("GET", clientsPath, "", success("["+ana+","+swap(later(ana), client, "another")+"]"))),
		served("products oldest first", "list.order", lists("["+refused+","+swap(later(waits), request, "another")+"]")),
		served("two active requests", "product.active", lists("["+in+","+swap(in, request, "another")+"]")),
		served("new request in KYC", "product.status", asks(in)),
		served("product of another client", "product.ids", lists("["+swap(in, client, "another")+"]")),

		served("request moved by a document", "product.status", adds(success(inKYC))),
		served("data rejected of a document", "product.rejected_foreign", adds(success(swap(kept, `"type":"document"`, `"type":"data"`)))),
		served("photo that isn't base64", "response.accepted", does("POST", documentationPath, swap(document, photo, "a photo"), success(kept))),
		served("document added after in_kyc", "history.settled", submits(success(inKYC)), adds(success(kept))),
		served("document added twice under a key", "idempotency.replay", keyedTurn(adds(success(swap(kept, "pending_documentation", "requested")))), keyedTurn(adds(success(kept)))),
		served("key of another document", "idempotency.mismatch", keyedTurn(adds(success(kept))),
			keyedTurn(does("POST", documentationPath, swap(document, "AAA", "BBB"), success(kept)))),

		served("trace id of the call before", "trace.repeated", func() turn { return turn{call(), with(success(pending), "X-Trace-Id", another)} }, func() turn {
			return turn{call(), with(success(inKYC), "X-Trace-Id", another)}
		}),
		served("client changed by nobody", "history.read", creates(created(ana)), gets(swap(ana, `"Ana"`, `"Eva"`))),
		served("update lost", "history.read", does("PUT", clientPath, bare, success(stored(bare))), gets(ana)),
		served("client read after it was deleted", "history.deleted", deletes, gets(ana)),
		served("products of a client that was deleted", "history.deleted", deletes, lists("[]")),
		served("deleted client listed", "history.deleted", deletes, does("GET", clientsPath, "", success("["+ana+"]"))),
		served("deleted twice", "history.deleted", deletes, deletes),
		served("second request for the product", "history.active", asks(waits), asks(others)),
		served("pending again in the list", "history.settled", submits(success(inKYC)), lists("["+waits+"]")),
		served("rejected, and enabled after all", "history.final", lists("["+refused+"]"), lists("["+swap(in, "in_kyc", "enabled")+"]")),
		served("client's created_at moves", "history.created_moved", gets(ana), gets(swap(swap(ana, `"created_at":"2026-04-15T10:30:00"`, `"created_at":"2026-04-15T10:29:00"`), `"updated_at":"2026-04-15T10:30:00"`, `"updated_at":"2026-04-15T10:31:00"`))),
		served("request for another product than before", "history.product_moved", lists("["+waits+"]"), lists("["+swap(waits, "cards_individuals", "ramps_pix")+"]")),
		served("in_kyc from before it was pending", "history.updated_unmoved", gets(swap(ana, `"updated_at":"2026-04-15T10:30:00"`, `"updated_at":"2026-04-15T10:40:00"`)),
			lists("["+waits+"]"), lists("["+swap(in, `"updated_at":"2026-04-16T09:20:00"`, `"updated_at":"2026-04-15T10:30:00"`)+"]")),
		served("client without its created_at", "history.vanished", gets(ana), gets(swap(swap(ana, `"created_at":"2026-04-15T10:30:00",`, ""), `"updated_at":"2026-04-15T10:30:00"`, `"updated_at":"2026-04-15T10:31:00"`))),
		served("client without its updated_at", "history.vanished", gets(ana), gets(swap(ana, `,"updated_at":"2026-04-15T10:30:00"`, ""))),
		served("client changed beside a document", "history.read", creates(created(ana)), adds(success(kept)), gets(swap(ana, `"Ana"`, `"Eva"`))),
		served("client's updated_at goes back", "history.updated_back", gets(swap(ana, `"updated_at":"2026-04-15T10:30:00"`, `"updated_at":"2026-04-16T10:30:00"`)), gets(ana)),
		served("creation repeated with other bytes", "idempotency.replay", keyedTurn(creates(created(ana))), keyedTurn(creates(created(swap(ana, client, "another"))))),
		served("creation refused instead of repeated", "idempotency.replay", keyedTurn(creates(created(ana))), keyedTurn(creates(failure(400, "VAL")))),
		served("key of another product", "idempotency.mismatch", keyedTurn(asks(waits)),
			keyedTurn(does("POST", productsPath, swap(wanted, "cards_individuals", "ramps_pix"), created(swap(others, "cards_individuals", "ramps_pix"))))),
	}
}

// keyedTurn is a turn with always the same Idempotency-Key.
func keyedTurn(next func() turn) func() turn {
	return func() turn {
		t := next()
		keyed(t.request)
		return t
	}
}

// right is the life of a client in which nothing contradicts anything else.
func right() []func() turn {
	does := func(method, path, body string, r response) func() turn {
		return func() turn { return turn{call(to(method, path, body)), r} }
	}
	bare := swap(swap(input, `"phone_country_code":54,`, ""), `"phone_number":91123456789,`, "")
	ana, in, waits := stored(input), product(inKYC), product(pending)
	refused := swap(swap(in, "in_kyc", "rejected"), `"created_at"`, `"rejection_code":"X","created_at"`)
	again := swap(strings.ReplaceAll(waits, "2026-04-15T10:30:00", "2026-04-15T10:30:01"), request, "another")
	return []func() turn{
		keyedTurn(does("POST", clientsPath, input, created(ana))),
		does("GET", clientPath, "", success(ana)),
		keyedTurn(does("POST", productsPath, wanted, created(waits))), // a key is of its operation
		does("PUT", clientPath, bare, success(stored(bare))),          // in the same second
		keyedTurn(does("POST", clientsPath, input, created(ana))),     // which repeats what was
		does("GET", clientPath, "", success(stored(bare))),
		does("GET", clientsPath, "", success("["+stored(bare)+"]")),
		keyedTurn(does("POST", documentationPath, document, success(kept))),
		keyedTurn(does("POST", documentationPath, swap(document, photo, "data:image/png;base64,iVBORw0K\\nGgo"), success(kept))), // the same photo
		func() turn { return turn{call(), success(inKYC)} },
		does("GET", clientPath, "", success(stored(bare))),
		does("GET", clientPath, "", success(swap(stored(bare), `"pending"`, `"active"`))), // decided in the same second
		does("GET", productsPath, "", success("["+in+"]")),
		does("GET", productsPath, "", success("["+refused+"]")),
		does("POST", productsPath, wanted, created(again)),
		does("GET", productsPath, "", success("["+again+","+refused+"]")),
		does("DELETE", clientPath, "", deleted()),
		does("GET", clientPath, "", failure(404, "NOT_FOUND")),
		does("GET", clientsPath, "", success("[]")),
	}
}
