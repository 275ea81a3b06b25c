package contract

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Case is one situation that openapi.yaml describes, and how it is answered.
type Case struct {
	// Name is the case's; it stays the same between releases.
	Name string
	// SetUp is what must be there before, in words.
	SetUp string
	// Call is what is sent, in words.
	Call string
	// Expect is how that is answered, in words.
	Expect string
	// Covers are what of the specification the case shows: statuses ("status 200") and enumerated values
	// ("ProductStatus in_kyc").
	Covers []string
	// Needs are the fields of [Fixtures] without which the case can't run.
	Needs []string
	// ReadSafe tells that the case changes nothing on a server that keeps to the specification.
	ReadSafe bool

	run func(*runner)
}

// Subject is a product request that the server under test has, and how to submit it.
type Subject struct {
	ClientID, RequestID string
	// Key is an API key for this subject only; [Fixtures].Key if empty.
	Key string
	// IdempotencyKey is sent along if it isn't empty.
	IdempotencyKey string
	// Header is sent along, such as one that asks a stand-in for a fault.
	Header http.Header
}

// Fixtures says what the server under test has. Every field is optional but Key: a case whose fixture
// is absent isn't run, and [Coverage] says so. All subjects are different requests, of the company that
// owns Key, unless they have a key of their own.
type Fixtures struct {
	// Key is a valid API key of a sufficient access level.
	Key string
	// LowLevelKey is a valid key whose access level is too low.
	LowLevelKey string
	// RevokedKey is a key that was valid once: revoked or expired.
	RevokedKey string
	// OtherCompanyKey is a valid key, of a sufficient level, of a company that has none of the subjects.
	OtherCompanyKey string

	// Complete lacks nothing and is pending: cards_individuals.
	Complete Subject
	// Repeated is like Complete. It is submitted with an Idempotency-Key.
	Repeated Subject
	// RampsCards and RampsPix are pending requests for these products.
	RampsCards, RampsPix Subject
	// Requested is in the status requested, with something missing.
	Requested Subject
	// Incomplete is pending with something missing.
	Incomplete Subject
	// RejectedDocument has a stored document that isn't accepted.
	RejectedDocument Subject
	// RejectedData has a stored phone number that isn't accepted.
	RejectedData Subject
	// InKYC, Enabled and Rejected are in these statuses.
	InKYC, Enabled, Rejected Subject

	// Running has an IdempotencyKey with which a call is under way.
	Running Subject
	// Limited is over its rate limit, for example by its Key.
	Limited Subject
	// Failing makes the server fail.
	Failing Subject
	// Unavailable finds the server unable to take the call.
	Unavailable Subject
}

func (f Fixtures) has(name string) bool {
	switch name {
	case "Key":
		return f.Key != ""
	case "LowLevelKey":
		return f.LowLevelKey != ""
	case "RevokedKey":
		return f.RevokedKey != ""
	case "OtherCompanyKey":
		return f.OtherCompanyKey != ""
	default:
		return f.subject(name).ClientID != ""
	}
}

func (f Fixtures) subject(name string) Subject {
	subject := map[string]Subject{
		"Complete": f.Complete, "Repeated": f.Repeated, "RampsCards": f.RampsCards, "RampsPix": f.RampsPix,
		"Requested": f.Requested, "Incomplete": f.Incomplete, "RejectedDocument": f.RejectedDocument,
		"RejectedData": f.RejectedData, "InKYC": f.InKYC, "Enabled": f.Enabled, "Rejected": f.Rejected,
		"Running": f.Running, "Limited": f.Limited, "Failing": f.Failing, "Unavailable": f.Unavailable,
	}[name]
	if subject.Key == "" {
		subject.Key = f.Key
	}
	return subject
}

// Cases returns the case table: for every status, error code and enumerated value that the operation
// can answer, at least one case.
func Cases() []Case { return slices.Clone(cases) }

func status(codes ...int) []string {
	var points []string
	for _, code := range codes {
		points = append(points, fmt.Sprintf("status %d", code))
	}
	return points
}

func with(points []string, more ...string) []string { return append(points, more...) }

var cases = slices.Concat(submissions, conflicts, idempotency, access, malformed, trouble)

