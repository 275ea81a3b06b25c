package selftest

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

// stories are the minimal service with one thing wrong in the life of a client. So that one case alone can tell, it
// is wrong with clients of one e-mail address, or with one of the requests that are there.
func stories() []Fault {
	return []Fault{
		told("client is another when read", "client created", "getClient", 1, said(refusal(401, "API_ERROR"))),
		told("new client not listed", "client created", "listClients", 1, said(success("[]"))),
		told("new client has products", "client created", "listProducts", 1, said(refusal(404, "NOT_FOUND"))),
		told("second client with the address", "client exists", "createClient", 2, said(refusal(503, busy))),
		told("address compared with its case", "client exists", "createClient", 3, said(refusal(503, busy))),
		told("two clients at once", "client created at once", "createClient", 2, said(refusal(401, "AUTH"))),
		told("second of those at once refused", "client created under a key at once", "createClient", 2, said(refusal(400, "VAL"))),
		told("key forgotten after those at once", "client created under a key at once", "createClient", 4, said(refusal(400, "VAL"))),
		told("request made twice at once", "product requested under a key at once", "requestProduct", 2, said(refusal(409, "VAL"))),
		shared(),
		told("request of another company repeated", "repeated with a key of another company", "requestProduct", 2, func(before []response, _ response) response { return before[0] }),
		told("submission of another company repeated", "repeated with a key of another company", "submitProduct", 2, func(before []response, _ response) response { return before[0] }),
		told("document of another company repeated", "repeated with a key of another company", "completeDocumentation", 2, func(before []response, _ response) response { return before[0] }),
		likened("shortened key taken", func(key string) bool { return key == minimal.Key[:len(minimal.Key)-1] }),
		likened("longer key taken", func(key string) bool { return key == minimal.Key+"a" }),
		likened("key taken in any case", func(key string) bool { return strings.EqualFold(key, minimal.Key) }),
		told("document of those at once added anew", "document added under a key at once", "completeDocumentation", 4, said(refusal(400, "BAD_REQUEST"))),
		told("creation repeated anew", "client created under a key", "createClient", 2, said(refusal(400, "VAL"))),
		told("state not looked at", "state of another country", "createClient", 1, said(refusal(503, busy))),
		told("update with any state", "state of another country", "updateClient", 1, said(refusal(503, busy))),
		told("the same update is a conflict", "client updated", "updateClient", 2, said(refusal(400, "VAL"))),
		told("address of another taken", "client updated to another's address", "updateClient", 1, said(refusal(412, "VAL"))),
		told("list without what is new", "clients newest first", "listClients", 1, said(success("[]"))),
		told("products without what is new", "products newest first", "listProducts", 1, said(success("[]"))),
		told("second request granted", "product requested", "requestProduct", 2, said(refusal(412, "VAL"))),
		told("any product", "product requested", "requestProduct", 3, said(refusal(409, "VAL"))),
		told("request not listed", "product requested", "listProducts", 1, said(success("[]"))),
		told("both refused", "product requested at once", "requestProduct", 1, said(refusal(409, "VAL"))),
		told("request repeated anew", "product requested under a key", "requestProduct", 2, said(refusal(401, "AUTH"))),
		told("key of another request taken", "product requested under a key", "requestProduct", 3, said(refusal(409, "VAL"))),
		told("key of another submission taken", "submissions under a key", "submitProduct", 3, said(refusal(409, "VAL"))),
		told("update not seen in the list", "data completed", "listProducts", 2, func(before []response, _ response) response { return before[0] }),
		told("update not seen by submit", "data completed", "submitProduct", 2, func(before []response, _ response) response { return before[0] }),
		told("bad number is no number", "data rejected", "submitProduct", 1, func(_ []response, right response) response {
			start, end := strings.Index(right.body, `"rejected_items":[`)+len(`"rejected_items":[`), strings.LastIndex(right.body, "]")
			return says(right, right.body[:start]+right.body[end:])
		}),
		told("second deletion succeeds", "client deleted", "deleteClient", 2, said(refusal(401, "AUTH"))),
		told("requests outlive their client", "client deleted", "submitProduct", 1, said(refusal(409, "VAL"))),
		told("level 1 reads nothing", "level 1 is enough", "getClient", 1, said(refusal(401, "API_ERROR"))),
		foreign(),

		told("document stays missing", "document added", "completeDocumentation", 1, undocumented),
		told("document forgotten by the list", "document added", "listProducts", 1, undocumented),
		told("document forgotten by submit", "document added", "submitProduct", 1, undocumented),
		told("document added anew", "document added under a key", "completeDocumentation", 2, said(refusal(400, "BAD_REQUEST"))),
		told("key of another document taken", "document added under a key", "completeDocumentation", 3, said(refusal(409, "VAL"))),
		told("overwritten without replace", "document replaced", "completeDocumentation", 2, accepted),
		told("good one given up for a bad one", "document replaced", "completeDocumentation", 3, undocumented),
		told("replace not looked at", "document replaced", "completeDocumentation", 4, func(before []response, _ response) response { return before[1] }),
		told("data URI compared with the content", "photo however written", "completeDocumentation", 1, said(refusal(400, "BAD_REQUEST"))),
		told("base64 alone refused", "photo however written", "completeDocumentation", 2, said(refusal(400, "BAD_REQUEST"))),
		told("padding insisted on", "photo however written", "completeDocumentation", 3, said(refusal(400, "BAD_REQUEST"))),
		told("line breaks refused", "photo however written", "completeDocumentation", 4, said(refusal(400, "BAD_REQUEST"))),
		told("PNG only", "photo however written", "completeDocumentation", 5, said(refusal(400, "BAD_REQUEST"))),
		told("PDF stored", "photo refused", "completeDocumentation", 1, accepted),
		told("text is an error", "photo refused", "completeDocumentation", 2, said(refusal(400, "BAD_REQUEST"))),
		told("half a photo stored", "photo refused", "completeDocumentation", 3, accepted),
		told("size of a photo not looked at", "photo refused", "completeDocumentation", 4, accepted),
		told("refused photo listed as stored", "photo refused", "listProducts", 1, accepted),
		told("refused photo stored after all", "photo refused", "submitProduct", 1, said(refusal(409, "VAL"))),
		told("large photo stored", "large photo", "completeDocumentation", 1, accepted),
		told("large photo is a large body", "large photo", "completeDocumentation", 1, said(refusal(413, "PAYLOAD_TOO_LARGE"))),
		told("expired document stored", "document refused", "completeDocumentation", 1, accepted),
		told("day that never was", "document refused", "completeDocumentation", 2, accepted),
		told("metadata not needed", "document refused", "completeDocumentation", 3, accepted),
		told("back not needed", "document refused", "completeDocumentation", 4, accepted),
		told("back not looked at", "document refused", "completeDocumentation", 5, accepted),
		told("any type of document", "document of an unknown type", "completeDocumentation", 1, said(refusal(400, "BAD_REQUEST"))),

		told("two transitions at once", "submitted at once", "submitProduct", 2, func(before []response, _ response) response { return before[0] }),
		told("one of those at once is moved on", "submitted under a key at once", "submitProduct", 3, said(refusal(409, "VAL"))),
		told("request found by its id alone", "request of another client", "submitProduct", 1, said(refusal(409, "VAL"))),
		told("document for a request of another client", "request of another client", "completeDocumentation", 1, said(refusal(409, "VAL"))),
		told("complete, but not found", "complete", "submitProduct", 1, said(refusal(404, "NOT_FOUND"))),
		told("complete document moves the request", "complete", "listProducts", 1, said(success("[]"))),
		told("in_kyc is not found", "complete", "submitProduct", 2, said(refusal(404, "NOT_FOUND"))),
		told("document for what is in_kyc", "complete", "completeDocumentation", 2, said(refusal(404, "NOT_FOUND"))),
		told("client of in_kyc hidden", "complete", "getClient", 1, said(refusal(401, "API_ERROR"))),
		told("in_kyc can't be updated", "complete", "updateClient", 1, said(refusal(400, "VAL"))),
		told("in_kyc is not listed", "complete", "listProducts", 2, said(success("[]"))),
		told("submission forgotten", "submitted under a key", "submitProduct", 2, said(refusal(401, "AUTH"))),
		told("enabled not shown", "enabled", "listProducts", 1, func(_ []response, right response) response {
			return says(right, swap(right.body, `"enabled"`, `"in_kyc"`))
		}),
		told("client not active", "enabled", "getClient", 1, func(_ []response, right response) response {
			return says(right, swap(right.body, `"active"`, `"pending"`))
		}),
		told("enabled is not found", "enabled", "submitProduct", 2, said(refusal(404, "NOT_FOUND"))),
		told("enabled does not count", "enabled", "requestProduct", 2, said(refusal(412, "VAL"))),
		told("rejection without its code", "rejected", "listProducts", 1, func(_ []response, right response) response {
			return says(right, swap(right.body, `"rejection_code":"REJECTED_BY_PROVIDER",`, ""))
		}),
		told("rejected is not found", "rejected", "submitProduct", 2, said(refusal(404, "NOT_FOUND"))),
		told("rejected for good", "rejected", "requestProduct", 2, said(refusal(409, "VAL"))),
		told("rejected forgotten", "rejected", "listProducts", 2, said(success("[]"))),
		of("requested is moved by a document", "requested", "completeDocumentation", "requested", func(_ []response, right response) response {
			return says(right, swap(right.body, `"status":"requested"`, `"status":"pending_documentation"`))
		}),
		of("requested is not pending", "requested", "submitProduct", "requested", said(refusal(404, "NOT_FOUND"))),
		of("requested is not listed", "requested listed", "listProducts", "requested", said(success("[]"))),
	}
}

