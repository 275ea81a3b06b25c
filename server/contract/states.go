package contract

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/cryptomate-go/enablement/gen/api"
)

// of has the case be about a fixture from this step on.
func of(fixture string, step Step) Step {
	run := step.run
	step.run = func(r *runner) {
		r.at = r.f.subject(fixture)
		run(r)
	}
	return step
}

func submits(want api.ProductStatus, more string, make func(*runner) call, checks ...func(*answer)) Step {
	return does("submitProduct", "submit it", 200, "", more, make, append(checks, func(a *answer) { a.has("status", string(want)) })...).
		showing("ProductStatus " + string(want))
}

func notPending(words string, make func(*runner) call) Step {
	return does("submitProduct", words, 409, api.CodeVal, "", make)
}

// states are what the API alone can't bring a request into.
var states = []Case{
	{
		Name: "complete", SetUp: "a pending request for cards_individuals that lacks nothing", Needs: []string{"Key", "Complete"}, Steps: []Step{
			of("Complete", submits(api.InKyc, "in_kyc", here)).showing("ProductType cards_individuals"),
			notPending("submit it again", here),
		},
	},
	{
		Name: "repeated", SetUp: "a pending request that lacks nothing", Needs: []string{"Key", "Repeated"}, Steps: []Step{
			of("Repeated", submits(api.InKyc, "in_kyc", under(here))),
			does("submitProduct", "the same call", 200, "", "the same bytes", under(here), sameBytes(0)),
			notPending("submit it without the Idempotency-Key", here),
		},
	},
	{
		Name: "requested listed", SetUp: "a request in status requested", Needs: []string{"Key", "Requested"}, ReadSafe: true, Steps: []Step{
			of("Requested", listing(api.Requested)),
		},
	},
	{
		Name: "requested", SetUp: "a request in status requested with something missing", Needs: []string{"Key", "Requested"}, Steps: []Step{
			of("Requested", submits(api.PendingDocumentation, "pending_documentation", here)),
		},
	},
	{
		Name: "rejected document", SetUp: "a pending request with a document that isn't accepted", Needs: []string{"Key", "RejectedDocument"}, Steps: []Step{
			of("RejectedDocument", submits(api.PendingDocumentation, "a rejected document, and a requirement that says what will do", here, rejected(api.RejectedDocument), func(a *answer) {
				if !hasMember(a.product(), "data_type", string(api.DataTypeString)) {
					a.unexpected("/product/missing_requirements", "a field of type STRING")
				}
			})).showing("RejectedItemType document", "DataType STRING"),
		},
	},
	already("InKYC", api.InKyc), already("Enabled", api.Enabled), already("Rejected", api.Rejected),
	{
		Name: "client of in_kyc", SetUp: "a request in status in_kyc", Needs: []string{"Key", "InKYC"}, Steps: []Step{
			of("InKYC", does("getClient", "get its client", 200, "", "", here)),
			listing(api.InKyc),
			does("requestProduct", "request the same product", 409, api.CodeVal, "", asking(api.CardsIndividuals)),
			does("updateClient", "update the client to what it is", 200, "", "as it was", itself, asBefore(0)),
			listing(api.InKyc),
		},
	},
	{
		Name: "enabled listed", SetUp: "a request in status enabled", Needs: []string{"Key", "Enabled"}, ReadSafe: true, Steps: []Step{
			of("Enabled", listing(api.Enabled)),
		},
	},
	{
		Name: "requested after a rejection", SetUp: "a request in status rejected", Needs: []string{"Key", "Rejected"}, Steps: []Step{
			of("Rejected", listing(api.Rejected)),
			does("requestProduct", "request the same product", 201, "", "a new request", asking(api.CardsIndividuals), func(a *answer) {
				if text(a.object(), "id") == a.r.at.RequestID {
					a.unexpected("/id", "another id")
				}
			}),
			listing(api.Rejected),
		},
	},
}

// already is a submission of what is not pending any more.
func already(fixture string, is api.ProductStatus) Case {
	return Case{
		Name: "already " + string(is), SetUp: "a request in status " + string(is), Needs: []string{"Key", fixture}, ReadSafe: true,
		Steps: []Step{of(fixture, notPending("submit it", here))},
	}
}

// listing finds the request in the list of its client's.
func listing(is api.ProductStatus) Step {
	return does("listProducts", "list the products of its client", 200, "", string(is), here, func(a *answer) {
		product := a.item(a.r.at.RequestID)
		if text(product, "status") != string(is) {
			a.unexpected("", "the request in status "+string(is))
		}
		if is == api.Rejected && text(product, "rejection_code") == "" {
			a.unexpected("", "the rejection's code")
		}
	}).showing("ProductStatus " + string(is))
}

// itself is an update with what was got, without what is read only.
func itself(r *runner) call {
	got, in := r.before[0].object(), map[string]any{}
	for name := range r.c.operation("updateClient").RequestBody.Value.Content["application/json"].Schema.Value.Properties {
		if value, there := got[name]; there {
			in[name] = value
		}
	}
	return call{Subject: r.at, body: in}
}

// elsewhere are calls that lead to no operation.
var elsewhere = []Case{
	astray("wrong method", "another method than the path has", 405, api.CodeMethodNotAllowed, func(r *http.Request) { r.Method = http.MethodPatch }),
	astray("unknown path", "a path that isn't described", 404, api.CodeNotFound, func(r *http.Request) { r.URL.Path += "/contract/nothing" }),
}

func astray(name, words string, status int, code api.ErrorCode, edit func(*http.Request)) Case {
	step := Step{Call: words, Expect: fmt.Sprintf("%d %s", status, code), Covers: []string{"ErrorCode " + string(code)}, run: func(r *runner) {
		near := slices.IndexFunc(r.c.operations, func(op *operation) bool { return r.serves(op.OperationID) })
		r.ask(r.c.operations[near].OperationID, call{Subject: unknown(r.f.Key), edit: edit}).is(status, code)
	}}
	return Case{Name: name, SetUp: "nothing", Needs: []string{"Key"}, ReadSafe: true, Steps: []Step{step}}
}
