package selftest

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cryptomate-go/enablement/server/contract/internal/minimal"
)

const (
	inKYC = `{"product":{"id":"` + request + `","client_id":"` + client + `","product":"cards_individuals","status":"in_kyc",` +
		`"missing_requirements":{"documents":[],"data":[]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-16T09:20:00"},"rejected_items":[]}`
	phone   = `{"id":"personal_information","name":"Personal information","required":true,"fields":[{"key":"phone","data_type":"PHONE","required":true}]}`
	pending = `{"product":{"id":"` + request + `","client_id":"` + client + `","product":"cards_individuals","status":"pending_documentation",` +
		`"missing_requirements":{"documents":[],"data":[` + phone + `]},"created_at":"2026-04-15T10:30:00","updated_at":"2026-04-15T10:30:00"},` +
		`"rejected_items":[{"type":"data","key":"phone","reason":"The number is too short."}]}`
)

// swap is text with one part in place of another, which must be there.
func swap(text, from, to string) string {
	if !strings.Contains(text, from) {
		panic("there is no " + from)
	}
	return strings.Replace(text, from, to, 1)
}

// with is a response with a header.
func with(r response, name string, values ...string) response {
	r.header = r.header.Clone()
	r.header[name] = values
	if len(values) == 0 {
		delete(r.header, name)
	}
	return r
}

func says(r response, body string) response {
	r.body = body
	return r
}

func unkeyed(r *http.Request) { r.Header.Del("x-api-key") }

