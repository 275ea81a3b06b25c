package spec

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Rule is a rule for responses that no schema can express.
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
		{listOrder, "a list is newest first"},
		{clientID, "a client's id is that of the path"},
		{clientPhone, "a client has both fields of the phone number, or none"},
		{productIDs, "id and client_id are those of the path"},
		{productStatus, "a request is pending when it is made and when a document is added, and a submission ends in in_kyc or pending_documentation"},
		{productActive, "at most one request for a product is not rejected"},
		{productMissing, "in_kyc and enabled have nothing missing"},
		{productRejected, "in_kyc and enabled have no rejected items"},
		{productNothing, "a request that is pending_documentation after a submission has something missing or rejected"},
		{productRejection, "only a rejected request has a rejection's code or description"},
		{productUnlisted, "an item that a submission rejects belongs to a missing requirement"},
		{productForeign, "a call that adds a document rejects only documents"},
		{idempotencyUnasked, "only calls with an Idempotency-Key get errors about it"},
	}
}

const (
	timeImpossible     = "time.impossible"
	timeOrder          = "time.order"
	traceDiffers       = "trace.differs"
	errorCode          = "error.code"
	errorCodesDiffer   = "error.codes_differ"
	errorRetryAfter    = "error.retry_after"
	listOrder          = "list.order"
	clientID           = "client.id"
	clientPhone        = "client.phone"
	productIDs         = "product.ids"
	productStatus      = "product.status"
	productActive      = "product.active"
	productMissing     = "product.settled_missing"
	productRejected    = "product.settled_rejected"
	productNothing     = "product.pending_nothing"
	productRejection   = "product.rejection"
	productUnlisted    = "product.rejected_unlisted"
	productForeign     = "product.rejected_foreign"
	idempotencyUnasked = "idempotency.unasked"
)

// ofSchema are the rules about what has one of the components as its schema, wherever it stands at the root
// of a response or in a list there. An operation with something new adds it here.
var ofSchema = map[string]func(e *Exchange, at string, v *Scanner){
	"EvaluatedProduct": (*Exchange).evaluated,
	"Product":          func(e *Exchange, at string, v *Scanner) { e.product(at, v) },
	"Products":         (*Exchange).products,
	"Client":           (*Exchange).client,
	"Clients":          (*Exchange).clients,
	"Error":            (*Exchange).failure,
}

// ofOperation are the statuses of a product that an operation succeeds with; others with any.
var ofOperation = map[string][]api.ProductStatus{
	"requestProduct": {api.Requested, api.PendingDocumentation},
	adds:             {api.Requested, api.PendingDocumentation},
	"submitProduct":  {api.InKyc, api.PendingDocumentation},
}

// adds is the operation that leaves a request as it is where nothing is left, and that may reject a document although
// its requirement is satisfied: that is the one which was just sent.
const adds = "completeDocumentation"

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

