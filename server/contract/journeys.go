package contract

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/cryptomate-go/enablement/gen/api"
)

// nonsense is no product, and is looked for in errors.
const nonsense = "zorbulon"

// create makes a client that the case is about from now on.
func create(change ...func(*api.ClientInput)) Step {
	return createWith("create a client", func(r *runner) call { return call{Subject: r.at} }, change...)
}

func createWith(words string, make func(*runner) call, change ...func(*api.ClientInput)) Step {
	return does("createClient", words, 201, "", "pending, with what was sent", func(r *runner) call {
		r.sent = r.person()
		for _, edit := range change {
			edit(&r.sent)
		}
		c := make(r)
		c.body = r.sent
		return c
	}, func(a *answer) {
		a.r.at.ClientID = text(a.object(), "id")
		if text(a.object(), "status") != string(api.ClientPending) {
			a.unexpected("/status", string(api.ClientPending))
		}
	}).showing("ClientStatus pending", "ClientType individual")
}

func noPhone(in *api.ClientInput)    { in.PhoneCountryCode, in.PhoneNumber = 0, 0 }
func shortPhone(in *api.ClientInput) { in.PhoneNumber = 1 }

// update sends the client as it was last sent, with a change.
func update(words, more string, change func(*api.ClientInput), checks ...func(*answer)) Step {
	return does("updateClient", words, 200, "", more, func(r *runner) call {
		change(&r.sent)
		return call{Subject: r.at, body: r.sent}
	}, checks...)
}

// request asks for a product, with a request that the case is about from now on.
func request(product api.ProductType) Step {
	return requestWith("request "+string(product), product, asking(product))
}

func requestWith(words string, product api.ProductType, make func(*runner) call) Step {
	return does("requestProduct", words, 201, "", "pending, with something missing", make, func(a *answer) {
		a.r.at.RequestID = text(a.object(), "id")
		a.has("status", string(api.PendingDocumentation))
		a.has("product", string(product))
		if product != api.CardsIndividuals {
			return // what another one asks for is not described
		}
		passportMissing(true)(a)
		if a.r.sent.PhoneNumber == 0 {
			phoneMissing(true)(a)
		}
	}).showing("ProductType "+string(product), "ProductStatus pending_documentation")
}

func asking(product api.ProductType) func(*runner) call {
	return func(r *runner) call { return call{Subject: r.at, body: api.ProductInput{Subproduct: string(product)}} }
}

// has expects a field of the product.
func (a *answer) has(name, value string) {
	if text(a.product(), name) != value {
		a.unexpected("/"+name, value)
	}
}

// asBefore expects the body of the step before, or of the n-th step from the start.
func asBefore(n int) func(*answer) {
	return func(a *answer) {
		if !reflect.DeepEqual(a.x.received.value, a.r.before[n].x.received.value) {
			a.unexpected("", "the same as before")
		}
	}
}

func sameBytes(n int) func(*answer) {
	return func(a *answer) {
		if !a.equals(a.r.before[n]) {
			a.unexpected("", "the very bytes of the first answer")
		}
	}
}

// asSent expects the client with the fields that were sent last.
func asSent(a *answer) {
	written, _ := json.Marshal(a.r.sent) // it was sent
	var sent map[string]any
	_ = json.Unmarshal(written, &sent)
	for name, value := range sent {
		if !reflect.DeepEqual(a.object()[name], value) {
			a.unexpected("/"+name, "what was sent")
		}
	}
}

// listed expects the client, or the request, among the others.
func listed(id func(Subject) string) func(*answer) {
	return func(a *answer) {
		if a.where(id(a.r.at)) < 0 {
			a.unexpected("", "an item with the id")
		}
	}
}

func clientOf(s Subject) string  { return s.ClientID }
func requestOf(s Subject) string { return s.RequestID }

