package server

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/cryptomate-go/enablement/gen/spec"
)

// validationOptions are for requests and responses.
func validationOptions() *openapi3filter.Options {
	return &openapi3filter.Options{
		AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc, // authenticate did it
		IncludeResponseStatus: true,
		SkipSettingDefaults:   true, // check a request, don't change it
		// Whatever text of a schema error gets out by mistake, it has no submitted value in it.
		SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.DisableSchemaErrorDetails()},
	}
}

// validateRequest lets only such a request pass as the operation describes: nothing missing,
// nothing malformed, nothing more. No message repeats a submitted value.
func (h *handler) validateRequest(c *call, r *http.Request) error {
	op := c.operation
	query, err := parseQuery(op, r.URL.RawQuery)
	if err != nil {
		return err
	}
	for _, name := range op.headers {
		if len(r.Header[http.CanonicalHeaderKey(name)]) > 1 {
			return sentTwice(name)
		}
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(nil, r.Body, op.maxBody)
	}
	body, err := h.readBody(c, r)
	if err != nil {
		return err
	}
	if query == nil && op.fast.Request(r, string(body)) {
		return nil
	}
	if err := unambiguous(c, r, body); err != nil {
		return err
	}
	input := &openapi3filter.RequestValidationInput{
		Request:     r,
		PathParams:  make(map[string]string, len(op.pathParams)),
		QueryParams: query,
		Route:       op.route,
		Options:     h.validation,
	}
	for _, name := range op.pathParams {
		input.PathParams[name] = r.PathValue(name)
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return h.requestError(err)
	}
	return nil
}

// parseQuery refuses a query that is malformed or has a parameter the operation doesn't.
func parseQuery(op *operation, raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("The query is malformed", nil)
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !op.query[name] {
			return nil, badRequest(fmt.Sprintf("query parameter %q: is not known", printable(name)), nil)
		}
	}
	return query, nil
}

// printable cuts a name of the caller's invention to what is safe to repeat.
func printable(name string) string {
	const longest = 32
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"'\<>&`, r) {
			return '?'
		}
		return r
	}, name[:min(len(name), longest)])
	if len(name) > longest {
		clean += "..."
	}
	return clean
}

// requestError says in few words what is wrong with a request.
func (h *handler) requestError(err error) error {
	var (
		request *openapi3filter.RequestError
		schema  *openapi3.SchemaError
	)
	if !errors.As(err, &request) {
		return err
	}
	where, pointer := "request body", ""
	if p := request.Parameter; p != nil {
		where = fmt.Sprintf("%s %q", p.In, p.Name)
		if p.In != openapi3.ParameterInHeader {
			where = fmt.Sprintf("%s parameter %q", p.In, p.Name)
		}
	}
	what := "is malformed"
	switch {
	case errors.As(err, &schema):
		what, pointer = ruleOf(schema), pointerOf(schema)
		if name, ok := unknownField(schema); ok {
			what, pointer = "is not known", pointer+pointerTo([]string{escaped.Replace(name)})
		}
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		what = "is required"
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue):
		what = "must not be empty"
	case request.Parameter == nil && request.Err == nil:
		where, what = `header "Content-Type"`, "must be application/json"
	}
	if pointer != "" {
		where += " " + pointer
	}
	return badRequest(where+": "+what, nil)
}

// validateResponse returns what is wrong with an implementation's response: where and which rule, but
// no value.
func (h *handler) validateResponse(c *call, r *http.Request) error {
	switch {
	case c.status == 0:
		return errors.New("the implementation wrote no response")
	case c.status < 200 || c.status > 599:
		return fmt.Errorf("the response has no valid status: %d", c.status)
	case !h.checkResponses:
		return nil
	}
	c.stamp()
	op, body := c.operation, string(c.body)
	if !op.fast.Response(c.status, c.header, body) {
		if err := h.askKin(c, r); err != nil {
			return err
		}
	}
	return op.contradiction(c, r, body)
}

func (h *handler) askKin(c *call, r *http.Request) error {
	if !c.operation.declares(c.status) { // the validator lets undeclared redirects pass
		return fmt.Errorf("the response is not as described: status %d is not declared", c.status)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: c.operation.route},
		Status:                 c.status,
		Header:                 c.header,
		Options:                h.validation,
	}
	if err := openapi3filter.ValidateResponse(r.Context(), input.SetBodyBytes(c.body)); err != nil {
		return fmt.Errorf("the %d response is not as described: %s", c.status, responseDefect(err))
	}
	return nil
}

// contradiction returns what no schema says against a response: its fields don't fit each other, or the call.
func (o *operation) contradiction(c *call, r *http.Request, body string) error {
	var found []string
	for _, b := range spec.Breaches(spec.Exchange{
		Operation: o.route.Operation, Path: r.PathValue, Asked: r.Header, Status: c.status, Header: c.header, Body: body,
	}) {
		found = append(found, fmt.Sprintf("%s: expected %s (%s)", b.Pointer, b.Expected, b.Rule))
	}
	if found == nil {
		return nil
	}
	return fmt.Errorf("the %d response contradicts itself or the call: %s", c.status, strings.Join(found, "; "))
}

func responseDefect(err error) string {
	var (
		response *openapi3filter.ResponseError
		schema   *openapi3.SchemaError
	)
	what := "it can't be checked"
	if errors.As(err, &response) {
		what, _, _ = strings.Cut(response.Reason, ": ") // what follows is a value
	}
	if errors.As(err, &schema) {
		what += ": "
		if pointer := pointerOf(schema); pointer != "" {
			what += pointer + " "
		}
		what += ruleOf(schema)
	}
	return what
}

// pointerOf is empty for the whole value.
func pointerOf(e *openapi3.SchemaError) string {
	names := e.JSONPointer()
	for i, name := range names {
		names[i] = escaped.Replace(name)
	}
	return pointerTo(names)
}

// ruleOf puts the rule that a value breaks in words, without the value.
func ruleOf(e *openapi3.SchemaError) string {
	switch e.SchemaField {
	case "pattern":
		return "must match " + e.Schema.Pattern
	case "minimum":
		return "must be at least " + digits(*e.Schema.Min)
	case "maximum":
		return "must be at most " + digits(*e.Schema.Max)
	case "minLength":
		return fmt.Sprintf("must have at least %d characters", e.Schema.MinLength)
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *e.Schema.MaxLength)
	case "maxProperties":
		return fmt.Sprintf("must have at most %d fields", *e.Schema.MaxProps)
	case "format":
		return "must be of format " + e.Schema.Format
	case "enum":
		return "must be one of the documented values"
	case "type":
		return "must be of type " + strings.Join(e.Schema.Type.Slice(), " or ")
	case "nullable":
		return "must not be null"
	case "properties":
		return "has a property that is not known"
	case "required":
		return "is missing"
	default:
		return "breaks the rule " + e.SchemaField
	}
}

// digits writes a bound as a caller writes the number, without an exponent.
func digits(bound float64) string { return strconv.FormatFloat(bound, 'f', -1, 64) }
