package server

import (
	"net/http"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cryptomate-go/enablement/gen/api"
)

// HandlerOf is Handler over another description than the embedded one.
func HandlerOf(doc *openapi3.T, impl api.StrictServerInterface, opts ...Option) (http.Handler, error) {
	h, err := newHandler(doc, impl, opts)
	if err != nil {
		return nil, err
	}
	return h, nil
}

// MatchesPattern asks the chain's own table of a pattern. It is not known where there is none.
func MatchesPattern(pattern, text string) (matches, known bool) {
	check := newTextCheck(openapi3.NewStringSchema().WithPattern(pattern).NewRef())
	if check == nil {
		return false, false
	}
	return acceptsText(check, text), true
}

// AcceptsJSON asks the chain's own check of a schema. It is not known where there is none.
func AcceptsJSON(schema *openapi3.SchemaRef, text []byte) (accepts, known bool) {
	check := newJSONCheck(schema, nil)
	if check == nil {
		return false, false
	}
	s := scanner{text: text}
	return check.accepts(&s) && s.end(), true
}

// Unchecked returns what of a description's operations kin-openapi decides on always.
func Unchecked(doc *openapi3.T) ([]string, error) {
	operations, err := operationsOf(doc)
	var unchecked []string
	for _, op := range operations {
		if op.request == nil {
			unchecked = append(unchecked, op.id+" request")
		}
		for status := range op.route.Operation.Responses.Map() {
			if code, err := strconv.Atoi(status); err != nil || op.replies[code] == nil {
				unchecked = append(unchecked, op.id+" "+status)
			}
		}
	}
	return unchecked, err
}
