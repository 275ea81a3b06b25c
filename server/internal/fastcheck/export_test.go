package fastcheck

import (
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// MatchesPattern asks the check of a string with a pattern. It is not known where there is none.
func MatchesPattern(pattern, text string) (matches, known bool) {
	check := newSchema(openapi3.NewStringSchema().WithPattern(pattern).NewRef(), nil)
	if check == nil {
		return false, false
	}
	return check.acceptsText(text), true
}

// AcceptsJSON asks the check of a schema. It is not known where there is none.
func AcceptsJSON(schema *openapi3.SchemaRef, text []byte) (accepts, known bool) {
	check := newSchema(schema, nil)
	if check == nil {
		return false, false
	}
	return check.acceptsJSON(string(text)), true
}

// Unchecked returns what of a specification's operations kin-openapi decides on always.
func Unchecked(doc *openapi3.T) (unchecked []string) {
	for path, item := range doc.Paths.Map() {
		for method, described := range item.Operations() {
			o := New(&routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: described})
			if o.request == nil || hasUnknown(o.path) || hasUnknown(o.request.headers) {
				unchecked = append(unchecked, described.OperationID+" request")
			}
			for status := range described.Responses.Map() {
				code, err := strconv.Atoi(status)
				if response := o.responses[code]; err != nil || response == nil || hasUnknown(response.headers) {
					unchecked = append(unchecked, described.OperationID+" "+status)
				}
			}
		}
	}
	return unchecked
}

func hasUnknown(parameters []parameter) bool {
	for _, p := range parameters {
		if p.required && p.value == nil {
			return true
		}
	}
	return false
}
