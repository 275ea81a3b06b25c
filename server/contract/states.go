package contract

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

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

func submits(want api.ProductStatus, make func(*runner) call) Step {
	return does("submitProduct", "submit it", 200, "", string(want), make, func(a *answer) { a.has("status", string(want)) }).
		showing("ProductStatus " + string(want))
}

func notPending(words string, make func(*runner) call) Step {
	return does("submitProduct", words, 409, api.CodeVal, "", make)
}

// another has the step make another client, and leaves the request that the case is about.
func another(step Step) Step {
	step.Call = strings.Replace(step.Call, "a client", "another client", 1)
	return step
}

// states are those that a request gets into, and what it lets be done then.
var states = []Case{
	{
		Name: "complete", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals), adds("add a passport"),
			listing(api.PendingDocumentation),
			submits(api.InKyc, here),
			notPending("submit it again", here),
			does("completeDocumentation", "add a passport", 409, api.CodeVal, "", passport()),
			does("getClient", "get the client", 200, "", "as it was sent", here, asSent),
			update("the same", "", unchanged),
			listing(api.InKyc, api.Enabled, api.Rejected), // the provider may decide at any time
		},
	},
	{
		Name: "submitted at once", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals), adds("add a passport"),
			atOnce("submitProduct", "submit it", 200, 409, api.CodeVal, here),
			listing(api.InKyc, api.Enabled, api.Rejected),
		},
	},
	{
		Name: "submitted under a key at once", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals), adds("add a passport"), underAtOnce("submitProduct", "submit it", 200, here),
		},
	},
	{
		Name: "request of another client", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals), another(create()),
			does("submitProduct", "submit the request of the first client for the second one", 404, api.CodeNotFound, "", here),
			does("completeDocumentation", "add a passport to it", 404, api.CodeNotFound, "", passport()),
		},
	},
	{
		Name: "submitted under a key", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals), adds("add a passport"),
			submits(api.InKyc, under(here)),
			does("submitProduct", "the same call", 200, "", "the same bytes", under(here), sameBytes(3)),
			notPending("submit it without the Idempotency-Key", here),
		},
	},
	{
		Name: "enabled", SetUp: "nothing", Needs: []string{"Decide"}, Steps: []Step{
			create(), request(api.CardsIndividuals), adds("add a passport"), submits(api.InKyc, here), decided(api.Enabled),
			listing(api.Enabled),
			does("getClient", "get the client", 200, "", "active, as it was sent", here, asSent, func(a *answer) {
				if text(a.object(), "status") != string(api.ClientActive) {
					a.unexpected("/status", string(api.ClientActive))
				}
			}).showing("ClientStatus active"),
			notPending("submit it", here),
			does("completeDocumentation", "add a passport", 409, api.CodeVal, "", passport()),
			does("requestProduct", "request the same product", 409, api.CodeVal, "", asking(api.CardsIndividuals)),
		},
	},
	{
		Name: "rejected", SetUp: "nothing", Needs: []string{"Decide"}, Steps: []Step{
			create(), request(api.CardsIndividuals), adds("add a passport"), submits(api.InKyc, here), decided(api.Rejected),
			listing(api.Rejected),
			notPending("submit it", here),
			does("completeDocumentation", "add a passport", 409, api.CodeVal, "", passport()),
			does("requestProduct", "request the same product", 201, "", "a new request", asking(api.CardsIndividuals), func(a *answer) {
				if text(a.object(), "id") == a.r.at.RequestID {
					a.unexpected("/id", "another id")
				}
			}),
			does("listProducts", "list the products of its client", 200, "", "the request as before, and the new one as pending", here, found(api.Rejected), func(a *answer) {
				if request := a.item(text(a.r.before[7].object(), "id")); !api.ProductStatus(text(request, "status")).Pending() {
					a.unexpected("", "the new request as pending")
				}
			}),
		},
	},
	{
		Name: "requested listed", SetUp: "a request in status requested", Needs: []string{"Key", "Requested"}, ReadSafe: true, Steps: []Step{
			of("Requested", listing(api.Requested)),
		},
	},
	{
		Name: "requested", SetUp: "a request in status requested with something missing", Needs: []string{"Key", "Requested"}, Steps: []Step{
			of("Requested", does("completeDocumentation", "add a text as a photo", 200, "", "a rejected document, and still requested", passport(photo("text")), rejected(api.RejectedDocument, "passport"), func(a *answer) {
				a.has("status", string(api.Requested))
			})),
			submits(api.PendingDocumentation, here),
		},
	},
}

// listing finds the request in the list of its client's, in one of these statuses.
func listing(statuses ...api.ProductStatus) Step {
	words := strings.Trim(fmt.Sprint(statuses), "[]")
	step := does("listProducts", "list the products of its client", 200, "", "the request: "+words, here, found(statuses...))
	if len(statuses) == 1 {
		step = step.showing("ProductStatus " + words)
	}
	return step
}

// found expects the request in a list, in one of these statuses.
func found(statuses ...api.ProductStatus) func(*answer) {
	return func(a *answer) {
		product := a.item(a.r.at.RequestID)
		status := api.ProductStatus(text(product, "status"))
		if !slices.Contains(statuses, status) {
			a.unexpected("", fmt.Sprint("the request with one of the statuses ", statuses))
		}
		if status == api.Rejected && text(product, "rejection_code") == "" {
			a.unexpected("", "the rejection's code")
		}
	}
}

// elsewhere are calls that lead to no operation.
var elsewhere = []Case{
	astray("unknown path", "a path that isn't described", 404, api.CodeNotFound, func(r *http.Request) { r.URL.Path += "/contract/nothing" }),
}

func astray(name, words string, status int, code api.ErrorCode, edit func(*http.Request)) Case {
	step := Step{Call: words, Expect: fmt.Sprintf("%d %s", status, code), Covers: []string{"ErrorCode " + string(code)}, run: func(r *runner) {
		near := slices.IndexFunc(r.c.operations, func(op *operation) bool { return r.serves(op.OperationID) })
		r.ask(r.c.operations[near].OperationID, call{Subject: unknown(r.f.Key), edit: edit}).is(status, code)
	}}
	return Case{Name: name, SetUp: "nothing", Needs: []string{"Key"}, ReadSafe: true, Steps: []Step{step}}
}