var submissions = []Case{
	{
		Name: "complete", SetUp: "a pending request for cards_individuals that lacks nothing", Call: "submit it, twice",
		Expect: "200 in_kyc, then 409 VAL", Needs: []string{"Key", "Complete"},
		Covers: with(status(200, 409), "ProductStatus in_kyc", "ProductType cards_individuals", "ErrorCode VAL"),
		run: func(r *runner) {
			r.submitted("Complete", api.InKyc, api.CardsIndividuals)
			r.submit("Complete").refused(409, api.CodeVal)
		},
	},
	ofProduct("RampsCards", api.RampsCards), ofProduct("RampsPix", api.RampsPix),
	{
		Name: "requested", SetUp: "a request in status requested with something missing", Call: "submit it",
		Expect: "200 pending_documentation", Needs: []string{"Key", "Requested"},
		Covers: with(status(200), "ProductStatus requested", "ProductStatus pending_documentation"),
		run:    func(r *runner) { r.submitted("Requested", api.PendingDocumentation, "") },
	},
	{
		Name: "incomplete", SetUp: "a pending request with something missing", Call: "submit it, twice",
		Expect: "200 pending_documentation both times", Needs: []string{"Key", "Incomplete"},
		Covers: with(status(200), "ProductStatus pending_documentation"),
		run: func(r *runner) {
			r.submitted("Incomplete", api.PendingDocumentation, "")
			r.submitted("Incomplete", api.PendingDocumentation, "")
		},
	},
	{
		Name: "rejected document", SetUp: "a pending request with a document that isn't accepted", Call: "submit it",
		Expect: "200 with a rejected document and a requirement that says what will do", Needs: []string{"Key", "RejectedDocument"},
		Covers: with(status(200), "RejectedItemType document", "DataType STRING"),
		run: func(r *runner) {
			answer := r.submitted("RejectedDocument", api.PendingDocumentation, "")
			answer.has("a rejected item of type document", `"type":"document"`)
			answer.has("a field of type STRING", `"data_type":"STRING"`)
		},
	},
	{
		Name: "rejected data", SetUp: "a pending request with a phone number that isn't accepted", Call: "submit it",
		Expect: "200 with a rejected data item and the field as missing", Needs: []string{"Key", "RejectedData"},
		Covers: with(status(200), "RejectedItemType data", "DataType PHONE"),
		run: func(r *runner) {
			answer := r.submitted("RejectedData", api.PendingDocumentation, "")
			answer.has("a rejected item of type data", `"type":"data"`)
			answer.has("a field of type PHONE", `"data_type":"PHONE"`)
		},
	},
}

func ofProduct(fixture string, product api.ProductType) Case {
	return Case{
		Name: "product " + string(product), SetUp: "a pending request for " + string(product), Call: "submit it",
		Expect: "200 with that product", Needs: []string{"Key", fixture},
		Covers: with(status(200), "ProductType "+string(product)),
		run:    func(r *runner) { r.submitted(fixture, "", product) },
	}
}

var conflicts = []Case{notPending("InKYC", api.InKyc), notPending("Enabled", api.Enabled), notPending("Rejected", api.Rejected)}

func notPending(fixture string, is api.ProductStatus) Case {
	return Case{
		Name: "already " + string(is), SetUp: "a request in status " + string(is), Call: "submit it",
		Expect: "409 VAL", Needs: []string{"Key", fixture}, ReadSafe: true,
		Covers: with(status(409), "ErrorCode VAL", "ProductStatus "+string(is)),
		run:    func(r *runner) { r.submit(fixture).refused(409, api.CodeVal) },
	}
}

var idempotency = []Case{
	{
		Name: "repeated", SetUp: "a pending request that lacks nothing",
		Call: "submit it twice with one Idempotency-Key, then without", Expect: "200 in_kyc, the same bytes, then 409 VAL",
		Needs: []string{"Key", "Repeated"}, Covers: with(status(200, 409), "ProductStatus in_kyc", "ErrorCode VAL"),
		run: func(r *runner) {
			once := r.f.subject("Repeated")
			once.IdempotencyKey = r.unique()
			first := r.call(once).is(200)
			second := r.call(once).is(200)
			if string(first.body) != string(second.body) {
				second.unexpected("", "the very bytes of the first answer")
			}
			r.submit("Repeated").refused(409, api.CodeVal)
		},
	},
	{
		Name: "key of another submission", SetUp: "two pending requests", Call: "submit both with one Idempotency-Key",
		Expect: "200, then 422 IDEMPOTENCY_MISMATCH", Needs: []string{"Key", "Incomplete", "RejectedDocument"},
		Covers: with(status(422), "ErrorCode IDEMPOTENCY_MISMATCH"),
		run: func(r *runner) {
			one, other := r.f.subject("Incomplete"), r.f.subject("RejectedDocument")
			one.IdempotencyKey = r.unique()
			other.IdempotencyKey = one.IdempotencyKey
			r.call(one).is(200)
			r.call(other).refused(422, api.CodeIdempotencyMismatch)
		},
	},
	{
		Name: "still running", SetUp: "a call with an Idempotency-Key is under way", Call: "the same call",
		Expect: "409 IDEMPOTENCY_IN_PROGRESS", Needs: []string{"Key", "Running"},
		Covers: with(status(409), "ErrorCode IDEMPOTENCY_IN_PROGRESS"),
		run:    func(r *runner) { r.submit("Running").refused(409, api.CodeIdempotencyInProgress) },
	},
}

