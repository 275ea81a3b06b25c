package server

import (
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

// HandlerOf is Handler over another description than the embedded one.
func HandlerOf(doc *openapi3.T, impl any, opts ...Option) (http.Handler, error) {
	h, err := newHandler(doc, impl, opts)
	if err != nil {
		return nil, err
	}
	return h, nil
}