// wrongly is a wrong response in place of the right one, which is the one after those before.
type wrongly func(before []response, right response) response

func said(r response) wrongly {
	return func([]response, response) response { return r }
}

// accepted is the right response, but that nothing was rejected and no document is missing.
func accepted(_ []response, right response) response {
	return says(right, items.ReplaceAllString(documents.ReplaceAllString(right.body, `"documents":[],"data"`), `"rejected_items":[]`))
}

// undocumented is the right response, but that a passport is missing.
func undocumented(_ []response, right response) response {
	return says(right, documents.ReplaceAllString(right.body, `"documents":[`+passport+`],"data"`))
}

const passport = `{"id":"identity_document","name":"Identity document","required":true,"valid_documents":` +
	`[{"id":"passport","name":"Passport","require_image":true,"require_back_image":false,"metadata":[]}]}`

var (
	documents = regexp.MustCompile(`"documents":\[.*\],"data"`)
	items     = regexp.MustCompile(`"rejected_items":\[.*\]`)
)

// told is wrong with the n-th call of an operation about the clients that a case makes.
func told(name, inCase, operation string, n int, wrong wrongly) Fault {
	mark := strings.NewReplacer(" ", "-", "'", "-").Replace(inCase) + "."
	return service(name, "case.expectation", inCase, func(next http.Handler) http.Handler {
		var (
			before  []response
			clients []string
			current bool // the last client that was created is one of the case
		)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := aboutOf(r)
			if a.operation == "createClient" && a.key == minimal.Key || a.operation == "createClient" && a.key == minimal.LowLevelKey {
				current = strings.HasPrefix(strings.ToLower(text(a.field("email"))), mark)
			}
			theirs := a.operation == "createClient" || a.operation == "listClients"
			for _, id := range clients {
				theirs = theirs || a.client == id
			}
			answer := recorded(next, r)
			if answer.status == http.StatusCreated && current && a.operation == "createClient" {
				clients = append(clients, fieldOf(answer.body, "id"))
			}
			if current && theirs && a.operation == operation {
				right := answer
				if len(before) == n-1 {
					answer = wrong(before, right)
				}
				before = append(before, right)
			}
			send(w, answer)
		})
	})
}

