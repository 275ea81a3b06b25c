package selftest

import (
	"net/http"
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

		of("complete, but not found", "complete", "submitProduct", "complete", said(refusal(404, "NOT_FOUND"))),
		of("replay forgotten", "repeated", "submitProduct", "repeated", func(before []response, right response) response {
			if len(before) == 1 {
				return refusal(401, "AUTH")
			}
			return right
		}),
		of("requested is not pending", "requested", "submitProduct", "requested", said(refusal(404, "NOT_FOUND"))),
		of("conflict though a document was rejected", "rejected document", "submitProduct", "rejected_document", said(refusal(409, "VAL"))),
		of("in_kyc is not found", "already in_kyc", "submitProduct", "in_kyc", said(refusal(404, "NOT_FOUND"))),
		of("in_kyc can't be updated", "client of in_kyc", "updateClient", "in_kyc", said(refusal(400, "VAL"))),
		of("requested is not listed", "requested listed", "listProducts", "requested", said(success("[]"))),
		of("enabled is not listed", "enabled listed", "listProducts", "enabled", said(success("[]"))),
		of("enabled is not found", "already enabled", "submitProduct", "enabled", said(refusal(404, "NOT_FOUND"))),
		of("rejected is not found", "already rejected", "submitProduct", "rejected", said(refusal(404, "NOT_FOUND"))),
		of("rejected for good", "requested after a rejection", "requestProduct", "rejected", said(refusal(409, "VAL"))),
	}
}

// wrongly is a wrong response in place of the right one, which is the one after those before.
type wrongly func(before []response, right response) response

func said(r response) wrongly {
	return func([]response, response) response { return r }
}

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
