package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/cryptomate-go/enablement/server/internal/fastcheck"
)

// operation is what the chain knows of an operation of the specification.
type operation struct {
	id          string
	route       *routers.Route
	keyName     string // of the header, as described; empty where the operation has no security
	keyHeader   string // the same in canonical form
	accessLevel int
	pathParams  []string
	headers     []string // that stand once at most
	query       map[string]bool
	maxBody     int64 // 0: as the handler's
	tooLarge    *Error
	photos      map[string]int64 // how many bytes each may have, by JSON pointer; nil: there are none in the body
	fast        *fastcheck.Operation
	logger      *slog.Logger // says which operation it is
}

// declares reports whether the specification has a response of this status.
func (o *operation) declares(status int) bool {
	responses := o.route.Operation.Responses
	return responses.Status(status) != nil || responses.Default() != nil
}

// takesBody reports whether the specification has a request body.
func (o *operation) takesBody() bool { return o.route.Operation.RequestBody != nil }

// operationsOf returns the operations of doc by their pattern in the mux, such as "POST /a/{b}".
func operationsOf(doc *openapi3.T) (map[string]*operation, error) {
	if doc.IsOpenAPI31OrLater() {
		// Not least because hiding submitted values from error texts works on 3.0 only.
		return nil, fmt.Errorf("the specification is OpenAPI %s, only 3.0 is supported", doc.OpenAPI)
	}
	operations := make(map[string]*operation)
	for path, item := range doc.Paths.Map() {
		for method, described := range item.Operations() {
			pattern := method + " " + path
			op, err := newOperation(&routers.Route{
				Spec: doc, Path: path, PathItem: item, Method: method, Operation: described,
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", pattern, err)
			}
			operations[pattern] = op
		}
	}
	return operations, nil
}

func newOperation(route *routers.Route) (*operation, error) {
	op := &operation{id: route.Operation.OperationID, route: route, query: make(map[string]bool)}
	for _, parameter := range slices.Concat(route.PathItem.Parameters, route.Operation.Parameters) {
		name := parameter.Value.Name
		switch parameter.Value.In {
		case openapi3.ParameterInPath:
			op.pathParams = append(op.pathParams, name)
		case openapi3.ParameterInHeader:
			op.headers = append(op.headers, name)
		case openapi3.ParameterInQuery:
			op.query[name] = true
		}
	}
	if op.takesBody() {
		op.headers = append(op.headers, "Content-Type") // of two, each reader could take another
	}
	secured, err := op.readSecurity()
	if err != nil {
		return nil, err
	}
	// What the chain itself responds with must be documented, or it would break the specification.
	statuses := []int{
		http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	if secured {
		statuses = append(statuses, http.StatusUnauthorized)
	}
	for _, status := range statuses {
		if !op.declares(status) {
			return nil, fmt.Errorf("it declares no response %d", status)
		}
	}
	if err := op.readBodyLimits(); err != nil {
		return nil, err
	}
	op.fast = fastcheck.New(route)
	return op, nil
}

// readBodyLimits takes from the specification how large a body may be, and where the photos are in it.
func (o *operation) readBodyLimits() (err error) {
	if most, ok := o.route.Operation.Extensions["x-max-body"]; ok {
		limit, err := wholeNumber(most)
		if err != nil || limit < 1 {
			return fmt.Errorf("x-max-body is not a number of bytes: %w", err)
		}
		o.maxBody = int64(limit)
	}
	o.photos, err = photosOf(o.route.Operation)
	return err
}

// readSecurity takes what a caller must show from the specification. It refuses what the chain
// can't enforce, rather than to let such a call pass.
func (o *operation) readSecurity() (secured bool, err error) {
	doc, described := o.route.Spec, o.route.Operation
	requirements := doc.Security
	if described.Security != nil {
		requirements = *described.Security
	}
	level, found := described.Extensions["x-access-level"]
	if len(requirements) == 0 {
		if found {
			return false, errors.New("it has x-access-level but no security")
		}
		return false, nil
	}
	if len(requirements) != 1 || len(requirements[0]) != 1 {
		return false, errors.New("its security is not exactly one scheme")
	}
	var schemes openapi3.SecuritySchemes
	if doc.Components != nil {
		schemes = doc.Components.SecuritySchemes
	}
	for name := range requirements[0] {
		scheme := schemes[name]
		if scheme == nil || scheme.Value == nil {
			return false, fmt.Errorf("security scheme %s is not described", name)
		}
		if scheme.Value.Type != "apiKey" || scheme.Value.In != openapi3.ParameterInHeader || scheme.Value.Name == "" {
			return false, fmt.Errorf("security scheme %s is not an API key in a header", name)
		}
		o.keyName, o.keyHeader = scheme.Value.Name, http.CanonicalHeaderKey(scheme.Value.Name)
	}
	if !found {
		return false, errors.New("it has security but no x-access-level")
	}
	if o.accessLevel, err = wholeNumber(level); err != nil {
		return false, fmt.Errorf("x-access-level: %w", err)
	}
	return true, nil
}

// wholeNumber reads an extension's value, whatever type the loader gave it.
func wholeNumber(value any) (int, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return 0, err
	}
	var number int
	if err := json.Unmarshal(text, &number); err != nil || string(text) == "null" {
		return 0, fmt.Errorf("%s is not a whole number", text)
	}
	return number, nil
}

// router takes the routes that the generated code registers, and wraps each in the chain. The
// mux's pattern leads to the operation, so a path is matched once.
type router struct {
	mux          *http.ServeMux
	operations   map[string]*operation // those without a route yet
	serves       func(id string) bool
	wrap         func(op *operation, generated http.HandlerFunc) http.HandlerFunc
	served, left []string // operations, by their ids
	unknown      []string // patterns that aren't in the specification
}

// HandleFunc implements the generated [api.ServeMux].
func (m *router) HandleFunc(pattern string, generated func(http.ResponseWriter, *http.Request)) {
	op := m.operations[pattern]
	if op == nil {
		m.unknown = append(m.unknown, pattern)
		return
	}
	delete(m.operations, pattern)
	if !m.serves(op.id) {
		m.left = append(m.left, op.id)
		return
	}
	m.served = append(m.served, op.id)
	m.mux.HandleFunc(pattern, m.wrap(op, generated))
}

// ServeHTTP implements the generated [api.ServeMux].
func (m *router) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// complete returns an error if generated code and specification differ in their routes, and otherwise
// tells the log what is served.
func (m *router) complete(logger *slog.Logger) error {
	if len(m.unknown) > 0 {
		return fmt.Errorf("the specification lacks routes of the generated code: %s", strings.Join(m.unknown, ", "))
	}
	for pattern := range m.operations {
		return fmt.Errorf("the generated code lacks a route of the specification: %s", pattern)
	}
	tell := logger.Debug // of all nobody has to be told
	if len(m.left) > 0 {
		tell = logger.Info
	}
	tell("handler is ready", slog.Any("served", m.served), slog.Any("not_served", m.left))
	return nil
}