// Breaches returns where a response contradicts itself or the call. It ignores fields of a wrong type: those are for
// the schemas.
func Breaches(e Exchange) []Breach {
	schema, body := e.schema(), Scan(e.Body)
	if schema == nil {
		return nil
	}
	e.held("", schema, body)
	for i, item := range body.items() {
		e.held("/"+strconv.Itoa(i), schema.Value.Items, item)
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

func (e *Exchange) held(at string, schema *openapi3.SchemaRef, v Scanner) {
	if schema == nil {
		return
	}
	if rules := ofSchema[strings.TrimPrefix(schema.Ref, "#/components/schemas/")]; rules != nil {
		rules(e, at, &v)
	}
}

func (e *Exchange) breach(rule, pointer, schema, expected, got string) {
	e.breaches = append(e.breaches, Breach{rule, pointer, schema, expected, got})
}

// product checks what holds wherever a product appears. What it returns are the status and the requirements.
func (e *Exchange) product(at string, s *Scanner) (status api.ProductStatus, missing Scanner) {
	var created, updated string
	var rejection []string // fields
	for name := range s.Within('{') {
		switch name {
		case "status":
			text, _ := s.Text()
			status = api.ProductStatus(text)
		case "missing_requirements":
			missing = *s
			s.Skip()
		case "created_at":
			created, _ = s.Text()
		case "updated_at":
			updated, _ = s.Text()
		case "rejection_code", "rejection_description":
			rejection = append(rejection, name)
			s.Skip()
		case "id":
			e.echo(at, name, "productRequestId", productIDs, "Product", s)
		case "client_id":
			e.echo(at, name, "clientId", productIDs, "Product", s)
		default:
			s.Skip()
		}
	}
	if settled(status) {
		for _, name := range filled(missing) {
			e.breach(productMissing, at+"/missing_requirements/"+name, "MissingRequirements", "an empty list, as the status is "+string(status), "items")
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
	e.times(at, "Product", created, updated)
	return status, missing
}

// filled are the names of the lists with something in them.
func filled(lists Scanner) (names []string) {
	for name := range lists.Within('{') {
		if lists.filled() {
			names = append(names, name)
		}
		lists.Skip()
	}
	return names
}

// echo reads a field that the path has, too, in some operations.
func (e *Exchange) echo(at, field, parameter, rule, schema string, s *Scanner) {
	got, isText := s.Text()
	if want := e.Path(parameter); want != "" && isText && got != want {
		e.breach(rule, at+"/"+field, schema, "the "+parameter+" of the path", got)
	}
}

// settled tells whether nothing is left to do.
func settled(status api.ProductStatus) bool { return status == api.InKyc || status == api.Enabled }

// times is for whatever has created_at and updated_at.
func (e *Exchange) times(at, schema, created, updated string) {
	if exists(created) && exists(updated) && created <= updated { // texts of one form are ordered as their moments
		return
	}
	from, errFrom := api.ParseTimestamp(created)
	to, errTo := api.ParseTimestamp(updated)
	switch {
	case errFrom != nil && Impossible(created):
		e.breach(timeImpossible, at+"/created_at", "Timestamp", "a moment that exists", created)
	case errTo != nil && Impossible(updated):
		e.breach(timeImpossible, at+"/updated_at", "Timestamp", "a moment that exists", updated)
	case errFrom == nil && errTo == nil && to.Before(from.Time):
		e.breach(timeOrder, at+"/updated_at", schema, "a moment not before created_at", updated)
	}
}

// evaluated checks what holds of a product and its rejected items.
func (e *Exchange) evaluated(at string, s *Scanner) {
	var status api.ProductStatus
	var missing, rejected Scanner
	for name := range s.Within('{') {
		switch name {
		case "product":
			status, missing = e.product(at+"/product", s)
		case "rejected_items":
			rejected = *s
			s.Skip()
		default:
			s.Skip()
		}
	}
	refused := rejected.filled()
	switch {
	case settled(status) && refused:
		e.breach(productRejected, at+"/rejected_items", "EvaluatedProduct", "an empty list, as the status is "+string(status), "items")
	case settled(status):
	case e.Operation.OperationID == adds:
		e.foreign(at, rejected)
	case refused:
		e.unlisted(at, missing, rejected)
	case status == api.PendingDocumentation && len(filled(missing)) == 0:
		e.breach(productNothing, at+"/product/status", "ProductStatus", "in_kyc, as nothing is left missing", string(status))
	}
}

// foreign finds rejected items that can't be of the document that was sent.
func (e *Exchange) foreign(at string, rejected Scanner) {
	for i, item := range rejected.items() {
		if kind, _ := item.textOf("type"); api.RejectedItemType(kind).Valid() && kind != string(api.RejectedDocument) {
			e.breach(productForeign, fmt.Sprintf("%s/rejected_items/%d/type", at, i), "RejectedItemType", string(api.RejectedDocument), kind)
		}
	}
}

// unlisted finds rejected items that no missing requirement is about.
func (e *Exchange) unlisted(at string, missing, rejected Scanner) {
	known := map[string]map[string]bool{string(api.RejectedDocument): {}, string(api.RejectedData): {}}
	collect := func(kind api.RejectedItemType, requirements Scanner, inner, name string) {
		for _, requirement := range requirements.items() {
			for _, item := range requirement.member(inner).items() {
				text, _ := item.textOf(name)
				known[string(kind)][text] = true
			}
		}
	}
	collect(api.RejectedDocument, missing.member("documents"), "valid_documents", "id")
	collect(api.RejectedData, missing.member("data"), "fields", "key")
	for i, item := range rejected.items() {
		kind, _ := item.textOf("type")
		key, isText := item.textOf("key")
		if keys := known[kind]; keys != nil && isText && !keys[key] {
			e.breach(productUnlisted, fmt.Sprintf("%s/rejected_items/%d/key", at, i), "RejectedItem",
				"a kind of document, or a data field, of a requirement that is still missing", key)
		}
	}
}

// OwnForm tells of a timestamp whether it has the form that the API writes itself.
func OwnForm(timestamp string) bool {
	const form = "0000-00-00T00:00:00"
	if len(timestamp) != len(form) {
		return false
	}
	for i := range len(form) {
		if digit := timestamp[i] >= '0' && timestamp[i] <= '9'; digit != (form[i] == '0') || !digit && timestamp[i] != form[i] {
			return false
		}
	}
	month, day, hour, minute, second := timestamp[5:7], timestamp[8:10], timestamp[11:13], timestamp[14:16], timestamp[17:19]
	return month >= "01" && month <= "12" && day >= "01" && day <= "31" && hour <= "23" && minute <= "59" && second <= "59"
}

// exists tells of a timestamp that it surely is a moment: every month has 28 days.
func exists(timestamp string) bool { return OwnForm(timestamp) && timestamp[8:10] <= "28" }

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
func (e *Exchange) failure(at string, s *Scanner) {
	sent := e.Header.Get("X-Trace-Id")
	if trace, isText := s.textOf("trace_id"); isText && sent != "" && trace != sent {
		e.breach(traceDiffers, at+"/trace_id", "", "the value of X-Trace-Id", trace)
	}
	text, isText := s.textOf("code")
	if !isText {
		return
	}
	code := api.ErrorCode(text)
	if other, isText := s.textOf("error_code"); isText && other != text {
		e.breach(errorCodesDiffer, at+"/error_code", "", "the same as in /code", other)
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

// Codes are the error codes that the specification shows for a status of an operation.
func Codes(operation *openapi3.Operation, status int) []string { return codes(operation, status) }

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