// existing are the fixtures that any request will do for, the safest first.
var existing = []string{"InKYC", "Enabled", "Rejected", "Incomplete", "RejectedDocument", "RejectedData", "Requested"}

// Ids and a key that no server has.
const (
	unknownClient  = "contract_unknown_client"
	unknownRequest = "contract_unknown_request"
	unknownKey     = "contract-unknown-key"
)

var access = []Case{
	{
		Name: "unknown client", SetUp: "nothing", Call: "submit a request of a client that isn't there",
		Expect: "404 NOT_FOUND", Needs: []string{"Key"}, ReadSafe: true, Covers: with(status(404), "ErrorCode NOT_FOUND"),
		run: func(r *runner) { r.call(r.unknown(r.f.Key)).refused(404, api.CodeNotFound) },
	},
	{
		Name: "unknown request", SetUp: "a client", Call: "submit a request that the client doesn't have",
		Expect: "404 NOT_FOUND", Needs: []string{"Key", "InKYC"}, ReadSafe: true, Covers: with(status(404), "ErrorCode NOT_FOUND"),
		run: func(r *runner) {
			s := r.f.subject("InKYC")
			s.RequestID = unknownRequest
			r.call(s).refused(404, api.CodeNotFound)
		},
	},
	{
		Name: "another company's", SetUp: "a request of one company, and a key of another", Call: "submit it with that key",
		Expect: "404 NOT_FOUND, worded as for a request that isn't there", Needs: []string{"Key", "OtherCompanyKey"}, ReadSafe: true,
		Covers: with(status(404), "ErrorCode NOT_FOUND"),
		run: func(r *runner) {
			nowhere := r.unknown(r.f.OtherCompanyKey)
			want := r.call(nowhere).refused(404, api.CodeNotFound)
			for _, name := range existing {
				if !r.f.has(name) {
					continue
				}
				theirs := r.f.subject(name)
				theirs.Key = r.f.OtherCompanyKey
				answer := r.call(theirs).refused(404, api.CodeNotFound)
				if answer.status == want.status && answer.worded(theirs) != want.worded(nowhere) {
					answer.x.find(ruleLeak, "/message", r.c.responseLine(404), "the words for a request that isn't there", nil)
				}
				return
			}
		},
	},
	refusedKey("no key", "a request without an API key", "", api.CodeAuth, ""),
	refusedKey("unknown key", "a request with a key that was never issued", "", api.CodeAuth, unknownKey),
	refusedKey("revoked key", "a request with a key that was revoked or expired", "RevokedKey", api.CodeAuth, ""),
	refusedKey("low level", "a request with a key whose level is too low", "LowLevelKey", api.CodeAPIError, ""),
}

func refusedKey(name, call, fixture string, code api.ErrorCode, key string) Case {
	c := Case{
		Name: name, SetUp: "nothing", Call: call, Expect: "401 " + string(code), ReadSafe: true,
		Covers: with(status(401), "ErrorCode "+string(code)),
		run: func(r *runner) {
			used := key
			switch fixture {
			case "RevokedKey":
				used = r.f.RevokedKey
			case "LowLevelKey":
				used = r.f.LowLevelKey
			}
			r.call(r.unknown(used)).refused(401, code)
		},
	}
	if fixture != "" {
		c.Needs, c.SetUp = []string{fixture}, "such a key"
	}
	return c
}

