package spec

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Rule is something that a response is held to and no schema can say.
type Rule struct{ ID, Says string }

// Rules returns what [Breaches] finds breaches of.
func Rules() []Rule {
	return []Rule{
		{timeImpossible, "a timestamp exists in the calendar"},
		{timeOrder, "updated_at is not before created_at"},
		{traceDiffers, "X-Trace-Id and trace_id are the same"},
		{errorCode, "an error's code is one of those its status is described with"},
		{errorCodesDiffer, "code and error_code are the same"},
		{errorRetryAfter, "Retry-After is sent only where waiting helps"},
		{productIDs, "id and client_id are those of the path"},
		{productStatus, "a submission ends in in_kyc or pending_documentation"},
		{productMissing, "in_kyc and enabled have nothing missing"},
		{productRejected, "in_kyc and enabled have no rejected items"},
		{productNothing, "pending_documentation has something left"},
		{productRejection, "only a rejected request has a rejection's code or description"},
		{productUnlisted, "a rejected item belongs to a requirement that is listed as missing"},
		{idempotencyUnasked, "errors of idempotency are for calls with an Idempotency-Key only"},
	}
}

const (
	timeImpossible     = "time.impossible"
	timeOrder          = "time.order"
	traceDiffers       = "trace.differs"
	errorCode          = "error.code"
	errorCodesDiffer   = "error.codes_differ"
	errorRetryAfter    = "error.retry_after"
	productIDs         = "product.ids"
	productStatus      = "product.status"
	productMissing     = "product.settled_missing"
	productRejected    = "product.settled_rejected"
	productNothing     = "product.pending_nothing"
	productRejection   = "product.rejection"
	productUnlisted    = "product.rejected_unlisted"
	idempotencyUnasked = "idempotency.unasked"
)

// ofSchema are the rules about what has one of the components as its schema, wherever it stands at the root
// of a response or in a list there. An operation with something new adds it here.
var ofSchema = map[string]func(e *Exchange, at string, v value){
	"EvaluatedProduct": (*Exchange).evaluated,
	"Product":          func(e *Exchange, at string, v value) { e.product(at, v) },
	"Error":            (*Exchange).failure,
}

// ofOperation are the statuses of a product that an operation succeeds with; others with any.
var ofOperation = map[string][]api.ProductStatus{
	"submitProduct": {api.InKyc, api.PendingDocumentation},
}

// Exchange is a call and its response, whose body is valid JSON.
type Exchange struct {
	Operation *openapi3.Operation
	Path      func(parameter string) string // of the call; empty for one that its path doesn't have
	Asked     http.Header                   // of the call
	Status    int
	Header    http.Header
	Body      string

	breaches []Breach
}

// Breach is where a response breaks one of [Rules].
type Breach struct {
	Rule string
	// Pointer is a JSON pointer into the body, or "header" and a name.
	Pointer string
	// Schema is the component that is about the place; empty for the response as such.
	Schema string
	// Expected is what should be there, in words and without a value of the response.
	Expected string
	// Got is what is there. It can be personal data.
	Got string
}

// Breaches returns what in a response contradicts the rest of it, or the call. What has not the type that it
// should have is left to the schemas.
func Breaches(e Exchange) []Breach {
	schema, body := e.schema(), value(e.Body).skip()
	if schema == nil {
		return nil
	}
	e.held("", schema, body)
	for i, item := range body.items() {
		e.held(fmt.Sprintf("/%d", i), schema.Value.Items, item)
	}
	return e.breaches
}

// schema is nil where the body has none. No operation has a 405: it answers another method, as a 404 another path.
func (e *Exchange) schema() *openapi3.SchemaRef {
	status := e.Status
	if status == http.StatusMethodNotAllowed {
		status = http.StatusNotFound
	}
	response := e.Operation.Responses.Status(status)
	if response == nil || response.Value.Content["application/json"] == nil {
		return nil
	}
	return response.Value.Content["application/json"].Schema
}

func (e *Exchange) held(at string, schema *openapi3.SchemaRef, v value) {
	if schema == nil {
		return
	}
	if rules := ofSchema[strings.TrimPrefix(schema.Ref, "#/components/schemas/")]; rules != nil {
		rules(e, at, v)
	}
}

func (e *Exchange) breach(rule, pointer, schema, expected, got string) {
	e.breaches = append(e.breaches, Breach{rule, pointer, schema, expected, got})
}

// product checks what holds wherever a product appears.
func (e *Exchange) product(at string, product value) (status api.ProductStatus, missing value) {
	var created, updated value
	var rejection []string // fields
	for m := product.members(); m.next(); {
		switch m.name {
		case "status":
			status = api.ProductStatus(m.text())
		case "missing_requirements":
			missing = m.value
		case "created_at":
			created = m.value
		case "updated_at":
			updated = m.value
		case "rejection_code", "rejection_description":
			rejection = append(rejection, m.name)
		case "id":
			e.echo(at, m, "productRequestId")
		case "client_id":
			e.echo(at, m, "clientId")
		}
	}
	if settled(status) {
		for list := missing.members(); list.next(); {
			if len(list.items()) > 0 {
				e.breach(productMissing, at+"/missing_requirements/"+list.name, "MissingRequirements", "an empty list, as the status is "+string(status), "items")
			}
		}
	}
	if fitting := ofOperation[e.Operation.OperationID]; fitting != nil && status.Valid() && !slices.Contains(fitting, status) {
		e.breach(productStatus, at+"/status", "ProductStatus", fmt.Sprintf("one of %v after this operation", fitting), string(status))
	}
	for _, name := range rejection {
		if status.Valid() && status != api.Rejected {
			e.breach(productRejection, at+"/"+name, "Product", "no such field, as the status is not rejected", "")
		}
	}
	e.times(at, created, updated)
	return status, missing
}