// missing expects that something is missing of the request that the case is about, by a member of its description, or
// that it is not.
func missing(words, member, value string, want bool) func(*answer) {
	return func(a *answer) {
		product := a.product()
		if _, isList := a.x.received.value.([]any); isList {
			product = a.item(a.r.at.RequestID)
		}
		if product == nil {
			a.unexpected("", "an item with the id")
		}
		if hasMember(product["missing_requirements"], member, value) != want {
			a.unexpected("", map[bool]string{true: words + " as missing", false: "no " + words + " as missing"}[want])
		}
	}
}

func phoneMissing(want bool) func(*answer) {
	return missing("phone number", "data_type", string(api.DataTypePhone), want)
}

// under sends an Idempotency-Key with a call, the same one in all of the case.
func under(make func(*runner) call) func(*runner) call {
	return func(r *runner) call {
		if r.key == "" {
			r.key = r.unique()
		}
		c := make(r)
		c.IdempotencyKey = r.key
		return c
	}
}

// again sends the client that was sent last, changed.
func again(change func(*api.ClientInput)) func(*runner) call {
	return func(r *runner) call {
		in := r.sent
		change(&in)
		return call{Subject: r.at, body: in}
	}
}

func unchanged(*api.ClientInput) {}

var journeys = []Case{
	{
		Name: "client created", SetUp: "nothing", Steps: []Step{
			create(),
			does("getClient", "get it", 200, "", "as it was created", here, asBefore(0)),
			does("listClients", "list the clients", 200, "", "it is among them", here, listed(clientOf)),
			does("listProducts", "list its products", 200, "", "none", here, func(a *answer) {
				if list, ok := a.x.received.value.([]any); !ok || len(list) > 0 {
					a.unexpected("", "an empty list")
				}
			}),
		},
	},
	{
		Name: "client exists", SetUp: "nothing", Steps: []Step{
			create(),
			does("createClient", "create it again", 400, api.CodeVal, "", again(unchanged)),
			does("createClient", "create it with its address in upper case", 400, api.CodeVal, "", again(func(in *api.ClientInput) { in.Email = strings.ToUpper(in.Email) })),
		},
	},
	{
		Name: "client created at once", SetUp: "nothing", Steps: []Step{
			atOnce("createClient", "create a client", 201, 400, api.CodeVal, func(r *runner) call { return call{Subject: r.at, body: r.person()} }),
		},
	},
	{
		Name: "client created under a key at once", SetUp: "nothing", Steps: []Step{
			underAtOnce("createClient", "create a client", 201, func(r *runner) call { return call{Subject: r.at, body: r.person()} }),
		},
	},
	{
		Name: "repeated with a key of another company", SetUp: "a key of another company", Needs: []string{"OtherCompanyKey"}, Steps: []Step{
			createWith("create a client with an Idempotency-Key", under(here)),
			does("createClient", "the same call with a key of another company", 201, "", "another client", theirs(again(unchanged)), func(a *answer) {
				if text(a.object(), "id") == a.r.at.ClientID {
					a.x.find(ruleLeak, "/id", a.line(), "another client than that of the first company", nil)
				}
			}),
			requestWith("request a product with an Idempotency-Key", api.CardsIndividuals, under(asking(api.CardsIndividuals))),
			gone("requestProduct", "the same call with a key of another company", theirs(asking(api.CardsIndividuals))),
			does("submitProduct", "submit it with an Idempotency-Key", 200, "", "", under(here)),
			gone("submitProduct", "the same call with a key of another company", theirs(here)),
			does("completeDocumentation", "add a passport with an Idempotency-Key", 200, "", "", under(passport())),
			gone("completeDocumentation", "the same call with a key of another company", theirs(passport())),
		},
	},
	{
		Name: "client created under a key", SetUp: "nothing", Steps: []Step{
			createWith("create a client with an Idempotency-Key", under(here)),
			does("createClient", "the same call", 201, "", "the same bytes", under(again(unchanged)), sameBytes(0)),
			does("createClient", "another client with the same Idempotency-Key", 422, api.CodeIdempotencyMismatch, "", under(func(r *runner) call {
				return call{Subject: r.at, body: r.person()}
			})),
		},
	},
	{
		Name: "state of another country", SetUp: "nothing", Steps: []Step{
			does("createClient", "create a client", 412, api.CodeVal, "", func(r *runner) call {
				r.sent = r.person()
				return again(abroad)(r)
			}),
			create(),
			does("updateClient", "move it", 412, api.CodeVal, "", again(abroad)),
		},
	},
	{
		Name: "client updated", SetUp: "nothing", Steps: []Step{
			create(),
			update("leave out the phone number and the second name", "without them", func(in *api.ClientInput) {
				noPhone(in)
				in.SecondName = ""
			}, func(a *answer) {
				for _, name := range []string{"phone_number", "phone_country_code", "second_name"} {
					if _, there := a.object()[name]; there {
						a.unexpected("/"+name, "no such field")
					}
				}
			}),
			does("getClient", "get it", 200, "", "as it was updated", here, asBefore(1)),
			update("the same", "with the same updated_at", unchanged, asBefore(1)),
		},
	},
	{
		Name: "client updated to another's address", SetUp: "nothing", Steps: []Step{
			create(),
			does("createClient", "create another client", 201, "", "", func(r *runner) call {
				return call{Subject: r.at, body: r.person()}
			}, func(a *answer) {
				a.r.at.ClientID = text(a.object(), "id")
			}),
			does("updateClient", "give it the e-mail address of the first", 400, api.CodeVal, "", again(unchanged)),
		},
	},
	{
		Name: "clients newest first", SetUp: "nothing", Steps: []Step{
			create(), create(),
			does("listClients", "list the clients", 200, "", "the second before the first", here, func(a *answer) {
				second, first := a.where(a.r.at.ClientID), a.where(text(a.r.before[0].object(), "id"))
				if second < 0 || first < second {
					a.unexpected("", "the newest first")
				}
			}),
		},
	},
	{
		Name: "products newest first", SetUp: "nothing", Steps: []Step{
			create(), request(api.RampsCards), request(api.RampsPix),
			does("listProducts", "list its products", 200, "", "the second before the first", here, func(a *answer) {
				second, first := a.where(a.r.at.RequestID), a.where(text(a.r.before[1].object(), "id"))
				if second < 0 || first < second {
					a.unexpected("", "the newest first")
				}
			}),
		},
	},
	{
		Name: "product requested", SetUp: "nothing", Steps: []Step{
			create(noPhone), request(api.CardsIndividuals),
			does("listProducts", "list its products", 200, "", "the request is among them", here, listed(requestOf)),
			does("requestProduct", "request the same product", 409, api.CodeVal, "", asking(api.CardsIndividuals)),
			does("requestProduct", "request what is no product", 412, api.CodeVal, "", asking(nonsense)),
		},
	},
	{
		Name: "product requested at once", SetUp: "nothing", Steps: []Step{
			create(), atOnce("requestProduct", "request a product", 201, 409, api.CodeVal, asking(api.CardsIndividuals)),
		},
	},
	{
		Name: "product requested under a key at once", SetUp: "nothing", Steps: []Step{
			create(), underAtOnce("requestProduct", "request a product", 201, asking(api.CardsIndividuals)),
		},
	},
	{
		Name: "product requested under a key", SetUp: "nothing", Steps: []Step{
			create(),
			does("requestProduct", "request a product with an Idempotency-Key", 201, "", "", under(asking(api.CardsIndividuals))),
			does("requestProduct", "the same call", 201, "", "the same bytes", under(asking(api.CardsIndividuals)), sameBytes(1)),
			does("requestProduct", "another product with the same Idempotency-Key", 422, api.CodeIdempotencyMismatch, "", under(asking(api.RampsPix))),
		},
	},
	{
		Name: "submissions under a key", SetUp: "nothing", Steps: []Step{
			create(noPhone), request(api.CardsIndividuals),
			does("submitProduct", "submit with an Idempotency-Key", 200, "", "", under(here)),
			does("submitProduct", "the same call", 200, "", "the same bytes", under(here), sameBytes(2)),
			request(api.RampsPix),
			does("submitProduct", "submit another request with the same Idempotency-Key", 422, api.CodeIdempotencyMismatch, "", under(here)),
		},
	},
	{
		Name: "data completed", SetUp: "nothing", Steps: []Step{
			create(noPhone), request(api.CardsIndividuals),
			does("submitProduct", "submit it", 200, "", "pending_documentation, the phone number is missing", here, pending, phoneMissing(true), nothingRejected).showing("DataType PHONE"),
			does("listProducts", "list its products", 200, "", "the phone number is missing", here, phoneMissing(true)),
			update("add a phone number", "", func(in *api.ClientInput) { in.PhoneCountryCode, in.PhoneNumber = 54, 91123456789 }),
			does("listProducts", "list its products", 200, "", "the phone number is not missing", here, phoneMissing(false)),
			does("submitProduct", "submit it", 200, "", "pending_documentation, the phone number is not missing", here, pending, phoneMissing(false), nothingRejected).showing("DataType STRING"),
		},
	},
	{
		Name: "data rejected", SetUp: "nothing", Steps: []Step{
			create(shortPhone), request(api.CardsIndividuals),
			does("submitProduct", "submit it", 200, "", "a rejected data item, and the field as missing", here, pending, phoneMissing(true), rejected(api.RejectedData, "phone")).showing("RejectedItemType data", "DataType PHONE"),
		},
	},
	{
		Name: "client deleted", SetUp: "nothing", Steps: []Step{
			create(), request(api.CardsIndividuals),
			does("deleteClient", "delete it", 204, "", "no body", here),
			gone("getClient", "get it", here), gone("updateClient", "update it", again(unchanged)), gone("deleteClient", "delete it again", here),
			gone("requestProduct", "request a product", asking(api.CardsIndividuals)), gone("listProducts", "list its products", here),
			gone("submitProduct", "submit its request", here),
			does("listClients", "list the clients", 200, "", "it is not among them", here, func(a *answer) {
				if a.where(a.r.at.ClientID) >= 0 {
					a.unexpected("", "no client that was deleted")
				}
			}),
		},
	},
	{
		Name: "level 1 is enough", SetUp: "such a key", Needs: []string{"LowLevelKey"}, Steps: []Step{
			withLowLevel(create()),
			does("getClient", "get it", 200, "", "", here), does("listClients", "list the clients", 200, "", "it is among them", here, listed(clientOf)),
			does("listProducts", "list its products", 200, "", "", here),
		},
	},
	{
		Name: "another company's client is not listed", SetUp: "a key of another company", Needs: []string{"OtherCompanyKey"}, Steps: []Step{
			create(),
			does("listClients", "list the clients of the other company", 200, "", "it is not among them", asOther, func(a *answer) {
				if a.where(a.r.at.ClientID) >= 0 {
					a.x.find(ruleLeak, "", a.line(), "no client of another company", nil)
				}
			}),
		},
	},
}

func abroad(in *api.ClientInput) { in.Address.Country = "USA" }

func gone(operation, words string, make func(*runner) call) Step {
	return does(operation, words, 404, api.CodeNotFound, "", make)
}

func pending(a *answer) { a.has("status", string(api.PendingDocumentation)) }

// withLowLevel has the rest of the case use the key.
func withLowLevel(step Step) Step {
	run := step.run
	step.run = func(r *runner) {
		r.at.Key = r.f.LowLevelKey
		run(r)
	}
	return step
}

// theirs is a call under the case's Idempotency-Key with the key of another company.
func theirs(make func(*runner) call) func(*runner) call {
	return under(func(r *runner) call {
		c := make(r)
		c.Key = r.f.OtherCompanyKey
		return c
	})
}

// asOther is a call about the same with the key of another company.
func asOther(r *runner) call {
	c := here(r)
	c.Key = r.f.OtherCompanyKey
	return c
}