var malformed = []Case{
	badRequest("bad client id", "a client id with a space in it", func(r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, unknownClient, "a b", 1)
	}),
	badRequest("bad request id", "a request id of 65 characters", func(r *http.Request) {
		r.URL.Path = strings.Replace(r.URL.Path, unknownRequest, strings.Repeat("a", 65), 1)
	}),
	badRequest("unknown query", "a query parameter that the operation doesn't have", func(r *http.Request) { r.URL.RawQuery = "page=1" }),
	badRequest("bad Idempotency-Key", "an Idempotency-Key with a space in it", func(r *http.Request) { r.Header.Set("Idempotency-Key", "a b") }),
	badRequest("two Idempotency-Keys", "two of them", func(r *http.Request) { r.Header["Idempotency-Key"] = []string{"a", "b"} }),
	badRequest("body", "a body", func(r *http.Request) { setBody(r, 2) }),
	{
		Name: "large body", SetUp: "nothing", Call: "a body of 256 KiB", Expect: "413 PAYLOAD_TOO_LARGE", Needs: []string{"Key"}, ReadSafe: true,
		Covers: with(status(413), "ErrorCode PAYLOAD_TOO_LARGE"),
		run: func(r *runner) {
			r.edited(func(r *http.Request) { setBody(r, 256<<10) }).refused(413, api.CodePayloadTooLarge)
		},
	},
	{
		Name: "wrong method", SetUp: "nothing", Call: "GET instead of POST", Expect: "405 METHOD_NOT_ALLOWED with Allow",
		Needs: []string{"Key"}, ReadSafe: true, Covers: []string{"ErrorCode METHOD_NOT_ALLOWED"},
		run: func(r *runner) {
			r.edited(func(r *http.Request) { r.Method = http.MethodGet }).refused(405, api.CodeMethodNotAllowed)
		},
	},
	{
		Name: "unknown path", SetUp: "nothing", Call: "another path", Expect: "404 NOT_FOUND", Needs: []string{"Key"}, ReadSafe: true,
		Covers: []string{"ErrorCode NOT_FOUND"},
		run: func(r *runner) {
			r.edited(func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "/submit", "/nothing", 1) }).refused(404, api.CodeNotFound)
		},
	},
}

func badRequest(name, call string, edit func(*http.Request)) Case {
	return Case{
		Name: name, SetUp: "nothing", Call: call, Expect: "400 BAD_REQUEST", Needs: []string{"Key"}, ReadSafe: true,
		Covers: with(status(400), "ErrorCode BAD_REQUEST"),
		run:    func(r *runner) { r.edited(edit).refused(400, api.CodeBadRequest) },
	}
}

var trouble = []Case{
	inTrouble("too many", "Limited", "a caller over its rate limit", 429, api.CodeTooManyRequests),
	inTrouble("server error", "Failing", "a server that fails", 500, api.CodeServerError),
	inTrouble("unavailable", "Unavailable", "a server that can't take the call", 503, api.CodeServiceUnavailable),
}

func inTrouble(name, fixture, setUp string, code int, is api.ErrorCode) Case {
	return Case{
		Name: name, SetUp: setUp, Call: "submit", Expect: fmt.Sprintf("%d %s", code, is), Needs: []string{fixture},
		Covers: with(status(code), "ErrorCode "+string(is)),
		run:    func(r *runner) { r.submit(fixture).refused(code, is) },
	}
}

// points are what the case table must have a case for: every declared status ("status 200") and every
// enumerated value that a response can hold ("ProductStatus in_kyc").
func points(operations []*operation) []string {
	found := map[string]bool{}
	walked := map[*openapi3.Schema]bool{}
	var walk func(ref *openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		if ref == nil || walked[ref.Value] {
			return
		}
		walked[ref.Value] = true
		for _, value := range ref.Value.Enum {
			found[fmt.Sprintf("%s %v", ref.Ref[strings.LastIndex(ref.Ref, "/")+1:], value)] = true
		}
		for _, property := range ref.Value.Properties {
			walk(property)
		}
		walk(ref.Value.Items)
	}
	for _, op := range operations {
		for code, response := range op.Responses.Map() {
			found["status "+code] = true
			for _, media := range response.Value.Content {
				walk(media.Schema)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// uncovered are the points that none of the cases shows.
func uncovered(points []string, cases []Case) []string {
	return slices.DeleteFunc(slices.Clone(points), func(point string) bool {
		return slices.ContainsFunc(cases, func(c Case) bool { return slices.Contains(c.Covers, point) })
	})
}