// of is wrong with an operation on the client of one fixture.
func of(name, inCase, operation, fixture string, wrong wrongly) Fault {
	return service(name, "case.expectation", inCase, func(next http.Handler) http.Handler {
		var before []response
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := recorded(next, r)
			if a := aboutOf(r); a.operation == operation && a.client == "client_"+fixture && a.key == minimal.Key {
				right := answer
				answer = wrong(before, right)
				before = append(before, right)
			}
			send(w, answer)
		})
	})
}

// shared keeps answers to an Idempotency-Key for all companies together.
func shared() Fault {
	return service("answer of another company repeated", "case.leak", "repeated with a key of another company", func(next http.Handler) http.Handler {
		kept := map[string]response{}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := aboutOf(r)
			if a.operation != "createClient" || len(a.idempotencyKeys) != 1 || a.key != minimal.Key && a.key != minimal.OtherKey {
				next.ServeHTTP(w, r)
				return
			}
			if _, known := kept[a.idempotencyKeys[0]]; !known || a.key == minimal.Key {
				kept[a.idempotencyKeys[0]] = recorded(next, r)
			}
			send(w, kept[a.idempotencyKeys[0]])
		})
	})
}

// likened takes a key for the right one that is only like it.
func likened(name string, like func(key string) bool) Fault {
	return service(name, "case.expectation", "getClient: key nearly right", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if like(r.Header.Get("x-api-key")) {
				r.Header.Set("x-api-key", minimal.Key)
			}
			next.ServeHTTP(w, r)
		})
	})
}

// foreign lists the clients of all companies.
func foreign() Fault {
	return service("clients of all companies listed", "case.leak", "another company's client is not listed", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if a := aboutOf(r); a.operation == "listClients" && a.key == minimal.OtherKey {
				r.Header.Set("x-api-key", minimal.Key)
			}
			next.ServeHTTP(w, r)
		})
	})
}