// echo is for a field that the path has, too, in some operations.
func (e *Exchange) echo(at string, field members, parameter string) {
	if want := e.Path(parameter); want != "" && field.isText() && field.text() != want {
		e.breach(productIDs, at+"/"+field.name, "Product", "the "+parameter+" of the path", field.text())
	}
}

// settled tells whether nothing is left to do.
func settled(status api.ProductStatus) bool { return status == api.InKyc || status == api.Enabled }

// times is for whatever has created_at and updated_at.
func (e *Exchange) times(at string, created, updated value) {
	from, errFrom := api.ParseTimestamp(created.text())
	to, errTo := api.ParseTimestamp(updated.text())
	switch {
	case errFrom != nil && Impossible(created.text()):
		e.breach(timeImpossible, at+"/created_at", "Timestamp", "a moment that exists", created.text())
	case errTo != nil && Impossible(updated.text()):
		e.breach(timeImpossible, at+"/updated_at", "Timestamp", "a moment that exists", updated.text())
	case errFrom == nil && errTo == nil && to.Before(from.Time):
		e.breach(timeOrder, at+"/updated_at", "Product", "a moment not before created_at", updated.text())
	}
}

// evaluated checks what holds of a product and its rejected items.
func (e *Exchange) evaluated(at string, body value) {
	var product, rejected value
	for m := body.members(); m.next(); {
		switch m.name {
		case "product":
			product = m.value
		case "rejected_items":
			rejected = m.value
		}
	}
	status, missing := e.product(at+"/product", product)
	if settled(status) {
		if len(rejected.items()) > 0 {
			e.breach(productRejected, at+"/rejected_items", "EvaluatedProduct", "an empty list, as the status is "+string(status), "items")
		}
		return
	}
	left := len(rejected.items()) > 0
	for list := missing.members(); list.next(); {
		left = left || len(list.items()) > 0
	}
	if status == api.PendingDocumentation && !left {
		e.breach(productNothing, at+"/product/status", "ProductStatus", "in_kyc, as nothing is left missing", string(status))
	}
	if len(rejected.items()) > 0 {
		e.unlisted(at, missing, rejected)
	}
}

// unlisted finds rejected items that no missing requirement is about.
func (e *Exchange) unlisted(at string, missing, rejected value) {
	known := map[string]map[string]bool{string(api.RejectedDocument): {}, string(api.RejectedData): {}}
	collect := func(kind api.RejectedItemType, requirements value, inner, name string) {
		for _, requirement := range requirements.items() {
			for _, item := range requirement.member(inner).items() {
				known[string(kind)][item.member(name).text()] = true
			}
		}
	}
	collect(api.RejectedDocument, missing.member("documents"), "valid_documents", "id")
	collect(api.RejectedData, missing.member("data"), "fields", "key")
	for i, item := range rejected.items() {
		key := item.member("key")
		if keys := known[item.member("type").text()]; keys != nil && key.isText() && !keys[key.text()] {
			e.breach(productUnlisted, fmt.Sprintf("%s/rejected_items/%d/key", at, i), "RejectedItem",
				"a kind of document, or a data field, of a requirement that is still missing", key.text())
		}
	}
}

// Impossible tells whether a text has the form of a timestamp, and is no moment: a 30th of February.
func Impossible(text string) bool {
	_, err := api.ParseTimestamp(text)
	return err != nil && timestamp().MatchString(text)
}

var timestamp = sync.OnceValue(func() *regexp.Regexp {
	doc, err := GetSpec()
	if err != nil {
		panic(err) // it is embedded
	}
	return regexp.MustCompile(doc.Components.Schemas["Timestamp"].Value.Pattern)
})

// failure checks what holds of every error.
func (e *Exchange) failure(at string, body value) {
	trace, sent := body.member("trace_id"), e.Header.Get("X-Trace-Id")
	if trace.isText() && sent != "" && trace.text() != sent {
		e.breach(traceDiffers, at+"/trace_id", "", "the value of X-Trace-Id", trace.text())
	}
	if !body.member("code").isText() {
		return
	}
	code := api.ErrorCode(body.member("code").text())
	if other := body.member("error_code"); other.isText() && other.text() != string(code) {
		e.breach(errorCodesDiffer, at+"/error_code", "", "the same as in /code", other.text())
	}
	if fitting := codes(e.Operation, e.Status); code.Valid() && !slices.Contains(fitting, string(code)) {
		e.breach(errorCode, at+"/code", "", fmt.Sprintf("a code of a %d: %s", e.Status, strings.Join(fitting, " or ")), string(code))
	}
	if code == api.CodeVal && e.Header.Get("Retry-After") != "" {
		e.breach(errorRetryAfter, "header Retry-After", "", "no such header, as waiting won't help", "")
	}
	unasked := e.Asked.Get("Idempotency-Key") == ""
	if unasked && (code == api.CodeIdempotencyInProgress || code == api.CodeIdempotencyMismatch) {
		e.breach(idempotencyUnasked, at+"/code", "", "another error, as no Idempotency-Key was sent", string(code))
	}
}

// codes are the error codes that the examples of a status show.
func codes(operation *openapi3.Operation, status int) []string {
	if status == http.StatusMethodNotAllowed {
		return []string{string(api.CodeMethodNotAllowed)}
	}
	response := operation.Responses.Status(status)
	if response == nil {
		return nil
	}
	var codes []string
	for _, media := range response.Value.Content {
		examples := []any{media.Example}
		for _, ref := range media.Examples {
			examples = append(examples, ref.Value.Value)
		}
		for _, example := range examples {
			if object, ok := example.(map[string]any); ok {
				if code, ok := object["code"].(string); ok {
					codes = append(codes, code)
				}
			}
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