// responses are servers with one response that is wrong by itself.
func responses() []Fault {
	one := func(name, rule string, r response, edits ...func(*http.Request)) Fault {
		return served(name, rule, func() turn { return turn{call(edits...), r} })
	}
	ok, notFound := success(inKYC), failure(404, "NOT_FOUND")
	return []Fault{
		one("missing field", "schema.required", success(swap(inKYC, `"product":"cards_individuals",`, ""))),
		one("missing list", "schema.required", success(swap(inKYC, `,"rejected_items":[]`, ""))),
		one("error without a message", "schema.required", says(notFound, `{"code":"NOT_FOUND","trace_id":"`+trace+`"}`)),
		one("error without a trace id", "schema.required", says(notFound, `{"code":"NOT_FOUND","message":"no"}`)),
		one("wrong type", "schema.type", success(swap(pending, `"required":true,"fields"`, `"required":"yes","fields"`))),
		one("a list instead of an object", "schema.type", success("["+inKYC+"]")),
		one("null list", "schema.null", success(swap(inKYC, `"rejected_items":[]`, `"rejected_items":null`))),
		one("unknown status", "schema.enum", success(swap(inKYC, `"in_kyc"`, `"in_review"`))),
		one("unknown error code", "schema.enum", failure(404, "GONE_FISHING")),
		one("error code in lower case", "schema.enum", failure(404, "not_found")),
		one("date without a time", "schema.value", success(swap(inKYC, "2026-04-15T10:30:00", "2026-04-15"))),
		one("trace id of another form", "schema.value", says(notFound, `{"code":"NOT_FOUND","message":"no","trace_id":"4BF9"}`)),
		one("field that isn't described", "schema.undeclared_field", success(swap(inKYC, `"status"`, `"subproduct":"x","status"`))),
		one("field that isn't described, far below", "schema.undeclared_field", success(swap(pending, `"key":"phone","data_type"`, `"key":"phone","label":"x","data_type"`))),
		one("field with another case", "schema.undeclared_field", success(swap(inKYC, `"status"`, `"Status":"in_kyc","status"`))),
		one("empty name of a requirement", "schema.empty_text", success(swap(pending, `"Personal information"`, `""`))),
		one("requirement twice", "list.repeated", success(swap(pending, `[`+phone+`]`, `[`+phone+`,`+phone+`]`))),
		one("data field twice", "list.repeated", success(swap(pending, `"fields":[`, `"fields":[{"key":"phone","data_type":"PHONE","required":false},`))),
		one("nothing satisfies a requirement", "product.unsatisfiable", success(swap(pending, `"documents":[]`, `"documents":[{"id":"identity_document","name":"Identity document","required":true,"valid_documents":[]}]`))),
		one("rejected item twice", "list.repeated", success(swap(pending, `{"type":"data","key":"phone","reason":"The number is too short."}`,
			`{"type":"data","key":"phone","reason":"The number is too short."},{"type":"data","key":"phone","reason":"No."}`))),
		one("updated in 2999", "time.future", success(swap(inKYC, "2026-04-16T09", "2999-04-16T09"))),
		one("30 February", "time.impossible", success(swap(inKYC, "2026-04-15T10", "2026-02-30T10"))),
		one("updated before created", "time.order", success(swap(inKYC, "2026-04-16T09", "2026-04-14T09"))),

		one("status that isn't described", "response.status", failure(418, "VAL")),
		one("201 instead of 200", "response.status", response{201, ok.header, inKYC}),
		one("redirect", "response.status", response{307, http.Header{"Location": {"/"}, "X-Trace-Id": {trace}}, ""}),
		one("403 instead of 401", "response.status", failure(403, "API_ERROR")),
		one("HTML on 200", "response.media_type", says(with(ok, "Content-Type", "text/html"), "<html>")),
		one("JSON as text", "response.media_type", with(ok, "Content-Type", "text/plain")),
		one("JSON in another charset", "response.media_type", with(ok, "Content-Type", "application/json; charset=latin1")),
		one("no body", "response.empty", says(ok, "")),
		one("unknown content coding", "response.coding", with(ok, "Content-Encoding", "br")),
		one("coding that the body lacks", "response.coding", with(ok, "Content-Encoding", "gzip")),
		one("data after the value", "json.trailing", success(inKYC+inKYC)),
		one("a word after the value", "json.trailing", success(inKYC+"\nOK")),
		one("key twice", "json.duplicate_key", success(swap(inKYC, `"status"`, `"status":"rejected","status"`))),
		one("invalid UTF-8", "json.utf8", success(swap(pending, "too short", "too \xff short"))),
		one("no JSON", "json.syntax", success("it worked")),
		one("half of the JSON", "json.syntax", success(inKYC[:80])),

		one("header that isn't described", "header.undeclared", with(ok, "X-Powered-By", "PHP")),
		one("cookie", "header.undeclared", with(ok, "Set-Cookie", "a=b")),
		one("Retry-After on success", "header.undeclared", with(ok, "Retry-After", "1")),
		one("429 without Retry-After", "header.missing", with(limited(), "Retry-After")),
		one("503 without Retry-After", "header.missing", failure(503, "SERVICE_UNAVAILABLE")),
		one("Retry-After as a date", "header.value", with(limited(), "Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")),
		one("Retry-After of zero", "header.value", with(limited(), "Retry-After", "0")),
		one("X-Trace-Id of another form", "header.value", with(ok, "X-Trace-Id", "abc")),
		one("X-Trace-Id twice", "header.repeated", with(ok, "X-Trace-Id", trace, trace)),
		one("Content-Type twice", "header.repeated", with(ok, "Content-Type", "application/json", "application/json")),
		one("no X-Trace-Id", "trace.missing", with(ok, "X-Trace-Id")),
		one("error with no X-Trace-Id", "trace.missing", with(notFound, "X-Trace-Id")),
		one("X-Trace-Id of another call", "trace.differs", with(notFound, "X-Trace-Id", strings.Repeat("a", 32))),

		one("stack trace in an error", "error.internals", says(failure(409, "VAL"), fmt.Sprintf(`{"code":"VAL","message":"runtime error: index out of range [3]","trace_id":%q}`, trace))),
		one("Go type in an error", "error.internals", says(failure(409, "VAL"), fmt.Sprintf(`{"code":"VAL","message":"json: cannot unmarshal number into Go struct field Body.Name of type string","trace_id":%q}`, trace))),
		one("SQL in an error", "error.internals", says(failure(409, "VAL"), fmt.Sprintf(`{"code":"VAL","message":"ERROR: duplicate key (SQLSTATE 23505)","trace_id":%q}`, trace))),
		one("exception in an error", "error.internals", says(failure(409, "VAL"), fmt.Sprintf(`{"code":"VAL","message":"java.lang.NullPointerException","trace_id":%q}`, trace))),
		one("key in an error", "response.key_echoed", says(failure(401, "AUTH"), fmt.Sprintf(`{"code":"AUTH","message":"%s is no key","trace_id":%q}`, minimal.Key, trace))),
		one("key in a header", "response.key_echoed", with(ok, "Via", "1.1 "+minimal.Key)),
		one("code of another status", "error.code", failure(404, "VAL")),
		one("401 that says what a 404 says", "error.code", failure(401, "NOT_FOUND")),
		one("two codes", "error.codes_differ", says(limited(), swap(limited().body, `"error_code":"TOO_MANY_REQUESTS"`, `"error_code":"VAL"`))),
		one("wait for what won't change", "error.retry_after", with(failure(409, "VAL"), "Retry-After", "1")),
		one("mismatch of a key that nobody sent", "idempotency.unasked", failure(422, "IDEMPOTENCY_MISMATCH")),

		one("ids of another request", "product.ids", success(swap(inKYC, request, "another"))),
		one("id of another client", "product.ids", success(swap(inKYC, client, "another"))),
		one("in_kyc with something missing", "product.settled_missing", success(swap(inKYC, `"data":[]`, `"data":[`+phone+`]`))),
		one("in_kyc with a rejected item", "product.settled_rejected", success(swap(inKYC, `"rejected_items":[]`, `"rejected_items":[{"type":"data","key":"phone","reason":"no"}]`))),
		one("pending with nothing left", "product.pending_nothing", success(swap(inKYC, "in_kyc", "pending_documentation"))),
		one("enabled by a submission", "product.status", success(swap(inKYC, "in_kyc", "enabled"))),
		one("requested after a submission", "product.status", success(swap(pending, "pending_documentation", "requested"))),
		one("in_kyc with a rejection", "product.rejection", success(swap(inKYC, `"created_at"`, `"rejection_code":"X","created_at"`))),
		one("rejected item of no requirement", "product.rejected_unlisted", success(swap(pending, `"key":"phone","reason"`, `"key":"email","reason"`))),
		one("rejected document that isn't missing", "product.rejected_unlisted", success(swap(pending, `"type":"data","key":"phone"`, `"type":"document","key":"passport"`))),

		one("success without a key", "response.missing_key", ok, unkeyed),
		one("404 without a key", "response.missing_key", notFound, unkeyed),
		one("success with an unknown query", "response.accepted", ok, func(r *http.Request) { r.URL.RawQuery = "a=b" }),
		one("success with a body", "response.accepted", ok, func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
		}),
		one("404 to a wrong method", "response.unrouted", notFound, func(r *http.Request) { r.Method = http.MethodGet }),
		one("405 without Allow", "response.unrouted", failure(405, "METHOD_NOT_ALLOWED"), func(r *http.Request) { r.Method = http.MethodGet }),
		one("success of an unknown path", "response.unrouted", ok, func(r *http.Request) { r.URL.Path = "/" }),
		cut(),
	}
}

// cut is a server that ends before its response does.
func cut() Fault {
	f := served("", "")
	f.Name, f.Rule, f.run = "response cut off", "response.cut", cutRun
	return f
}

// sequences are servers whose responses contradict each other.
func sequences() []Fault {
	say := func(r response, edits ...func(*http.Request)) func() turn {
		return func() turn { return turn{call(edits...), r} }
	}
	elsewhere := func(r *http.Request) { r.URL.Path = strings.Replace(path, request, "another", 1) }
	other := success(swap(inKYC, request, "another"))
	later := success(swap(pending, `"updated_at":"2026-04-15`, `"updated_at":"2026-04-17`))
	return []Fault{
		served("success again after in_kyc", "history.settled", say(success(inKYC)), say(success(inKYC))),
		served("pending again after a conflict", "history.settled", say(failure(409, "VAL")), say(success(pending))),
		served("updated_at goes back", "history.updated_back", say(later), say(success(inKYC))),
		served("created_at moves", "history.created_moved", say(success(pending)), say(success(swap(inKYC, "2026-04-15T10:30:00", "2026-04-15T10:30:01")))),
		served("replay with other bytes", "idempotency.replay", say(success(inKYC), keyed), say(success(inKYC+" "), keyed)),
		served("conflict instead of a replay", "idempotency.replay", say(success(inKYC), keyed), say(failure(409, "VAL"), keyed)),
		served("key of another submission", "idempotency.mismatch", say(success(inKYC), keyed), say(other, keyed, elsewhere)),
	}
}

// clients are those that send what isn't described.
func clients() []Fault {
	return []Fault{
		sent("bad id", "request.parameter", func(r *http.Request) { r.URL.Path = strings.Replace(path, client, "a.b", 1) }),
		sent("id that is too long", "request.parameter", func(r *http.Request) { r.URL.Path = strings.Replace(path, request, strings.Repeat("a", 65), 1) }),
		sent("Idempotency-Key with a space", "request.parameter", func(r *http.Request) { r.Header.Set("Idempotency-Key", "a b") }),
		sent("two Idempotency-Keys", "request.parameter", func(r *http.Request) { r.Header["Idempotency-Key"] = []string{"a", "b"} }),
		sent("unknown query", "request.query", func(r *http.Request) { r.URL.RawQuery = "dry_run=1" }),
		sent("key in the query", "request.query", func(r *http.Request) { r.URL.RawQuery = "x-api-key=1" }),
		sent("body", "request.body", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2 }),
		sent("body of unknown length", "request.body", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), -1 }),
		sent("no key", "request.key", unkeyed),
		sent("two keys", "request.key", func(r *http.Request) { r.Header.Add("x-api-key", "another") }),
		sent("key as a bearer token", "request.key", func(r *http.Request) {
			r.Header.Del("x-api-key")
			r.Header.Set("Authorization", "Bearer "+minimal.Key)
		}),
		sent("wrong method", "request.method", func(r *http.Request) { r.Method = http.MethodPut }),
		sent("wrong path", "request.path", func(r *http.Request) { r.URL.Path = strings.Replace(path, "/individuals/", "/companies/", 1) }),
	}
}
